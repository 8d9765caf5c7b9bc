"""The parser of the training command line, its settings of the process, and the parts that Lightning's own lacks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import lightning as L
import torch
from lightning.fabric.utilities.seed import max_seed_value, min_seed_value
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback
from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.cli.argument_errors import ArgumentErrors
from lightning_gans.cli.ckpt_path import remember_wandb_runs
from lightning_gans.cli.input_errors import known_words, summarize_parser_error
from lightning_gans.cli.moved_classes import YAML
from lightning_gans.cli.resume import RESUME
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.files import atomic_file
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.runs.folder import RunFolder

HALF = ("bf16-true", "bf16-mixed")
"""The trainer's half precisions on a CPU, where 16-mixed becomes bf16-mixed."""

LIGHTNINGS_OWN = (
    ("gradient_clip_val", "null", "model.clip_g and model.clip_d"),
    ("accumulate_grad_batches", 1, "model.accumulate_g and model.accumulate_d"),
)
"""Arguments of Lightning's trainer that need one optimizer, their values without effect, and the keys of ours."""


@dataclass
class ProcessSettings:
    """Settings of the whole process, which change speed.

    Args:
        flush_denormals: treat numbers below 1e-38 as zero on the CPU. Running averages of vanishing gradients pass
            through such numbers, and processors compute many times slower with them.
        skip_nvml_check: where there is no CUDA device, do not look for NVIDIA's library. Lightning asks torch for
            this check, and optimizers make it at every step.
    """

    flush_denormals: bool = False
    skip_nvml_check: bool = False

    def apply(self) -> None:
        """Apply the settings to this process; to be called before torch starts its threads."""
        if self.flush_denormals:
            torch.set_flush_denormal(True)
        if self.skip_nvml_check and not torch.cuda.is_available():
            os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"


def warn_if_emulated(trainer: L.Trainer) -> None:
    """Warn of half precision on an x86 processor without instructions for it, where it is hundreds of times slower."""
    if trainer.strategy.root_device.type != "cpu" or trainer.precision not in HALF:
        return
    can = torch.cpu.get_capabilities()
    if can.get("architecture") == "x86_64" and not (can.get("avx512_bf16") or can.get("amx_bf16")):
        rank_zero_warn(
            f"trainer.precision is {trainer.precision}, but this processor has no instructions for bfloat16 (neither "
            "avx512_bf16 nor amx_bf16): matrix products may take hundreds of times as long as in 32-true"
        )


def check_seed(seed: bool | int) -> None:
    """Check the seed of a run.

    Args:
        seed: False for none, True for that of the environment variable ``PL_GLOBAL_SEED``, by default 0. The variable
            counts in both cases.

    Raises:
        InputError: if Lightning and NumPy cannot use it.
    """
    expected = f"expected a whole number from {min_seed_value} to {max_seed_value}"
    if isinstance(seed, bool):
        given = os.environ.get("PL_GLOBAL_SEED", "0")
        try:
            valid = min_seed_value <= int(given) <= max_seed_value
        except ValueError:
            valid = False
        if not valid:
            raise InputError(f"the environment variable PL_GLOBAL_SEED is {given}; {expected}")
    elif not min_seed_value <= seed <= max_seed_value:
        raise InputError(f"seed_everything is {seed}; {expected}")


