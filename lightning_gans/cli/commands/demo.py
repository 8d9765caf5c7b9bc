"""``lightning-gans demo``: show a trained model on a page in the browser."""

from __future__ import annotations

import argparse
import sys
import threading

from lightning_gans.cli.commands.common import load_model, model_parser
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.extras import require_extra
from lightning_gans.demo.serving import LOCAL_HOSTS, application, open_socket, serve, temporary_environment
from lightning_gans.runs.folder import RunFolder


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = model_parser(
        "demo",
        "Show a trained model on a page in the browser: generate or translate images, and look at the model's run. "
        "Only this machine can open the page, unless --host says otherwise.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port; 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--max_upload_mb", type=float, default=10, help="largest uploaded file in megabytes (default: %(default)s)"
    )
    parser.add_argument(
        "--max_pixels", type=int, default=4_000_000, help="most pixels of an uploaded image (default: %(default)s)"
    )
    parser.add_argument(
        "--max_side", type=int, default=8192, help="largest side of an uploaded image in pixels (default: %(default)s)"
    )
    parser.add_argument(
        "--max_session_mb",
        type=float,
        default=100,
        help="most megabytes that one browser may upload in an hour (default: %(default)s)",
    )
    parser.add_argument(
        "--max_folder_mb",
        type=float,
        default=1000,
        help="most megabytes of uploaded and shown images that are kept; the oldest are deleted (default: %(default)s)",
    )
    parser.add_argument("--no_browser", action="store_true", help="do not open a browser")
    return parser


def run(options: argparse.Namespace) -> None:
    """Serve the page until the server is stopped.

    Raises:
        InputError: if an option cannot be used, or a package is missing.
    """
    for key in ("max_upload_mb", "max_pixels", "max_side", "max_session_mb", "max_folder_mb"):
        if not getattr(options, key) > 0:
            raise InputError(f"--{key} is {getattr(options, key)}; expected more than 0")
    require_extra("demo", "`lightning-gans demo`")
    stopping = threading.Event()
    with temporary_environment() as folder:
        announce_loading()
        model = load_model(options)
        with open_socket(options.host, options.port) as listener:
            # Imported here since Gradio takes seconds to load, and reads the environment that was just set.
            from lightning_gans.demo.limits import Limits
            from lightning_gans.demo.page import CSS, build, theme
            from lightning_gans.demo.uploads import set_pillow_limit
            from lightning_gans.runs.find_checkpoint import find_checkpoint

            limits = Limits(
                options.max_upload_mb,
                options.max_pixels,
                options.max_side,
                options.max_session_mb,
                options.max_folder_mb,
            )
            set_pillow_limit(limits)
            place = find_checkpoint(options.checkpoint)
            page = build(model, RunFolder.containing(place), limits, stopping, RunFolder(place))
            app = application(page, folder, limits, options.host, theme(), CSS, stopping)
            if options.host not in LOCAL_HOSTS:
                print(f"{options.host} is not local: everyone in its network can use the page", file=sys.stderr)
            serve(app, listener, stopping, browse=not options.no_browser)
