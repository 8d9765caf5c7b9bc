"""``lightning-gans report``: write an HTML page that shows runs side by side. Does not load torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_gans.cli.commands.common import CommandParser, add_overwrite, print_skipped, user_path
from lightning_gans.core.errors import InputError, os_reason


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser(
        "report",
        "Write one HTML file that shows runs side by side: samples over time, curves, scores with how they were "
        "measured, settings and environment. The file contains all it shows and opens offline.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=user_path,
        metavar="RUN",
        help="a run's folder, such as runs/dcgan-mnist/version_0, or a folder of runs, such as runs/dcgan-mnist",
    )
    parser.add_argument(
        "--out",
        type=user_path,
        metavar="FILE",
        help="file to write (default: report.html, in the folder of a single run, else in the current folder)",
    )
    add_overwrite(parser, "FILE")
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the report.

    Raises:
        InputError: if an option cannot be used, or a run cannot be read.
    """
    # Here for the start-up time of --help: Matplotlib takes a second to load.
    from lightning_gans.reporting.html.page import check_output, render, write_page
    from lightning_gans.reporting.html.run_report import find_runs, read_reports

    try:
        folders = find_runs(options.runs)
        out = options.out or (folders[0].report if len(folders) == 1 else Path(folders[0].report.name))
        check_output(out, options.overwrite)
        runs = read_reports(folders)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({os_reason(error)})") from error
    for sentence in (sentence for run in runs for sentence in run.skipped):
        print_skipped(sentence)
    write_page(out, render(runs))
    print(f"report: {out}")