class Parser(LightningArgumentParser):
    """Rejects abbreviations, takes old paths of data modules, and reports bad input in one sentence.

    Args:
        *args: see Lightning's parser.
        resumes: whether the subcommand has ``--resume``, which :func:`.expand_resume` replaces before parsing.
        **kwargs: see Lightning's parser.

    Attributes:
        argument_errors: adds keys to the errors of classes; the command line sets it.
    """

    argument_errors: ArgumentErrors

    def __init__(self, *args: Any, resumes: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **{"parser_mode": YAML, **kwargs})
        if resumes:
            self.add_argument(
                RESUME,
                metavar="RUN",
                dest=argparse.SUPPRESS,
                default=argparse.SUPPRESS,
                help="continue the run in this folder, from its last checkpoint and with its settings; options that "
                "follow override them, such as --trainer.max_epochs 20",
            )

    def add_instantiator(self, instantiator: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Add an instantiator whose errors name the key of the config that the class is built from."""
        super().add_instantiator(self.argument_errors.wrap(instantiator), *args, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Report what is wrong.

        Raises:
            InputError: always, except in a parser within another, whose report becomes part of the outer one's.
        """
        if not self.exit_on_error:
            super().error(message, ex)
        files = self.argument_errors.config_files()
        raise InputError(summarize_parser_error(message, known_words(self), files)) from ex


class Trainer(L.Trainer):
    """Lightning's trainer with other defaults, whose numbers of batches stay whole on the command line.

    ``typing`` may return a cached ``Union[float, int]`` for Lightning's ``Union[int, float]``, as it does with torch
    2.11, and then ``--trainer.limit_val_batches 1``, one batch, would be read as 1.0, all of them.

    Args:
        sync_batchnorm: whether batch normalization uses the images of all processes; False is faster with several
            processes, which then do not compute what one process with a larger batch does.
        benchmark: whether cuDNN measures its algorithms and uses the fastest one. None, the default, is true unless
            ``deterministic`` is true or "warn", since all images of a data module have one size: each shape is
            measured once.
        **kwargs: see Lightning's trainer.

    Attributes:
        other_checkpoints: those that ``validate`` and ``test`` score before the one that they are given.
    """

    other_checkpoints: Sequence[Path] = ()

    def __init__(
        self,
        *,
        limit_train_batches: int | float | None = None,
        limit_val_batches: int | float | None = None,
        limit_test_batches: int | float | None = None,
        limit_predict_batches: int | float | None = None,
        overfit_batches: int | float = 0.0,
        val_check_interval: int | float | None = None,
        sync_batchnorm: bool = True,
        benchmark: bool | None = None,
        check_val_every_n_epoch: int | None = 1,
        **kwargs: Any,
    ) -> None:
        if check_val_every_n_epoch is not None:
            at_least("check_val_every_n_epoch", check_val_every_n_epoch, 1)
        if kwargs.get("barebones"):
            raise ValueError("barebones is true; expected false, as a run logs, evaluates and saves checkpoints")
        if val_check_interval == 0:
            raise ValueError("val_check_interval is 0; expected a number of batches, or a share of an epoch in (0, 1]")
        for name, none, ours in LIGHTNINGS_OWN:
            if kwargs.get(name) not in (None, none):
                raise ValueError(f"{name} is {kwargs[name]}; expected {none}, as a GAN has {ours} for its networks")
        super().__init__(
            benchmark=not kwargs.get("deterministic") if benchmark is None else benchmark,
            limit_train_batches=limit_train_batches,
            limit_val_batches=limit_val_batches,
            limit_test_batches=limit_test_batches,
            limit_predict_batches=limit_predict_batches,
            overfit_batches=overfit_batches,
            val_check_interval=val_check_interval,
            check_val_every_n_epoch=check_val_every_n_epoch,
            **kwargs,
        )
        if isinstance(self.strategy, AlternatingDDP):
            self.strategy.sync_batchnorm &= sync_batchnorm

    def validate(self, *args: Any, verbose: bool = False, **kwargs: Any) -> Any:
        """Score a checkpoint on the validation split, after the other checkpoints.

        Args:
            *args: see Lightning's trainer.
            verbose: whether to print Lightning's table of the scores too, all digits of them.
            **kwargs: see Lightning's trainer.
        """
        for path in self.other_checkpoints:
            super().validate(*args, verbose=verbose, **{**kwargs, "ckpt_path": path})  # type: ignore[misc]  # as below
        return super().validate(*args, verbose=verbose, **kwargs)  # type: ignore[misc]  # not among the positional ones

    def test(self, *args: Any, verbose: bool = False, **kwargs: Any) -> Any:
        """Score a checkpoint on the test split, after the other checkpoints.

        Args:
            *args: see Lightning's trainer.
            verbose: whether to print Lightning's table of the scores too, all digits of them.
            **kwargs: see Lightning's trainer.
        """
        for path in self.other_checkpoints:
            super().test(*args, verbose=verbose, **{**kwargs, "ckpt_path": path})  # type: ignore[misc]  # as above
        return super().test(*args, verbose=verbose, **kwargs)  # type: ignore[misc]  # as above


class SaveConfig(SaveConfigCallback):
    """Writes the parsed config to the run's folder; a resumed fit's beside the first.

    The newest config is that of the run, from which it is resumed. So a fit that resumes writes its config when its
    first batch starts: one whose settings are refused has changed nothing.
    """

    resumes = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Write ``config.yaml`` if there is none."""
        if not trainer.is_global_zero:
            return
        if RunFolder.of(trainer).configs():
            self.resumes = stage == "fit"
        else:
            self._write(trainer)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Write ``config-2.yaml`` and so on before the first batch of a fit that resumes."""
        if self.resumes:
            self.resumes = False
            self._write(trainer)

    def _write(self, trainer: L.Trainer) -> None:
        folder = RunFolder.of(trainer)
        # The checkpoint that this part of the run started from is no setting of the run.
        config = self.config.clone()
        config.ckpt_path = None
        with atomic_file(folder.next_config()) as temporary:
            self.parser.save(config, temporary, skip_none=False, skip_validation=True, multifile=False)
        remember_wandb_runs(trainer)
