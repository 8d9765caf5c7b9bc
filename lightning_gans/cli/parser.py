"""The parser of the training command line, and the parts of it that Lightning's own lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import lightning as L
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback

from lightning_gans.cli.ckpt_path import remember_wandb_runs
from lightning_gans.cli.input_errors import ArgumentErrors, known_words, summarize_parser_error
from lightning_gans.core.errors import InputError
from lightning_gans.runs.folder import RunFolder


class Parser(LightningArgumentParser):
    """Rejects abbreviations, and reports bad input in one sentence.

    Attributes:
        argument_errors: adds keys to the errors of classes; the command line sets it.
    """

    argument_errors: ArgumentErrors

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **kwargs)

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
    """Lightning's trainer, whose numbers of batches stay whole on the command line.

    ``typing`` may return a cached ``Union[float, int]`` for Lightning's ``Union[int, float]``, as it does with torch
    2.11, and then ``--trainer.limit_val_batches 1``, one batch, would be read as 1.0, all of them.
    """

    def __init__(
        self,
        *,
        limit_train_batches: int | float | None = None,
        limit_val_batches: int | float | None = None,
        limit_test_batches: int | float | None = None,
        limit_predict_batches: int | float | None = None,
        overfit_batches: int | float = 0.0,
        val_check_interval: int | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            limit_train_batches=limit_train_batches,
            limit_val_batches=limit_val_batches,
            limit_test_batches=limit_test_batches,
            limit_predict_batches=limit_predict_batches,
            overfit_batches=overfit_batches,
            val_check_interval=val_check_interval,
            **kwargs,
        )


class SaveConfig(SaveConfigCallback):
    """Writes the parsed config to the run's folder; a resumed fit's beside the first."""

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Write ``config.yaml``, or for a fit that resumes ``config-2.yaml`` and so on."""
        if not trainer.is_global_zero:
            return
        folder = RunFolder.of(trainer)
        if stage != "fit" and folder.configs():
            return
        folder.path.mkdir(parents=True, exist_ok=True)
        self.parser.save(self.config, folder.next_config(), skip_none=False, multifile=False)
        remember_wandb_runs(trainer)
