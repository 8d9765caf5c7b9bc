"""``lightning-gans table``: run folders in, a table of results out, median and spread over seeds.

Light on purpose: it reads text files and never loads torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.reporting.rows import rows_of
from lightning_gans.reporting.runs import SUBCOMMANDS, find_runs, read_run
from lightning_gans.reporting.text import as_csv, markdown, score_names, write_between


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="lightning-gans table",
        description="Turn run folders into a table of results: one row for each name of runs, "
        "the median and the spread over seeds for each score, and how they were measured.",
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
        "--split", choices=list(SUBCOMMANDS), default="test", help="whose last scores to take (default: %(default)s)"
    )
    parser.add_argument(
        "--format", choices=["markdown", "csv"], default="markdown", help="of the output (default: %(default)s)"
    )
    parser.add_argument(
        "--scores", metavar="NAME,NAME", help="only these scores, in this order (default: all that the runs have)"
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="put the table between the lines <!-- table NAME --> and <!-- end --> of a Markdown file",
    )
    parser.add_argument("--name", default="results", help="which table of that file (default: %(default)s)")
    return parser


def run(argv: list[str]) -> None:
    """Print or write the table.

    Raises:
        InputError: if something given cannot be used.
    """
    options = options_parser().parse_args(argv)
    if options.write and options.format != "markdown":
        raise InputError(f"--format is {options.format}; expected markdown where --write is given")
    rows = rows_of([read_run(folder, options.split) for folder in find_runs(options.folders)])
    scores = score_names(rows, options.scores.split(",") if options.scores else None)
    text = as_csv(rows, scores) if options.format == "csv" else markdown(rows, scores)
    if options.write:
        write_between(options.write, options.name, text)
        print(f"table: {options.write}")
    else:
        print(text, end="")


def main(argv: list[str]) -> None:
    """The command line: errors of the user's input are one line on stderr and exit status 2."""
    with exit_on_known_errors():
        run(argv)
