"""Parses the command lines of a study with the real parser, in a process of its own, since the parser imports torch.

``python -m lightning_gans.cli.study_check`` reads a JSON list of command lines and writes a JSON list of facts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.studies.budget import BatchSizes, limits
from lightning_gans.studies.cells import Setting
from lightning_gans.studies.study import DataSet, Method, Study

FAILED_LINE = "line "
"""Beginning of the message of an error, followed by the number of the command line."""


def lines_to_check(study: Study, extra: list[str]) -> list[tuple[DataSet, Method, list[str]]]:
    """The fewest command lines with every method on every data set and, on the first, the ends of every range."""
    found = []
    for data in study.data:
        for method in study.methods:
            first = data is study.data[0]  # the same keys have the same ends on the others
            count = max((len(each.examples) for each in method.search if first), default=1)
            for index in range(count):
                drawn = {each.key: each.value_of(each.examples[index % len(each.examples)]) for each in method.search}
                arguments = Setting(data, method, drawn=drawn).arguments(study, extra)
                found.append((data, method, ["fit", *arguments, *limits(study, 1)]))
    return found


def check_study(study: Study, extra: list[str]) -> BatchSizes:
    """Check all keys and values of a study with the parser, and return what it has found.

    Args:
        study: the study.
        extra: arguments of the user.

    Raises:
        InputError: if the parser rejects one; the message is the parser's, with the method and the file.
    """
    lines = lines_to_check(study, extra)
    done = subprocess.run(
        [sys.executable, "-m", "lightning_gans.cli.study_check"],
        input=json.dumps([line for _, _, line in lines]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"the parser ended with status {done.returncode}"]
        message = said[-1].removeprefix("lightning-gans: error: ")
        number, _, reason = message.removeprefix(FAILED_LINE).partition(": ")
        if message.startswith(FAILED_LINE) and number.isdigit():
            data, method, _ = lines[int(number)]
            of = f"method {method.name}" + (f" on {data.name}" if data.name else "")
            raise InputError(f"{reason} ({of}, in {study.path})")
        raise InputError(f"{message} (in {study.path})")
    sizes: dict[tuple[str, str], int | None] = {}
    for (data, method, _), size in zip(lines, json.loads(done.stdout.splitlines()[-1]), strict=True):
        sizes.setdefault((data.name, method.name), size)
    return BatchSizes(sizes)


def images_per_step(config: Any) -> int | None:
    """The number of training images in a step of a parsed ``fit``; None if it is not known."""
    size = config.data.get("init_args.batch_size") if "init_args" in config.data else None
    devices = config.trainer.devices
    if not isinstance(size, int):
        return None
    return size * int(devices if str(devices).isdigit() else 1) * int(config.trainer.num_nodes)


def parse_lines(lines: Sequence[list[str]]) -> list[int | None]:
    """Parse command lines, and return the number of images in a step of each.

    Raises:
        InputError: if the parser rejects one; the message begins with its number.
    """
    parsed: list[Any] = []
    try:
        parse_all(list(lines), parsed)
    except InputError as error:
        raise InputError(f"{FAILED_LINE}{len(parsed)}: {error}") from error
    return [images_per_step(config[config.subcommand]) for config in parsed]


def main() -> None:
    """Parse the command lines of the standard input; invalid input is one line on stderr with exit status 2."""
    from lightning_gans.training import filter_warnings

    filter_warnings()
    sys.path.append(str(Path.cwd()))  # as for `fit`: a user's own module
    with exit_on_known_errors():
        print(json.dumps(parse_lines(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
