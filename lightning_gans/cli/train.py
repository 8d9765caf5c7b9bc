"""The training command line: LightningCLI plus our callbacks and argument links."""

from __future__ import annotations

import glob
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import yaml
from jsonargparse import Namespace
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.strategies import StrategyRegistry
from lightning.pytorch.utilities import rank_zero_info, rank_zero_only

# The parser finds classes by short name only in imported modules.
import lightning_gans.datamodules
import lightning_gans.variants  # noqa: F401
from lightning_gans.callbacks import CALLBACKS, Curves, FitFile, ResultsFile, SpeedLog
from lightning_gans.callbacks.standard import screen_callbacks
from lightning_gans.cli.argument_errors import ArgumentErrors, entries
from lightning_gans.cli.ckpt_path import Resolved, errors_name_ckpt_path, resolve_ckpt_path
from lightning_gans.cli.config_arguments import config_paths, expand_configs, run_name, typed_keys
from lightning_gans.cli.end_messages import explain_known_failure, fit_summary, notes_of, scores_lines, test_summary
from lightning_gans.cli.library_errors import quiet
from lightning_gans.cli.loggers import require_folder, require_loggers, wandb_defaults
from lightning_gans.cli.moved_classes import moved_argument
from lightning_gans.cli.parsed_config import expand_home_in
from lightning_gans.cli.parser import (
    Parser,
    ProcessSettings,
    SaveConfig,
    Trainer,
    check_seed,
    warn_if_emulated,
)
from lightning_gans.cli.photos.command import expand_photos
from lightning_gans.cli.replaced_classes import parse_arguments
from lightning_gans.cli.resume import expand_resume
from lightning_gans.cli.run_config import check_start, means_run, place_in, run_of_configs
from lightning_gans.cli.run_folder import claim_folder, name_folder_without_logger, require_writable_folders, run_lock
from lightning_gans.components.class_paths import find_class
from lightning_gans.core.data import check_offers, network_arguments
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.core.images import plain_size
from lightning_gans.core.shipped_configs import config_folder
from lightning_gans.datamodules.base import IndexedDataModule
from lightning_gans.distributed.strategy import AlternatingDDP, reject_strategy
from lightning_gans.families import Adversarial
from lightning_gans.families.defaults import default_of
from lightning_gans.runs.folder import RunFolder, writes_files
from lightning_gans.runs.settings import sweep_trial
from lightning_gans.training import expect_checkpoints, expect_few_workers, filter_warnings, run_plugins

ALTERNATING_DDP = ("ddp", AlternatingDDP.__name__, f"{AlternatingDDP.__module__}.{AlternatingDDP.__name__}")
"""Values of the trainer's strategy that mean :class:`.AlternatingDDP`, as does "auto" with several processes."""

STRATEGIES = ("auto", "single_device", *ALTERNATING_DDP)
"""Values of the trainer's strategy; a class with arguments is possible too."""

SIDES = ("generator", "discriminator")

LINKED = [
    *((key, f"{side}.init_args.{key}") for side in SIDES for key in ("channels", "size", "num_classes")),
    *((key, key) for key in ("channels_a", "channels_b", "size")),
]
"""Pairs of an attribute of the data and the argument that it sets, of a network or of a family that builds networks."""

PACKED = "discriminator.init_args.channels"
"""The argument that is ``model.packing`` times the attribute."""


class LightningGANsCLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` for every variant."""

    config_files: list[str]
    ckpt_path: str | None
    other_checkpoints: Sequence[Path]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.given: list[str] = kwargs["args"]
        self.argument_errors = ArgumentErrors(
            lambda: self.config[self.subcommand], lambda: self.config_files, {**CALLBACKS, "trainer": Trainer}
        )
        try:
            with errors_name_ckpt_path(lambda: self.config[self.subcommand].ckpt_path):
                super().__init__(*args, **kwargs)
        except Exception as error:
            hidden = self.argument_errors.first if isinstance(error, ValueError) else None
            if refused := hidden or self.argument_errors.locate(error):
                raise refused from error
            raise

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # static in the base class, called on self
        """The subcommands among the arguments, or all if there are none."""
        return given_subcommands(self.given)

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """A parser that shares the errors of arguments with the command line."""
        parser = super().init_parser(**kwargs)
        assert isinstance(parser, Parser)
        parser.argument_errors = self.argument_errors
        return parser

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add our callbacks, each a key of its own, and links from the data to the networks."""
        parser.add_class_arguments(ProcessSettings, "process")
        for key, callback in CALLBACKS.items():
            parser.add_lightning_class_args(callback, key)
        for name, target in LINKED:
            parser.link_arguments(
                f"data.{name}",
                f"model.init_args.{target}",
                compute_fn=plain_size if name == "size" else self.packed if target == PACKED else None,
                apply_on="instantiate",
            )

    def packed(self, channels: int) -> int:
        """The channels of what the discriminator is given: those of the images of a pack."""
        return channels * max(1, self.packing)  # the model refuses less than 1

    @property
    def packing(self) -> int:
        """Images that the discriminator judges at once."""
        return int(self.config[self.subcommand].model.init_args.get("packing", 1))

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the arguments, after names of configs are replaced by paths."""
        assert isinstance(args, list)
        expanded = [moved_argument(argument) for argument in expand_configs(expand_resume(args))]
        self.config_files = config_paths(expanded)
        self.typed_keys = typed_keys(args)
        self.config, self.replaced = parse_arguments(parser, expanded, CALLBACKS)
        # Lightning would override the given values by the checkpoint's hyperparameters if it saw the path.
        config = self.config[self.config.subcommand]
        check_seed(config.seed_everything)
        expand_home_in(config)
        self.ckpt_path, config.ckpt_path = config.ckpt_path, None

    def before_instantiate_classes(self) -> None:
        """Apply the process's settings, find the run that is meant, and reject strategies that would train wrongly."""
        config = self.config[self.subcommand]
        for line in self.replaced:
            rank_zero_info(line)
        ProcessSettings(**config.process.as_dict()).apply()
        strategy = config.trainer.strategy
        if isinstance(strategy, str) and strategy not in STRATEGIES:
            if strategy not in StrategyRegistry.available_strategies() and "." not in strategy:
                raise InputError(f"trainer.strategy is {strategy}; expected one of {', '.join(STRATEGIES)}")
            reject_strategy(strategy)
        config.ckpt_path = self.ckpt_path
        require_folder(config, run_name(self.config_files))
        require_loggers(config)
        resumes, self.other_checkpoints = self._resolve_run(config)
        require_writable_folders(config, str(self.subcommand))
        claim_folder(config, str(self.subcommand), self.ckpt_path, resumes=resumes)
        if self.subcommand == "fit":
            check_start(config)
        if resumes:
            expect_checkpoints(Path(config.ckpt_path).resolve().parent.parent)
        # Lightning adds what links give to each network's arguments, and fails where there are none. It keeps a dump of
        # the config that is there already. Parsing has validated the config.
        text = self.parser.dump(self.config, skip_link_targets=False, skip_none=False, skip_validation=True)
        self.config_dump = yaml.safe_load(text)[str(self.subcommand)]
        for side in SIDES:
            network = self.config_dump["model"]["init_args"].get(side)
            if isinstance(network, dict):
                network.setdefault("init_args", {})

    def _resolve_run(self, config: Namespace) -> Resolved:
        """Find the run and the checkpoints that are meant."""
        subcommand, run = str(self.subcommand), run_of_configs(self.config_files)
        if run is not None and not means_run(config, subcommand, run):
            run = None
        if run is not None:
            place_in(config, run, self.typed_keys)
        unlogged = Path("runs") / (run_name(self.config_files) or "gan")
        resolved = resolve_ckpt_path(config, subcommand, run, unlogged)
        name_folder_without_logger(config, unlogged)
        return resolved

    def instantiate_classes(self) -> None:
        """Instantiate, and reject an explicit value that a link from the data would silently replace."""
        config = self.config[self.subcommand]
        model, data = (find_class(config[key].class_path) for key in ("model", "data"))
        # Before the networks are built: their arguments come from the data.
        if issubclass(model, Adversarial):
            model.check_data(data)
        explicit = {
            target: value
            for _, target in LINKED
            if (value := config.get(f"model.init_args.{target}")) != default_of(model, target)
            or any(argument.partition("=")[0] == f"--model.{target}" for argument in self.given)
        }
        # After Lightning's own for the model and the data.
        self.parser.add_instantiator(lambda class_type, *args, **kwargs: class_type(*args, **kwargs), object)
        with wandb_defaults(config, str(self.subcommand)):
            super().instantiate_classes()
        self.argument_errors.first = None  # where one type of several did not fit, but another did
        if issubclass(model, Adversarial):
            check_offers(self.datamodule, model.data_protocol, model.__name__)
            self.model.logged_settings |= sweep_trial()
        if isinstance(self.datamodule, IndexedDataModule):
            expect_few_workers()  # a data module that decodes images on access says so itself
        offered = network_arguments(self.datamodule)
        for name, target in LINKED:
            value, packing = explicit.get(target), self.packing if target == PACKED else 1
            if name in offered and value is not None and value != (fitting := offered[name] * packing):
                key = target.replace("init_args.", "")
                packs = f" and model.packing is {packing}; expected {fitting}" if packing > 1 else "; expected the same"
                raise InputError(f"model.{key} is {value} but the data has {offered[name]}{packs}, or no value")

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Build the trainer; an error about one of its settings names its key."""
        settings = entries(self.config_init[self.subcommand].trainer)
        trainer: L.Trainer = self.argument_errors.instantiate(partial(self.build_trainer, kwargs), Trainer, **settings)
        if isinstance(trainer.strategy, AlternatingDDP) and trainer.strategy.start_method != "popen":
            RunFolder.of(trainer)  # claimed here, so that the processes that are started use the same one
        warn_if_emulated(trainer)
        return trainer

    def build_trainer(self, replaced: dict[str, Any], trainer_class: type[L.Trainer], **arguments: Any) -> L.Trainer:
        """Build a trainer with atomic checkpoints, and for several devices with a strategy for alternating steps.

        Args:
            replaced: arguments in place of settings.
            trainer_class: not used; the trainer's class is that of this command line.
            **arguments: the settings of ``trainer`` in a config.
        """
        settings = self.config_init[self.subcommand].trainer
        for name, value in arguments.items():
            settings[name] = value
        kwargs = dict(replaced)
        if settings.strategy in ALTERNATING_DDP or (settings.strategy == "auto" and requested_processes(settings) > 1):
            kwargs["strategy"] = AlternatingDDP()
        plugins = settings.plugins or []
        kwargs["plugins"] = [*(plugins if isinstance(plugins, list) else [plugins]), *run_plugins()]
        callbacks = settings.callbacks or []
        given = callbacks if isinstance(callbacks, list) else [callbacks]
        shown = {name: settings[name] for name in ("enable_progress_bar", "enable_model_summary")}
        lock = run_lock(self.config[self.subcommand])
        callbacks = [lock, *screen_callbacks(given, shown), FitFile(), *given, Curves(), SpeedLog()]
        if self.subcommand == "test":
            plain = yaml.safe_load(self.parser.dump(self.config, skip_none=False, skip_validation=True))
            callbacks.append(ResultsFile(plain["test"]))
        trainer = super().instantiate_trainer(callbacks=callbacks, **{**shown, **kwargs})
        assert isinstance(trainer, Trainer)
        trainer.other_checkpoints = self.other_checkpoints
        return trainer

    def after_fit(self) -> None:
        """Print the scores and where the results are."""
        self._print(fit_summary)

    def after_validate(self) -> None:
        """Print the scores with their stamps."""
        self._print(partial(scores_lines, several=len(self.other_checkpoints) > 0))

    def after_test(self) -> None:
        """Print the scores and where the results are."""
        self._print(partial(test_summary, several=len(self.other_checkpoints) > 0))

    def _print(self, message: Callable[[L.Trainer], str]) -> None:
        if self.trainer.is_global_zero and writes_files(self.trainer):
            print(message(self.trainer))


def given_subcommands(arguments: list[str]) -> dict[str, set[str]]:
    """Lightning's subcommands that ``arguments`` name, or all if they name none; each takes time to build a parser."""
    subcommands = LightningCLI.subcommands()
    return {name: skip for name, skip in subcommands.items() if name in arguments} or subcommands


def requested_processes(settings: Namespace) -> int:
    """The number of processes that the trainer's settings request on this machine."""
    with quiet():
        probe = L.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    return probe.num_devices * probe.num_nodes


def build(args: list[str] | None = None, command_line: type[LightningGANsCLI] | None = None) -> LightningGANsCLI:
    """Parse arguments, instantiate the classes and run the subcommand.

    Args:
        args: the command line, without the program's name; by default that of the process.
        command_line: the class to build, a subclass of :class:`LightningGANsCLI`.

    Raises:
        InputError: if a key, a value or a file is invalid.
    """
    base = {"default_config_files": [glob.escape(str(config_folder() / "base.yaml"))]}
    given = expand_photos(sys.argv[1:] if args is None else args)
    return (command_line or LightningGANsCLI)(
        Adversarial,
        L.LightningDataModule,
        parser_class=Parser,
        parser_kwargs={
            "description": "Train and use GANs; `lightning-gans --help` lists all commands.",
            **{name: {**base, **({"resumes": True} if name == "fit" else {})} for name in given_subcommands(given)},
        },
        save_config_callback=SaveConfig,
        trainer_class=Trainer,
        subclass_mode_model=True,
        subclass_mode_data=True,
        auto_configure_optimizers=False,
        seed_everything_default=0,
        args=given,
    )


def run(args: list[str] | None = None) -> None:
    """Console entry: invalid input and known failures are one line on stderr, with an exit status of their own.

    Args:
        args: the command line, without the program's name; by default that of the process.
    """
    filter_warnings()
    # Last, so that a user's own module is found wherever the command is installed, and hides none of ours.
    sys.path.append(str(Path.cwd()))
    try:
        build(args)
    except InputError as error:
        # An error in a data loader's process arrives with its traceback in front.
        message = str(error).splitlines()[-1].removeprefix(f"{InputError.__module__}.{InputError.__name__}: ")
        print("\n".join([f"lightning-gans: error: {message}", *notes_of(error)]), file=sys.stderr)
        sys.exit(2)
    except RunEnded as error:
        # All processes end together, and rank 0 reports. It may end last, after closing a logger's service: the others
        # exit with 0, so that the launcher does not take their end for a failure and kill rank 0.
        if getattr(rank_zero_only, "rank", 0) > 0:
            sys.exit(0)
        print("\n".join([f"lightning-gans: {error}", *notes_of(error)]), file=sys.stderr)
        sys.exit(error.status)
    except Exception as error:
        if (failure := explain_known_failure(error)) is None:
            raise
        print(f"lightning-gans: {failure}", file=sys.stderr)
        sys.exit(failure.status)
