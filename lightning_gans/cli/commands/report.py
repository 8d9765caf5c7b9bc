"""``lightning-gans report``: run folders in, one HTML file out that shows them beside each other.

Light on purpose: it reads text files and pictures and never loads torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_gans.core.errors import InputError, exit_on_known_errors, os_reason
from lightning_gans.core.files import require_new_path
from lightning_gans.reporting.html.contents import read_contents, run_folders
from lightning_gans.reporting.html.page import render, write

NAME = "report.html"


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="lightning-gans report",
        description="Write one HTML file that shows runs beside each other: samples over time, curves, scores with "
        "their stamps, settings and environment. It opens offline, and holds all it shows.",
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
        "--out", type=Path, metavar="FILE", help=f"what to write (default: {NAME} in the run, or here for several)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE where it is there already")
    return parser


def run(argv: list[str]) -> None:
    """Write the report.

    Raises:
        InputError: if something given cannot be used.
    """
    options = options_parser().parse_args(argv)
    try:
        folders = run_folders(options.runs)
        out = options.out or (folders[0] / NAME if len(folders) == 1 else Path(NAME))
        refuse_out(out, options.overwrite)
        runs = read_contents(folders)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({os_reason(error)})") from error
    write(out, render(runs))
    print(f"report: {out}")


def refuse_out(out: Path, overwrite: bool) -> None:
    """Refuse what cannot or must not be written, before any work is done.

    Raises:
        InputError: if ``out`` is no name for a page, is there already, or its place cannot be written to.
    """
    if out.suffix != ".html":  # so that a slip with --overwrite costs no checkpoint
        raise InputError(f"--out is {out}; expected a name that ends in .html")
    if out.is_symlink() or (out.exists() and not out.is_file()):
        kind = "a folder" if out.is_dir() else "no ordinary file"
        raise InputError(f"--out is {out}, which is {kind}; expected the name of a file")
    if not out.exists():
        require_new_path(out)
    elif not overwrite:
        raise InputError(f"{out} is there already; give --overwrite to replace it, or another name with --out")


def main(argv: list[str]) -> None:
    """The command line: errors of the user's input are one line on stderr and exit status 2."""
    with exit_on_known_errors():
        run(argv)
