"""Checks command lines of a sweep with the real parser, in a process of its own, since the parser imports torch.

``python -m lightning_gans.cli.sweep_check`` reads a JSON list of command lines and reports invalid input as ``fit``.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.sweeps.trials import fit_arguments
from lightning_gans.sweeps.wandb_file import Sweep


def samples(sweep: Sweep) -> list[dict[str, Any]]:
    """The fewest draws that contain every value of every parameter, or both ends of its range."""
    count = max(len(parameter.examples) for parameter in sweep.parameters)
    return [{p.key: p.examples[i % len(p.examples)] for p in sweep.parameters} for i in range(count)]


def check_with_parser(sweep: Sweep, extra: list[str]) -> None:
    """Check all keys and values of a sweep with the parser.

    Args:
        sweep: the sweep.
        extra: arguments after the sweep's own.

    Raises:
        InputError: if the parser rejects one; the message is the parser's.
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


def parse_all(lines: list[list[str]], parsed: list[Any] | None = None) -> list[Any]:
    """Parse command lines with the real parser, without running them.

    Args:
        lines: command lines, each without the program's name.
        parsed: a list to which each config is added once it is parsed, also if a later one is rejected.

    Returns:
        Their configs.

    Raises:
        InputError: if the parser rejects one of them.
    """
    from lightning_gans.cli.train import LightningGANsCLI, build

    found: list[Any] = [] if parsed is None else parsed

    class ParserOnly(LightningGANsCLI):
        def parse_arguments(self, parser: Any, args: Any) -> NoReturn:
            for line in lines:
                super().parse_arguments(parser, line)
                self.config[self.config.subcommand].ckpt_path = self.ckpt_path
                found.append(self.config)
            raise _Parsed

    with contextlib.suppress(_Parsed):
        build([line[0] for line in lines], ParserOnly)
    return found


def main() -> None:
    """Parse the command lines of the standard input; invalid input is one line on stderr with exit status 2."""
    from lightning_gans.training import filter_warnings

    filter_warnings()
    sys.path.append(str(Path.cwd()))  # as for `fit`: a user's own module
    with exit_on_known_errors():
        parse_all(json.load(sys.stdin))


if __name__ == "__main__":
    main()
