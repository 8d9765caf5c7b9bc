"""What a command does before it loads torch: it checks its arguments, and says what is loading."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path

from lightning_gans.cli.config_arguments import config_paths, expand_configs
from lightning_gans.cli.known_names import CLASSES, is_known_key, known_keys, meant_class, other_name
from lightning_gans.cli.photos.arguments import check_photos, is_first
from lightning_gans.cli.resume import expand_resume
from lightning_gans.core.errors import InputError
from lightning_gans.core.names import did_you_mean, similar_names
from lightning_gans.core.shipped_configs import recipe_names
from lightning_gans.runs.below import newest_run_in
from lightning_gans.runs.folder import RunFolder

FIRST_CONFIG = "dcgan/digits"
"""The config for a first run: it needs no download, and takes a minute."""

ENOUGH = ("--model", "--data", "--config", "--help", "-h", "--print_config", "--trainer.logger.help")
"""Beginnings of options with which a training command needs no config, or the parser says what is missing."""


def check_arguments(arguments: list[str]) -> None:
    """Check what needs no torch of a training command's arguments: the configs, the first parts of every key, classes.

    A key that is unknown and resembles no other is left to the parser, which knows all keys.

    Args:
        arguments: those of the command line, the command first.

    Raises:
        InputError: if there is no config, a name is neither a file nor a shipped config, ``photos`` is given no
            pictures, or a key or class is misspelled.
    """
    command = arguments[0]
    check_photos(arguments)
    expanded = expand_configs(expand_resume(arguments))
    configs = config_paths(expanded)
    for argument, following in pairwise([*expanded, ""]):
        match = re.match(r"--([\w.+-]+)(?:=(.*))?", argument, re.DOTALL)
        if not match:
            continue
        key, value = match[1], following if match[2] is None else match[2]
        if key in CLASSES and value.isidentifier() and (meant := meant_class(key, value)):
            raise InputError(f"{key} is {value}, which is no known class; did you mean {meant}?")
        if is_known_key(key, command):
            continue
        if close := other_name(key) or similar_names(key, known_keys(command, configs)):
            raise InputError(f"{key} is not a known key{did_you_mean(close)}")
    if not configs and not any(argument.startswith(ENOUGH) for argument in expanded):
        raise InputError(f"{command} is given no config; expected {expected_config(command)}")


def expected_config(command: str) -> str:
    """What to give to a training command that was given no config: for an evaluation, the config of the newest run."""
    if command != "fit":
        run = newest_run_in(Path("runs")) or RunFolder(Path("RUN"))
        return f"that of a run, such as `lightning-gans {command} --config {run.first_config}`"
    others = ", ".join(name for name in recipe_names() if name != FIRST_CONFIG)
    return f"one, such as `lightning-gans fit {FIRST_CONFIG}`, a file, or one of {others}"


def announce_loading(what: str = "torch") -> None:
    """Say on a terminal what is loading, which takes seconds; one process of a run says it."""
    if sys.stderr.isatty() and is_first():
        print(f"loading {what} ...", file=sys.stderr, flush=True)
