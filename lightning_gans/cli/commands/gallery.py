"""``lightning-gans gallery``: write an HTML page with pictures of trained models."""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_gans.cli.commands.common import (
    CommandParser,
    add_overwrite,
    errors_name_checkpoint,
    print_skipped,
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.core.shipped_models import model_names
from lightning_gans.runs.below import runs_below

DEFAULT = Path("gallery.html")


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser(
        "gallery",
        "Write one HTML file with pictures of trained models: samples and interpolations, or translations, each with "
        "the command that trained the model, the time that took, and scores with how they were measured. The file "
        "contains all it shows and opens offline.",
    )
    parser.add_argument(
        "models",
        nargs="*",
        type=user_path,
        metavar="CKPT",
        help="a run's folder, a folder of runs (all of them), a checkpoint, an exported folder or file, or the name of "
        "a shipped model (default: all shipped models)",
    )
    parser.add_argument(
        "--out", type=user_path, default=DEFAULT, metavar="FILE", help="file to write (default: %(default)s)"
    )
    add_overwrite(parser, "FILE")
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the page. A model that cannot be loaded is named on stderr and left out.

    Raises:
        InputError: if an option cannot be used, or no model can be loaded.
    """
    # Here for the start-up time of --help.
    announce_loading()
    from lightning_gans.reporting.html.gallery import Entry, read_entry, render_gallery
    from lightning_gans.reporting.html.page import check_output, write_page

    check_output(options.out, options.overwrite)
    entries: list[Entry] = []
    for path in find_models(options.models):
        try:
            with errors_name_checkpoint():
                entries.append(read_entry(path))
        except InputError as error:
            if len(options.models) == 1:
                raise
            print_skipped(str(error))
    if not entries:
        raise InputError("no model can be shown; expected runs, checkpoints or shipped models")
    write_page(options.out, render_gallery(entries))
    print(f"gallery: {options.out} ({len(entries)} models)")


def find_models(given: list[Path]) -> list[Path]:
    """The models to show: of a folder of runs all runs; without any path all shipped models.

    Raises:
        InputError: if a folder cannot be listed.
    """
    found: list[Path] = []
    for path in given or map(Path, model_names()):
        try:
            found += [run.path for run in (runs_below(path) if path.is_dir() else [])] or [path]
        except OSError as error:
            raise InputError(f"{error.filename} cannot be read ({os_reason(error)})") from error
    return found
