"""What a command does before it loads torch: it checks its arguments, and says what is loading."""

from __future__ import annotations

import difflib
import os
import re
import sys

from lightning_gans.cli.config_arguments import config_paths, expand_configs, given_keys
from lightning_gans.cli.resume import expand_resume
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder

GROUPS = (
    *("trainer", "model", "data", "process", "ema", "evaluation", "analysis", "samples", "watchdog", "best", "last"),
    *("predictions", "compile", "tf32"),
)
"""First parts of the training commands' keys."""

OPTIONS = ("help", "config", "print_config", "seed_everything", "ckpt_path", "weights_only")
"""Options of the training commands that are no keys."""

OPTIONS_OF = {"fit": ("resume",), "validate": ("verbose",), "test": ("verbose",), "predict": ("return_predictions",)}
"""Options that only some training commands have."""

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables of the environment with the number of a process among those of a run."""


def check_arguments(arguments: list[str]) -> None:
    """Check what needs no torch of a training command's arguments: the configs, and the first part of every key.

    A key that is unknown and resembles no other is left to the parser, which knows all keys.

    Args:
        arguments: those of the command line, the command first.

    Raises:
        InputError: if a name is neither a file nor a shipped config, or a key is misspelled.
    """
    expanded = expand_configs(expand_resume(arguments))
    known = (*GROUPS, *OPTIONS, *OPTIONS_OF.get(arguments[0], ()))
    for argument in expanded:
        match = re.match(r"--(([\w-]+)[\w.+-]*)", argument)
        if not match or match[2] in known:
            continue
        if close := similar_keys(match[1], [*known, *sorted(config_keys(config_paths(expanded)))]):
            raise InputError(f"{match[1]} is not a known key; did you mean {' or '.join(close)}?")


def config_keys(paths: list[str]) -> set[str]:
    """The dotted keys that configs set, and those of every run."""
    every = str(config_folder() / "base.yaml")
    return given_keys([part for path in (every, *paths) for part in ("--config", path)])


def similar_keys(key: str, words: list[str]) -> list[str]:
    """Up to three words that end like a key, or else resemble it, such as ``data.batch_size`` for ``batch_size``."""
    same = [word for word in words if word.endswith(f".{key.rpartition('.')[2]}")]
    return same[:3] or difflib.get_close_matches(key, words, n=3, cutoff=0.7)


def announce_loading(what: str = "torch") -> None:
    """Say on a terminal what is loading, which takes seconds; one process of a run says it."""
    if sys.stderr.isatty() and all(os.environ.get(name, "0") == "0" for name in RANKS):
        print(f"loading {what} ...", file=sys.stderr, flush=True)
