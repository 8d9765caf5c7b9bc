"""Gradio's server for a page with a file, without the filter of the package.

A script, which prints JSON and serves: Gradio leaves event loops open in every process that makes a page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI

from lightning_gans.demo.compat import SETTINGS, replace_decoder, secure_mounted_page
from lightning_gans.demo.serving import open_socket


def refusal(function: Callable[[], Any]) -> str:
    """The message with which a function refuses a Gradio that has changed."""
    try:
        function()
    except RuntimeError as error:
        return str(error)
    return ""


def refusals() -> list[str]:
    """Those of pages and editors that miss something."""
    found = []
    for name in SETTINGS:
        with gr.Blocks(analytics_enabled=False) as page:
            pass
        delattr(page, name)
        found.append(refusal(lambda page=page: secure_mounted_page(page)))  # type: ignore[misc]
    other: Any = SimpleNamespace(server_fns=[])
    return [*found, refusal(lambda: replace_decoder(other, str, print))]


def editor_is_replaced() -> bool:
    """Whether an editor calls the functions that it was given."""
    taken: list[Any] = []
    with gr.Blocks(analytics_enabled=False):
        editor: Any = replace_decoder(gr.ImageEditor(), lambda payload: payload, taken.append)
    editor.accept_blobs("part")
    return bool(editor.preprocess("drawing") == "drawing" and taken == ["part"])


def main() -> None:
    """Print the facts, and serve until the process is ended."""
    with gr.Blocks(analytics_enabled=False) as page:
        file = gr.File(type="filepath")
        file.upload(str, file, gr.Textbox(), api_name="take")
    secure_mounted_page(page)
    app = gr.mount_gradio_app(FastAPI(), page.queue(), path="/", ssr_mode=False, pwa=False, mcp_server=False)
    for number in range(SETTINGS["state_session_capacity"] + 10):
        page.state_holder[str(number)]
    with open_socket("127.0.0.1", 0) as listener:
        facts = {
            "port": listener.getsockname()[1],
            "refusals": refusals(),
            "sessions": len(page.state_holder.session_data),
            "editor": editor_is_replaced(),
        }
        print(json.dumps(facts), flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])


if __name__ == "__main__":
    main()
