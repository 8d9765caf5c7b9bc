"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lightning_gans.core.errors import InputError, exit_on_known_errors
from speed.guard import compare
from speed.report import STEPS_HEAD, compared, machine, options_line, steps_line
from speed.rows import GPU_OPTIONS, OPTIONS, ROWS, Row
from speed.turns import Way, by_turns

ABOUT = """\
Measure the speed of a training step of each variant: (a) with the trainer and the config, (b) in a plain loop, (c) in
the style of common suites, and the limit of the machine, only the step's convolutions and matrix products. Each way has
its own process, and they alternate; a ratio is the median over rounds.
"""


def ways_of(row: Row, device: tuple[str, ...]) -> dict[str, Way]:
    """Return all ways of a step."""
    kinds = ("ours", "bare", "common", "limit", "feeding")
    return {kind: Way(kind, (*row.arguments, *device), row.turn) for kind in kinds}


def options_of(row: Row, device: tuple[str, ...], wanted: Sequence[str]) -> dict[str, Way]:
    """Return our step with each of these options."""
    known = OPTIONS | GPU_OPTIONS
    return {name: Way("ours", (*row.arguments, *device, *known[name]), row.turn) for name in ("eager", *wanted)}


def chosen(only: Sequence[str]) -> dict[str, Row]:
    """Return the rows whose names contain one of these parts.

    Raises:
        InputError: if there is none.
    """
    rows = {name: row for name, row in ROWS.items() if not only or any(part in name for part in only)}
    if not rows:
        raise InputError(f"--only is {' '.join(only)}; expected a part of one of: {'; '.join(ROWS)}")
    return rows


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure and print all rows."""
    device = ("--trainer.accelerator", "gpu" if arguments.device == "cuda" else "cpu")
    device += ("--trainer.devices", "1", *arguments.with_arguments)
    options = arguments.what == "options"
    found: dict[str, Any] = {"machine": machine(arguments.device, arguments.threads), "rows": {}}
    print(", ".join(f"{key} {value}" for key, value in found["machine"].items()), end="\n\n")
    known = (OPTIONS | GPU_OPTIONS) if arguments.device == "cuda" else OPTIONS
    names = [name for name in known if name != "eager" and name not in arguments.without]
    if options:
        print("| Step | eager ms | " + " | ".join(f"{n}, times eager" for n in names) + " |")
        print("| --- " * (2 + len(names)) + "|", flush=True)
    else:
        print(STEPS_HEAD, flush=True)
    for name, row in chosen(arguments.only).items():
        ways = options_of(row, device, names) if options else ways_of(row, device)
        measured = by_turns(ways, arguments.rounds or row.rounds, arguments.threads)
        line = compared(measured, "eager" if options else "ours", row.turn, options)
        found["rows"][name] = line
        print(options_line(name, line, names) if options else steps_line(name, line), flush=True)
    return found


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what",
        nargs="?",
        default="steps",
        choices=["steps", "options", "compare"],
        help="steps (the default): all ways; options: our step with each option; compare BEFORE NOW: the ratios "
        "that fell by more than a tenth between two files of --json (exit status 1 if any did)",
    )
    parser.add_argument("files", nargs="*", type=Path, help="for compare: the earlier and the later file")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="PART",
        help=f"only rows whose names contain one of these: {'; '.join(ROWS)}",
    )
    parser.add_argument(
        "--without", nargs="+", default=[], choices=[*OPTIONS, *GPU_OPTIONS], help="options to leave out"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of each process")
    parser.add_argument("--rounds", type=int, help="turns of each way; the default depends on the row")
    parser.add_argument("--json", type=Path, help="write the measurements to this file")
    parser.add_argument(
        "--with",
        dest="with_arguments",
        nargs=argparse.REMAINDER,
        default=[],
        help="further arguments of `lightning-gans fit`; must be the last option",
    )
    arguments = parser.parse_args()
    with exit_on_known_errors():
        if (arguments.what == "compare") != (len(arguments.files) == 2) or len(arguments.files) not in (0, 2):
            raise InputError(
                f"files are {list(map(str, arguments.files))}; expected two for compare, and none otherwise"
            )
        if arguments.what == "compare":
            sys.exit(compare(*arguments.files))
        if arguments.device == "cuda" and not torch.cuda.is_available():
            raise InputError("--device is cuda, but no CUDA device is available; expected cpu")
        if arguments.json is not None and not arguments.json.parent.is_dir():
            raise InputError(f"--json is {arguments.json}, whose folder does not exist")
        found = measure(arguments)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
