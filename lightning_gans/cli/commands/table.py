"""``lightning-gans table``: print a table of results with median and spread over seeds. Does not load torch."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress

from lightning_gans.cli.commands.common import CommandParser, print_skipped, user_path
from lightning_gans.core.errors import InputError
from lightning_gans.reporting.budget import EQUAL, describe_budget, equal_minutes
from lightning_gans.reporting.runs import SUBCOMMANDS, ScoreChoice, find_scored_runs, read_runs
from lightning_gans.reporting.table import group_runs, replace_table, to_csv, to_markdown


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser(
        "table",
        "Print a table of results: one row per name of runs, the median and the spread over seeds of each score, and "
        "how the scores were measured. Scores that were measured differently are in tables of their own; runs without "
        "scores are named and left out.",
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=user_path,
        metavar="FOLDER",
        help="a run's folder, such as runs/dcgan-mnist/version_0, or a folder of runs, such as runs/dcgan-mnist",
    )
    parser.add_argument(
        "--split",
        choices=list(SUBCOMMANDS),
        default="test",
        help="split whose last scores are shown (default: %(default)s)",
    )
    parser.add_argument(
        "--extractor",
        default="",
        metavar="NAME",
        help="show only scores in the features of this extractor, given by the start of its name in the stamp, such as "
        "efficientnet_lite0 (default: those measured last)",
    )
    parser.add_argument(
        "--minutes",
        type=parse_minutes,
        metavar="N",
        help="show the best scores of each run after at most N minutes of training, by the first of --scores, else by "
        "the first column; equal: N is the time of the run with the shortest (default: the last scores)",
    )
    parser.add_argument(
        "--format", choices=["markdown", "csv"], default="markdown", help="output format (default: %(default)s)"
    )
    parser.add_argument(
        "--scores",
        metavar="NAME,NAME",
        help="show only these scores, in this order (default: all, without those of single classes)",
    )
    parser.add_argument(
        "--write",
        type=user_path,
        metavar="FILE",
        help="replace the text between the lines <!-- table NAME --> and <!-- end --> of a Markdown file by the table",
    )
    parser.add_argument("--name", default="results", help="name of the table in that file (default: %(default)s)")
    return parser


def parse_minutes(text: str) -> float | str:
    """The value of ``--minutes``.

    Raises:
        InputError: if it is neither a number above 0 nor "equal".
    """
    with suppress(ValueError):
        if text == EQUAL or 0 < float(text) < math.inf:
            return text if text == EQUAL else float(text)
    raise InputError(f"--minutes is {text}; expected a number above 0, or {EQUAL}")


def run(options: argparse.Namespace) -> None:
    """Print or write the table.

    Raises:
        InputError: if an option cannot be used, or a run cannot be read.
    """
    if options.write and options.format != "markdown":
        raise InputError(f"--format is {options.format}; expected markdown with --write")
    chosen = options.scores.split(",") if options.scores else None
    folders, minutes = find_scored_runs(options.folders), options.minutes
    if minutes == EQUAL:
        minutes = equal_minutes(folders, options.split, options.extractor)
    choice = ScoreChoice(options.split, options.extractor, minutes, chosen or ())
    tables = group_runs(read_runs(folders, choice, print_skipped))
    text = to_csv(tables, chosen) if options.format == "csv" else to_markdown(tables, chosen)
    if minutes is not None and options.format == "markdown":
        text += f"\n{describe_budget(minutes)}\n"
    if options.write:
        replace_table(options.write, options.name, text)
        print(f"table: {options.write}")
    else:
        print(text, end="")
