"""Names that the training commands know: keys, options and classes, as far as they are known without torch.

The parser knows all of them, but takes seconds to load. A test compares both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from lightning_gans.cli.config_arguments import given_keys
from lightning_gans.core.names import fold
from lightning_gans.core.shipped_configs import config_folder

KEYS = {
    "trainer": (
        *("accelerator", "accumulate_grad_batches", "barebones", "benchmark", "callbacks", "check_val_every_n_epoch"),
        *("default_root_dir", "detect_anomaly", "deterministic", "devices", "enable_autolog_hparams"),
        *("enable_checkpointing", "enable_model_summary", "enable_progress_bar", "fast_dev_run"),
        *("gradient_clip_algorithm", "gradient_clip_val", "inference_mode", "limit_predict_batches"),
        *("limit_test_batches", "limit_train_batches", "limit_val_batches", "log_every_n_steps", "logger"),
        *("max_epochs", "max_steps", "max_time", "min_epochs", "min_steps", "model_registry", "num_nodes"),
        *("num_sanity_val_steps", "overfit_batches", "plugins", "precision", "profiler"),
        *("reload_dataloaders_every_n_epochs", "strategy", "sync_batchnorm", "use_distributed_sampler"),
        "val_check_interval",
    ),
    "process": ("flush_denormals", "skip_nvml_check"),
    "ema": ("decay", "half_life", "interval"),
    "evaluation": ("cache", "domain", "extractor", "head_images", "kid", "memorization", "neighbors", "perceptual"),
    "analysis": ("probe_images", "rows"),
    "samples": ("artifact", "columns", "count", "frame_ms", "scale"),
    "watchdog": ("collapse_ratio", "max_rollbacks", "stop", "vanishing_ratio", "window"),
    "best": (
        *("auto_insert_metric_name", "dirpath", "enable_version_counter", "every_n_epochs", "every_n_train_steps"),
        *("filename", "mode", "monitor", "save_last", "save_on_exception", "save_on_train_epoch_end", "save_top_k"),
        *("save_weights_only", "train_time_interval", "verbose"),
    ),
    "last": ("every_n_steps", "keep_every_n_steps", "keep_validated"),
    "predictions": ("folder", "overwrite"),
    "compile": ("cuda_graphs", "networks"),
    "tf32": ("allow",),
}
"""Second parts of the training commands' keys, by the first part."""

CLASSES = {"model": "variants", "data": "datamodules"}
"""Keys of classes, whose further parts depend on the class, and the packages that list the classes."""

OPTIONS = ("help", "config", "print_config", "seed_everything", "ckpt_path", "weights_only")
"""Options of the training commands that are no keys."""

OPTIONS_OF = {"fit": ("resume",), "validate": ("verbose",), "test": ("verbose",), "predict": ("return_predictions",)}
"""Options that only some training commands have."""

RATES = ("model.optimizer_g.lr", "model.optimizer_d.lr")
BETAS = ("model.optimizer_g.betas", "model.optimizer_d.betas")
CLIPPING = ("model.clip_g", "model.clip_d")
ACCUMULATION = ("model.accumulate_g", "model.accumulate_d")

OTHER_NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lr", "learning_rate", "model.lr", "model.learning_rate"), RATES),
    **dict.fromkeys(("optimizer.lr", "model.optimizer.lr", "trainer.lr", "data.lr"), RATES),
    **dict.fromkeys(("beta1", "betas", "model.betas", "model.beta1"), BETAS),
    "optimizer": ("model.optimizer_g", "model.optimizer_d"),
    "model.optimizer": ("model.optimizer_g", "model.optimizer_d"),
    **dict.fromkeys(("gradient_clip_val", "grad_clip", "clip", "max_grad_norm", "model.gradient_clip_val"), CLIPPING),
    **dict.fromkeys(("accumulate_grad_batches", "gradient_accumulation_steps"), ACCUMULATION),
    **dict.fromkeys(("epochs", "num_epochs", "n_epochs", "max_epoch"), ("trainer.max_epochs",)),
    **dict.fromkeys(("steps", "iterations", "num_steps", "max_iters"), ("trainer.max_steps",)),
    **dict.fromkeys(("seed", "random_seed", "trainer.seed"), ("seed_everything",)),
    **dict.fromkeys(("batch", "bs", "model.batch_size", "trainer.batch_size"), ("data.batch_size",)),
    **dict.fromkeys(("device", "gpus", "num_gpus", "gpu", "trainer.gpus"), ("trainer.devices", "trainer.accelerator")),
    **dict.fromkeys(("workers", "num_workers"), ("data.num_workers",)),
    **dict.fromkeys(("size", "image_size", "img_size", "resolution", "data.image_size"), ("data.size",)),
    **dict.fromkeys(("root", "data_dir", "data_root", "dataroot", "data_path", "data.path"), ("data.root",)),
    **dict.fromkeys(("dataset", "dataset_name", "datamodule"), ("data",)),
    **dict.fromkeys(("variant", "arch", "gan"), ("model",)),
    **dict.fromkeys(("fp16", "amp", "bf16", "mixed_precision"), ("trainer.precision",)),
    **dict.fromkeys(("out", "output", "output_dir", "out_dir", "save_dir", "logdir"), ("trainer.logger.save_dir",)),
    **dict.fromkeys(("name", "run_name", "experiment", "exp_name"), ("trainer.logger.name",)),
    **dict.fromkeys(("ckpt", "checkpoint", "resume_from_checkpoint", "weights"), ("ckpt_path",)),
    "trainer.resume_from_checkpoint": ("ckpt_path",),
}
"""Keys of other programs, and ours for the same."""


def known_options(command: str) -> tuple[str, ...]:
    """First parts of the options that a training command takes."""
    return (*KEYS, *CLASSES, *OPTIONS, *OPTIONS_OF.get(command, ()))


def known_keys(command: str, configs: Iterable[str]) -> list[str]:
    """The keys and options of a training command, for suggestions: all that do not depend on classes, and configs'.

    Args:
        command: name of the command.
        configs: paths of configs, whose keys are added to those of every run.
    """
    every = str(config_folder() / "base.yaml")
    keys = given_keys([part for path in (every, *configs) for part in ("--config", path)])
    keys.update(f"{first}.{second}" for first, seconds in KEYS.items() for second in seconds)
    return sorted({*keys, *CLASSES, *OPTIONS, *OPTIONS_OF.get(command, ())})


def is_known_key(key: str, command: str) -> bool:
    """Whether a training command may have a key; False if it certainly does not.

    Args:
        key: dotted, without dashes in front, such as "trainer.max_epochs".
        command: name of the command.
    """
    first, _, rest = key.partition(".")
    second = rest.partition(".")[0].rstrip("+")
    if first in KEYS and second:
        return second in KEYS[first]
    return first.rstrip("+") in known_options(command)


def other_name(key: str) -> tuple[str, ...]:
    """Our keys for one of another program; none if it is not listed."""
    return OTHER_NAMES.get(key.lower().replace("-", "_"), ())


def class_names(key: str) -> list[str]:
    """The names of our classes for a key of :data:`CLASSES`, read from the package's source."""
    source = Path(__file__).parents[1] / CLASSES[key] / "__init__.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def meant_class(key: str, given: str) -> str | None:
    """The class of ours whose name differs from a given one in case, separators or its ending "DataModule" only."""
    names = class_names(key)
    if given in names:
        return None
    return next((name for name in names if fold(name) in (fold(given), f"{fold(given)}datamodule")), None)
