"""The config ``photos`` among the arguments. Imports no torch: the arguments are checked before it is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.cli.config_arguments import CONFIG_OPTIONS
from lightning_gans.cli.resume import RESUME
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import PHOTOS

PATHS = ("data.root", "data.test_root", "data.labels", "data.cache_dir")
"""Keys whose values are texts, whatever YAML would make of them."""

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables of the environment with the number of a process among those of a run."""


def check_photos(arguments: Sequence[str]) -> None:
    """Check that pictures are given with the config ``photos``.

    Raises:
        InputError: if there is no ``--data.root``, or another run is to be resumed.
    """
    if (found := position(arguments)) is None:
        return
    others = [*arguments[1 : found[0]], *arguments[found[1] :]]
    if any(argument.partition("=")[0] == RESUME for argument in others):
        raise InputError(f"{RESUME} continues with the settings of the run; leave out {PHOTOS}")
    if not given_values(others).get("data.root"):
        raise InputError(
            f"{arguments[0]} {PHOTOS} is given no pictures; expected --data.root with a folder, or a zip or tar archive"
        )


def position(arguments: Sequence[str]) -> tuple[int, int] | None:
    """Where the arguments name the config ``photos``: the first of them, and that after the last; None if nowhere.

    A file of that name is meant, if there is one, as with all configs.
    """
    if not arguments or arguments[0].startswith("-") or Path(PHOTOS).is_file():
        return None
    for index, argument in enumerate(arguments[1:], 1):
        option, _, value = argument.partition("=")
        if argument == PHOTOS and all(not each.startswith("-") for each in arguments[1:index]):
            return index, index + 1
        if option in CONFIG_OPTIONS and value == PHOTOS:
            return index, index + 1
        if argument in CONFIG_OPTIONS and [*arguments, ""][index + 1] == PHOTOS:
            return index, index + 2
    return None


def given_values(arguments: Sequence[str]) -> dict[str, Any]:
    """The values of options by dotted key without ``init_args``, each as YAML reads it."""
    values: dict[str, Any] = {}
    for argument, following in pairwise([*arguments, ""]):
        option, equals, text = argument.partition("=")
        if not option.startswith("--") or option in CONFIG_OPTIONS:
            continue
        key = option_key(option)
        text = text if equals else "" if following.startswith("--") else following
        try:
            values[key] = text if key in PATHS else yaml.safe_load(text or "null")
        except yaml.YAMLError:
            values[key] = text
    return values


def option_key(option: str) -> str:
    """The dotted key of an option, without ``init_args``."""
    return option.partition("=")[0].removeprefix("--").replace(".init_args", "")


def is_first() -> bool:
    """Whether this is the first of the processes of a run."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)
