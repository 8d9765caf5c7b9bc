"""``lightning-gans table``: a table of results from run folders.

It reads text files only and does not load torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.reporting.rows import group_runs
from lightning_gans.reporting.runs import SUBCOMMANDS, find_scored_runs, read_run
from lightning_gans.reporting.text import replace_table, select_scores, to_csv, to_markdown


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="lightning-gans table",
        description="Print a table of results from run folders: a row for each name of runs, the median and the range "
        "over seeds for each score, and how the scores were measured.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="a run's folder, such as runs/dcgan-mnist/version_0, or one of several runs, such as runs/dcgan-mnist",
    )
    parser.add_argument(
        "--split",
        choices=list(SUBCOMMANDS),
        default="test",
        help="the split whose last scores to show (default: %(default)s)",
    )
    parser.add_argument(
        "--format", choices=["markdown", "csv"], default="markdown", help="format of the output (default: %(default)s)"
    )
    parser.add_argument(
        "--scores",
        metavar="NAME,NAME",
        help="show only these scores, in this order (default: all, without those of single classes)",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="write the table between the lines <!-- table NAME --> and <!-- end --> of a Markdown file",
    )
    parser.add_argument("--name", default="results", help="NAME in that file (default: %(default)s)")
    return parser


def run(argv: list[str]) -> None:
    """Print or write the table.

    Raises:
        InputError: if something given cannot be used.
    """
    options = options_parser().parse_args(argv)
    if options.write and options.format != "markdown":
        raise InputError(f"--format is {options.format}; expected markdown where --write is given")
    rows = group_runs([read_run(folder, options.split) for folder in find_scored_runs(options.folders)])
    scores = select_scores(rows, options.scores.split(",") if options.scores else None)
    text = to_csv(rows, scores) if options.format == "csv" else to_markdown(rows, scores)
    if options.write:
        replace_table(options.write, options.name, text)
        print(f"table: {options.write}")
    else:
        print(text, end="")


def main(argv: list[str]) -> None:
    """The command line: errors of the user's input are one line on stderr and exit status 2."""
    with exit_on_known_errors():
        run(argv)
