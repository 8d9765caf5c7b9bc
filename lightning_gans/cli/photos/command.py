"""``fit photos``: replaced by ``fit --config`` with a config whose settings are chosen when there is none yet."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_gans.cli.commands.inspect import line
from lightning_gans.cli.photos.arguments import PATHS, check_photos, given_values, is_first, option_key, position
from lightning_gans.cli.photos.choices import WIDTHS, choose
from lightning_gans.cli.photos.config_file import find_settings, write_settings, written_value
from lightning_gans.cli.photos.parts import Choice
from lightning_gans.cli.photos.refusals import refuse_unusable
from lightning_gans.cli.photos.survey import survey
from lightning_gans.cli.photos.trial import StepTrial, find_device
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import check_writable, expand_path
from lightning_gans.core.shipped_configs import PHOTOS

ERRORS = re.compile(r"^(?=(?:root|test_root|labels) is )")
"""Where an error of the data begins, without the first part of its key."""

PATIENCE = 600
"""Seconds for which other processes of a run wait for the settings that the first one chooses."""


def expand_photos(arguments: Sequence[str]) -> list[str]:
    """Replace the config ``photos`` by one with settings for the pictures of ``--data.root``.

    The settings are those of the config that an earlier call has written to the current folder. Without one, ``fit``
    chooses them, says so on stderr, and writes it.

    Args:
        arguments: those of the command line, without the program's name.

    Raises:
        InputError: as of :func:`.check_photos`; or if the pictures cannot be used, or no settings were chosen yet and
            the command is not ``fit``.
        RunEnded: if the config cannot be written.
    """
    check_photos(arguments)
    if (found := position(arguments)) is None:
        return list(arguments)
    command, (start, stop) = arguments[0], found
    before, rest = list(arguments[1:start]), list(arguments[stop:])
    given = given_values([*before, *rest])
    root = given["data.root"]
    path = find_settings(root)
    if path is not None:
        say_first([used(path, given)])
    elif command != "fit":
        raise InputError(f"no settings were chosen yet for {root}; expected `lightning-gans fit {PHOTOS}` before it")
    else:
        path = settings_of_first(root) if not is_first() else new_settings(root, given, [*before, *rest])
    return [command, *before, *([] if arguments[start] == PHOTOS else ["--config"]), str(path), *rest]


def new_settings(root: str, given: Mapping[str, Any], arguments: Sequence[str]) -> Path:
    """Choose settings, say what they are and why, and write them.

    Args:
        root: the folder or archive.
        given: the values of the options.
        arguments: those beside the command and ``photos``.

    Raises:
        InputError: if the pictures cannot be used, or nothing can be written here.
    """
    check_writable(Path.cwd(), f"the config of {PHOTOS} is written to the current folder")
    paths = [None if (path := given.get(key)) is None else expand_path(path, key) for key in PATHS[:3]]
    place, test_root, labels = paths
    assert place is not None
    try:
        found = survey(place, test_root, labels, given.get("data.split_folders"))
    except InputError as error:
        raise InputError(ERRORS.sub("data.", str(error))) from error
    say_first([f"{PHOTOS}: {root}", *(line(title, text) for title, text in found.description)])
    refuse_unusable(found, given)
    accelerator, processes = str(given.get("trainer.accelerator", "auto")), given.get("trainer.devices", 1)
    device = find_device(accelerator, processes if isinstance(processes, int) else 1)
    say_first([f"trying training steps on {device.name} ..."])
    choices = choose(found, device, StepTrial(device), given)
    path = write_settings(root, choices, given)
    say_first([*(line(choice.what, described(choice, given)) for choice in choices), *where(path, arguments)])
    return path


def described(choice: Choice, given: Mapping[str, Any]) -> str:
    """A choice as text, with the option that takes its place in this run alone."""
    text = f"{choice.value}: {choice.reason}"
    others = [key for key in given if key in choice.settings and not is_written(key)]
    shown = ", ".join(f"--{key} {given[key]}" for key in others)
    return f"{text}; for this run {shown} takes its place" if others else text


def is_written(key: str) -> bool:
    """Whether the value of an option is written into the config; others are for the run that they are given to."""
    return key.startswith("data.") or key in WIDTHS


def where(path: Path, arguments: Sequence[str]) -> list[str]:
    """Lines that say where the settings are, and which command uses them."""
    command = shlex.join(["lightning-gans", "fit", "--config", str(path), *for_this_run(arguments)])
    return [
        line("settings", f"{path}, which you can change, and config.yaml in the run's folder"),
        line("again", f"`{command}` trains the same"),
    ]


def for_this_run(arguments: Sequence[str]) -> list[str]:
    """The arguments without the options whose values are written into the config."""
    kept: list[str] = []
    names_config, leave_out = True, False
    for argument in arguments:
        if argument.startswith("-"):
            names_config, leave_out = False, is_written(option_key(argument))
        if not leave_out:
            kept += ["--config", argument] if names_config else [argument]
    return kept


def used(path: Path, given: Mapping[str, Any]) -> str:
    """The line that says that settings of earlier are used, and which options take the place of some for this run."""
    written = {key: written_value(path, key) for key in given if is_written(key) and key != "data.root"}
    others = [f"--{key}" for key, value in written.items() if value != given[key]]
    text = f"{PHOTOS}: the settings in {path} are used; rename or delete it to have others chosen"
    return f"{text}; given for this run: {', '.join(others)}" if others else text


def say_first(lines: Sequence[str]) -> None:
    """Print lines to stderr, from the first process only."""
    if is_first():
        print("\n".join(lines), file=sys.stderr, flush=True)


def settings_of_first(root: str) -> Path:
    """The config that the first process writes.

    Raises:
        InputError: if it does not.
    """
    end = time.monotonic() + PATIENCE
    while (path := find_settings(root)) is None:
        if time.monotonic() > end:
            raise InputError(
                f"the first process has written no settings for {root} to {Path.cwd()}; expected all processes in one "
                "folder that they share"
            )
        time.sleep(0.5)
    return path
