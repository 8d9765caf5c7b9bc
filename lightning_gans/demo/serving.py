"""A server for one page: this machine's, for pictures alone."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lightning_gans.core.errors import InputError, os_reason

OFFLINE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""What keeps Gradio from telling anybody anything; it reads some of it when it is imported."""

SERVED = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|(assets|static)/.*|gradio_api/(heartbeat/\w+|upload|upload_progress"
    r"|component_server/?|queue/(join|data)|cancel|reset/?|file=(?P<file>.*)))"
)
"""What the page needs, of all that Gradio serves."""

POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; base-uri 'self'"
)
"""The browser asks nobody else for anything, and no other page shows this one."""

ENVELOPE = 100_000
"""Bytes that a request may have beside the file in it."""

ENDING = threading.Event()
"""Set once the server ends: what takes long looks at it."""

LOCAL = ("127.0.0.1", "localhost", "::1")

Scope = dict[str, Any]
Sends = Callable[[dict[str, Any]], Any]


class OnlyThePage:
    """Before Gradio: other addresses are not there, large requests are refused, and no other site may ask.

    Args:
        app: what answers the rest.
        folder: the only one from which files are given.
        most_bytes: of a request.
        hosts: names that this server is called by; none for any.
    """

    def __init__(self, app: Any, folder: str, most_bytes: int, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.folder = os.path.realpath(folder)
        self.most_bytes = most_bytes
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Any, send: Sends) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if why := self.refused(scope, headers):
            await refuse(send, *why)
            return

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = ((b"content-security-policy", POLICY.encode()), (b"x-content-type-options", b"nosniff"))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.app(scope, receive, guarded)

    def refused(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Status and reason, if a request is not answered."""
        host = re.sub(r":\d+$", "", headers.get(b"host", "")).strip("[]")
        if self.hosts and host not in self.hosts:
            # Else a site whose name is pointed at this machine could read the page (DNS rebinding).
            return 403, f"this server is not called {host}"
        served = SERVED.fullmatch(scope["path"])
        # With an address in place of a file, Gradio would fetch it.
        if not served or (served["file"] and not self.holds(served["file"])):
            return 404, "there is no such page"
        if scope["method"] not in ("GET", "HEAD"):
            length = headers.get(b"content-length", "")
            if not length.isdecimal():
                return 411, "expected a request of known length"
            if int(length) > self.most_bytes:
                return 413, f"the request has {int(length):,} bytes; expected at most {self.most_bytes:,}"
        return None

    def holds(self, file: str) -> bool:
        """Whether a file lies in the page's own folder, whatever links or dots its path has."""
        try:
            return os.path.realpath(file).startswith(self.folder + os.sep)
        except (OSError, ValueError):
            return False


async def refuse(send: Sends, status: int, reason: str) -> None:
    """Answer with a refusal."""
    kind = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": kind})
    await send({"type": "http.response.body", "body": reason.encode()})


@contextmanager
def workplace() -> Iterator[str]:
    """A folder for the pictures that the page shows, gone in the end, and an environment in which nothing gets out."""
    with tempfile.TemporaryDirectory(prefix="lightning-gans-demo-") as folder:
        os.environ.update(OFFLINE, GRADIO_TEMP_DIR=folder)
        yield folder


def application(page: Any, folder: str, most_bytes: int, host: str) -> OnlyThePage:
    """The page of :func:`lightning_gans.demo.page.build` as an ASGI application.

    Args:
        page: Gradio's blocks.
        folder: that of :func:`workplace`.
        most_bytes: of an uploaded file.
        host: the address at which it will be served.
    """
    import gradio as gr
    from fastapi import FastAPI
    from gradio import processing_utils

    from lightning_gans.demo.page import CSS, theme

    async def fetch_nothing(url: str) -> Any:
        raise ValueError(f"{url} is not fetched")

    # A browser may name an address where a file is expected, and Gradio would get it.
    processing_utils.async_ssrf_protected_get = fetch_nothing
    app = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page.queue(default_concurrency_limit=1, max_size=32),
        path="/",
        server_name=host,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=False,
        max_file_size=most_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        css_paths=[CSS],
    )
    return OnlyThePage(app, folder, most_bytes + ENVELOPE, LOCAL if host in LOCAL else ())


def listening(host: str, port: int) -> socket.socket:
    """A socket at this address.

    Raises:
        InputError: if there cannot be one.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port is {port}; expected 0 to 65535, 0 for any that is free")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os_reason(error).partition(" (while")[0]
        raise InputError(
            f"port {port} at {host} cannot be used ({reason}); expected a free port, or --port 0 for any, "
            "and an address of this machine"
        ) from error


def address(at: socket.socket) -> str:
    """Where a browser finds the page."""
    host, port = at.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: Any, at: socket.socket, browse: bool) -> None:
    """Serve until Ctrl-C or SIGTERM; say where, once it does."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"page: {address(at)}", flush=True)
            if browse and has_screen():
                threading.Thread(target=webbrowser.open, args=[address(at)], daemon=True).start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            ENDING.set()
            # Each page that is open would be an error with a traceback.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            await super().shutdown(sockets)

    # Uvicorn raises what ended it once more, and nothing is to be left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Pages keep a connection open, for as long as they are.
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    try:
        Server(config).run(sockets=[at])
    except KeyboardInterrupt:
        print(flush=True)


def has_screen() -> bool:
    """Whether a browser with windows can be opened; the others would take the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(key) for key in ("DISPLAY", "WAYLAND_DISPLAY"))
