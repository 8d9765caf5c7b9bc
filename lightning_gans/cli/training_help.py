"""The short help of the training commands: two screens, without torch. ``--help all`` is the parser's, of all keys."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

from lightning_gans.cli.known_names import class_names

HELP = ("--help", "-h")
ALL = "all"
"""Value of ``--help`` that asks for every key."""

USAGE = {
    "fit": (
        "Train a model. The files of a run are in runs/NAME/version_N.",
        "fit dcgan/digits",
        "fit photos --data.root MY_PHOTOS --data.size 64",
        "fit --resume runs/dcgan-digits/version_0",
    ),
    "validate": (
        "Score a checkpoint on the validation split.",
        "validate dcgan/digits",
        "validate --config runs/dcgan-digits/version_0/config.yaml",
        "validate dcgan/digits --ckpt_path last",
    ),
    "test": (
        "Score a checkpoint on the test split, and write results.json.",
        "test dcgan/digits",
        "test --config runs/dcgan-digits/version_0/config.yaml",
        "test dcgan/digits --ckpt_path runs/dcgan-digits/version_0",
    ),
    "predict": (
        "Write a checkpoint's images as PNG files, one for each test image.",
        "predict dcgan/digits",
        "predict --config runs/dcgan-digits/version_0/config.yaml",
        "predict dcgan/digits --predictions.folder images",
    ),
}
"""What each command does, and three examples."""

OPTIONS = {
    "--config CONFIG": "the same as CONFIG; may be repeated",
    "--resume RUN": "continue the run in a folder, with its settings",
    "--ckpt_path PATH": "none, best, last, a file or a run's folder (default: {checkpoint})",
    "--seed_everything N": "seed of weights, batches and noise (default: 0)",
    "--print_config": "print all settings, as a file for --config",
    "--model.help CLASS": "arguments of a class; also --data.help CLASS",
    "--help all": "every key, with its type and default",
}
"""Options; those in :data:`ONLY` belong to one command."""

ONLY = {"--resume RUN": "fit"}

DEFAULT_CHECKPOINT = {"fit": "none"}
OF_NEWEST_RUN = "best of the newest run, else its last"

PHOTOS = "`photos` chooses settings for your own pictures and writes them as a config."
"""What is special about a config."""

KEYS = {
    "--model CLASS": "variant: {variants}",
    "--model.generator CLASS": "network; also --model.discriminator",
    "--model.generator.width N": "an argument of that class",
    "--model.objective CLASS": "loss: NonSaturating, Hinge, ...",
    "--model.penalty CLASS": "R1, R2, GradientPenalty, ...; null for none",
    "--model.optimizer_g.lr X": "learning rate; also --model.optimizer_d.lr",
    "--model.start_from RUN": "weights to start from; also a file or an exported folder",
    "--model.clip_g X": "largest norm of a gradient; also --model.clip_d",
    "--data CLASS": "MNISTDataModule, ImageFolderDataModule, ...",
    "--data.root FOLDER": "where the images are",
    "--data.batch_size N": "images in a batch",
    "--ema.decay X": "of the moving average of the weights",
    "--evaluation.extractor CLASS": "features for FID and the like",
    "--samples.count N": "images in a grid of samples",
    "--watchdog.stop BOOL": "end a run that collapses",
    "--trainer.max_epochs N": "length of the run; also --trainer.max_steps",
    "--trainer.devices N": "GPUs or processes; also --trainer.accelerator",
    "--trainer.precision NAME": "32-true, bf16-mixed, ...",
    "--trainer.logger.name NAME": "of the run; also --trainer.logger.version",
}
"""Keys that are set often."""

WIDTH, COLUMN = 79, 31
"""Columns of a line, and of those in front of a description."""


def help_text(command: str) -> str:
    """The short help of a training command: usage, three examples, options, our keys, and where the rest is."""
    what, *examples = USAGE[command]
    checkpoint = DEFAULT_CHECKPOINT.get(command, OF_NEWEST_RUN)
    options = {name: text for name, text in OPTIONS.items() if ONLY.get(name, command) == command}
    lines = [
        f"usage: lightning-gans {command} [CONFIG ...] [--KEY VALUE ...]",
        "",
        what,
        *(f"  lightning-gans {example}" for example in examples),
        "",
        "CONFIG is a file or a shipped config, which `lightning-gans configs` lists.",
        "Later ones override earlier ones, and keys override configs.",
        *([PHOTOS] if command == "fit" else []),
        "",
        *rows(options, checkpoint=checkpoint),
        "",
        "Some keys; in a config, they are nested:",
        *rows(KEYS, variants=", ".join(class_names("model"))),
    ]
    return "\n".join(lines)


def rows(texts: Mapping[str, str], **values: str) -> list[str]:
    """Lines of names and descriptions, in which names of values in braces are replaced."""
    lines: list[str] = []
    for name, text in texts.items():
        first, *more = textwrap.wrap(text.format(**values), WIDTH - COLUMN)
        lines += [f"  {name}".ljust(COLUMN) + first]
        lines += [" " * COLUMN + line for line in more]
    return lines


def asks_for_all(arguments: Sequence[str]) -> bool:
    """Whether a training command's arguments ask for every key."""
    return f"--help={ALL}" in arguments or any(one in HELP and value == ALL for one, value in pairwise(arguments))


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether a training command's arguments ask for the short help."""
    return any(argument in HELP for argument in arguments) and not asks_for_all(arguments)
