"""What Gradio has no public API for.

The checks at start fail if a release of Gradio has renamed what is set here; ``tests/demo/test_compat.py`` and
``tests/demo/test_attacks.py`` fail if it does not do any more what it is set for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.components.base import server

MAX_SESSIONS = 100
"""Number of sessions, which are open pages, whose state is kept."""

SETTINGS: dict[str, Any] = {
    # Only a launched page checks that files named in requests were uploaded. Gradio would otherwise copy any file of
    # the machine into the folder that it serves.
    "has_launched": True,
    # An argument of `launch`, but not of `mount_gradio_app`; by default the state of 10,000 sessions is kept.
    "state_session_capacity": MAX_SESSIONS,
}
"""Attributes of a page which `launch` sets and `mount_gradio_app` does not."""


def secure_mounted_page(page: gr.Blocks) -> None:
    """Make Gradio check the requests to a page that will be mounted as it checks those to a page that it launches.

    Raises:
        RuntimeError: if Gradio has changed, so that requests would not be checked.
    """
    for name, value in SETTINGS.items():
        if name not in vars(page):
            raise changed(f"gradio.Blocks.{name}")
        setattr(page, name, value)
    if not callable(getattr(processing_utils, "async_ssrf_protected_get", None)):
        raise changed("gradio.processing_utils.async_ssrf_protected_get")
    processing_utils.async_ssrf_protected_get = reject_url


async def reject_url(url: str) -> Any:
    """In place of the function with which Gradio fetches a URL that a request has in place of a file."""
    raise ValueError(f"{url} is not a file; URLs are not fetched")


def replace_decoder(
    editor: gr.ImageEditor, preprocess: Callable[[Any], Any], accept_blobs: Callable[[Any], None]
) -> gr.ImageEditor:
    """Replace the methods with which an editor takes drawings.

    Its own decode all formats that Pillow knows and keep data of any size in memory. A subclass could replace them as
    well, but Gradio writes a file beside the module of a subclass.

    Args:
        editor: the editor.
        preprocess: is given the value from the browser, and returns that of the event's handler.
        accept_blobs: is given a part of a drawing, which the browser sends before the event.

    Raises:
        RuntimeError: if Gradio has changed, so that these methods would not be called.
    """
    for name in ("preprocess", "accept_blobs"):
        if not callable(getattr(gr.ImageEditor, name, None)):
            raise changed(f"gradio.ImageEditor.{name}")
    if [function.__name__ for function in editor.server_fns] != ["accept_blobs"]:
        raise changed("gradio.ImageEditor.server_fns")
    replaced: Any = editor
    replaced.preprocess = preprocess
    mark: Any = server  # the decorator of functions that the page's script may call
    replaced.accept_blobs = mark(lambda data: accept_blobs(data))
    return editor


def changed(name: str) -> RuntimeError:
    """The error that ends the command before a page is served without its checks."""
    return RuntimeError(f"gradio {gr.__version__} has changed: {name} is gone; install a release before it")
