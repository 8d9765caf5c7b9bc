"""``lightning-gans report``: an HTML file that shows runs side by side.

It reads text files and pictures only and does not load torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_gans.core.errors import InputError, exit_on_known_errors, os_reason
from lightning_gans.reporting.html.page import check_output, render, write_page
from lightning_gans.reporting.html.run_report import find_runs, read_reports


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="lightning-gans report",
        description="Write one HTML file that shows runs side by side: samples over time, curves, scores with their "
        "stamps, settings and environment. The file needs no network and no other files.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="a run's folder, such as runs/dcgan-mnist/version_0, or one of several runs, such as runs/dcgan-mnist",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the file to write (default: report.html, in the folder of a single run, else here)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    return parser


def run(argv: list[str]) -> None:
    """Write the report.

    Raises:
        InputError: if something given cannot be used.
    """
    options = options_parser().parse_args(argv)
    try:
        folders = find_runs(options.runs)
        out = options.out or (folders[0].report if len(folders) == 1 else Path(folders[0].report.name))
        check_output(out, options.overwrite)
        runs = read_reports(folders)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({os_reason(error)})") from error
    write_page(out, render(runs))
    print(f"report: {out}")


def main(argv: list[str]) -> None:
    """The command line: errors of the user's input are one line on stderr and exit status 2."""
    with exit_on_known_errors():
        run(argv)
