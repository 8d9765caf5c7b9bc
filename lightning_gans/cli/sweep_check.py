"""Whether the real parser takes a command line; a process of its own, since the parser loads torch.

``python -m lightning_gans.cli.sweep_check`` reads a JSON list of command lines and answers bad input as ``fit`` does.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.sweeps.trial import fit_arguments
from lightning_gans.sweeps.wandb_file import Sweep


def samples(sweep: Sweep) -> list[dict[str, Any]]:
    """As few draws as hold every value of every parameter, or both ends of its range, at least once."""
    count = max(len(parameter.examples) for parameter in sweep.parameters)
    return [{p.key: p.examples[i % len(p.examples)] for p in sweep.parameters} for i in range(count)]


def check_with_parser(sweep: Sweep, extra: list[str]) -> None:
    """Refuse a sweep with a key or value that the parser does not take.

    Raises:
        InputError: what the parser says.
    """
    lines = [["fit", *fit_arguments(sweep, drawn, extra, Path())] for drawn in samples(sweep)]
    done = subprocess.run(
        [sys.executable, "-m", "lightning_gans.cli.sweep_check"],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"the parser ended with status {done.returncode}"]
        raise InputError(f"{said[-1].removeprefix('lightning-gans: error: ')} (in {sweep.path})")


class _Parsed(Exception):  # noqa: N818 (no error)
    """Ends the command line before anything is run."""


def parse_all(lines: list[list[str]]) -> list[Any]:
    """Parse command lines with the real parser, without running them.

    Args:
        lines: command lines, each without the program's name.

    Returns:
        Their configs.

    Raises:
        InputError: if the parser rejects one of them.
    """
    from lightning_gans.cli.train import LightningGANsCLI, build

    parsed = []

    class ParserOnly(LightningGANsCLI):
        def parse_arguments(self, parser: Any, args: Any) -> NoReturn:
            for line in lines:
                super().parse_arguments(parser, line)
                parsed.append(self.config)
            raise _Parsed

    with contextlib.suppress(_Parsed):
        build([], ParserOnly)
    return parsed


def main() -> None:
    """Parse the command lines of the standard input; bad input is one line on stderr and exit status 2."""
    from lightning_gans.cli.process import filter_warnings

    filter_warnings()
    sys.path.append(str(Path.cwd()))  # as for `fit`: a user's own module
    with exit_on_known_errors():
        parse_all(json.load(sys.stdin))


if __name__ == "__main__":
    main()
