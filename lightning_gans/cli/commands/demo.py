"""``lightning-gans demo``: a trained model on a page in the browser. Gradio is loaded once the model is."""

from __future__ import annotations

import argparse
import sys

from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.demo.serving import LOCAL, application, listening, serve, workplace


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    from lightning_gans.cli.commands.common import parser_for

    parser = parser_for(
        "demo", "Show a trained model on a page in the browser, on this machine: sliders or translation, and its run."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="0 for any that is free (default: %(default)s)")
    parser.add_argument(
        "--max_upload_mb", type=float, default=10, help="largest file to upload, in megabytes (default: %(default)s)"
    )
    parser.add_argument(
        "--max_pixels", type=int, default=4_000_000, help="most pixels of an uploaded picture (default: %(default)s)"
    )
    parser.add_argument("--no_browser", action="store_true", help="open no browser")
    return parser


def run(argv: list[str], folder: str) -> None:
    """Serve the page until it is ended.

    Args:
        argv: the command's arguments.
        folder: for the pictures that the page shows.

    Raises:
        InputError: if something given cannot be used.
    """
    options = options_parser().parse_args(argv)
    for key in ("max_upload_mb", "max_pixels"):
        if not getattr(options, key) > 0:
            raise InputError(f"{key} is {getattr(options, key)}; expected more than 0")

    from lightning_gans.cli.commands.common import model_of
    from lightning_gans.demo.uploads import Limits, guard_pillow
    from lightning_gans.runs.folder import RunFolder

    limits = Limits(options.max_upload_mb, options.max_pixels)
    model = model_of(options)
    with listening(options.host, options.port) as at:
        from lightning_gans.demo.page import build

        guard_pillow(limits)
        page = build(model, RunFolder.containing(options.checkpoint), limits)
        app = application(page, folder, limits.upload_bytes, options.host)
        if options.host not in LOCAL:
            print(f"{options.host} is not this machine alone: all in its network can use the page", file=sys.stderr)
        serve(app, at, browse=not options.no_browser)


def main(argv: list[str]) -> None:
    """The command, with one line for input that it cannot use."""
    with exit_on_known_errors(), workplace() as folder:
        run(argv, folder)
