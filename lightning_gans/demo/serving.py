"""A web server for the page, which serves this machine and no files but the page's own."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError, os_reason
from lightning_gans.demo.limits import Limits, keep_pruned
from lightning_gans.demo.request_filter import RequestFilter

OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Environment in which Gradio and the hub's client send nothing; Gradio reads part of it when it is imported."""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
"""Addresses at which only this machine can reach the server."""


@contextmanager
def temporary_environment() -> Iterator[str]:
    """Context manager that sets the environment for Gradio, and yields a temporary folder for the page's images."""
    with tempfile.TemporaryDirectory(prefix="lightning-gans-demo-") as folder:
        os.environ.update(OFFLINE, GRADIO_TEMP_DIR=folder)
        yield folder


def application(
    page: Any, folder: str, limits: Limits, host: str, theme: Any, css: Path, stopping: threading.Event
) -> Any:
    """The ASGI application of a page.

    Args:
        page: Gradio's blocks.
        folder: the folder of :func:`temporary_environment`.
        limits: limits of uploads.
        host: the address at which it will be served.
        theme: Gradio's theme.
        css: file of additional CSS.
        stopping: set when the server stops.
    """
    # Imported here since the environment has to be set before, and for start-up time.
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from lightning_gans.demo.compat import secure_mounted_page

    secure_mounted_page(page)
    app = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page.queue(default_concurrency_limit=1, max_size=32),
        path="/",
        server_name=host,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=False,
        max_file_size=limits.upload_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme,
        css_paths=[css],
    )
    keep_pruned(Path(folder), limits, stopping)
    return TrustedHostMiddleware(RequestFilter(app, folder, limits), allowed_hosts(host), www_redirect=False)


def allowed_hosts(host: str) -> list[str]:
    """Host names in requests that are answered, as Starlette's TrustedHostMiddleware takes them.

    A local server answers only to the names of this machine. Otherwise a website whose name resolves to this machine
    could read the page (DNS rebinding).

    Args:
        host: the address at which the page is served.
    """
    if host not in LOCAL_HOSTS:
        return ["*"]
    return [f"[{name}]" if ":" in name else name for name in LOCAL_HOSTS]


def open_socket(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        InputError: if the address cannot be used.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port is {port}; expected 0 to 65535, where 0 is any free port")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os_reason(error).partition(" (while")[0]
        raise InputError(
            f"port {port} at {host} cannot be used ({reason}); expected a free port, or --port 0 for any, "
            "and an address of this machine"
        ) from error


def page_url(listener: socket.socket) -> str:
    """The URL of the page for a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: Any, listener: socket.socket, stopping: threading.Event, browse: bool) -> None:
    """Serve until Ctrl-C or SIGTERM; print the URL as soon as the page can be opened.

    Args:
        app: the ASGI application.
        listener: a listening socket.
        stopping: set when the server stops, so that long computations can end.
        browse: whether to open a browser.
    """
    # Imported here for start-up time.
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"page: {page_url(listener)}", flush=True)
            if browse and has_screen():
                threading.Thread(target=webbrowser.open, args=[page_url(listener)], daemon=True).start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stopping.set()
            # Uvicorn logs a traceback for each open page.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            await super().shutdown(sockets)

    # Uvicorn raises the signal again after its shutdown; the temporary folder has to be deleted first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Open pages keep a connection.
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    try:
        Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print(flush=True)


def has_screen() -> bool:
    """Whether a graphical browser can be opened; a text browser would take over the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(key) for key in ("DISPLAY", "WAYLAND_DISPLAY"))
