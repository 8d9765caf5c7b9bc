"""A filter before Gradio, which serves many more requests than the page needs."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lightning_gans.demo.limits import Limits, UploadQuota

ALLOWED_PATHS = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|(assets|static)/.*|gradio_api/(heartbeat/\w+|upload|upload_progress"
    r"|component_server/?|queue/(join|data)|cancel|reset/?|file=(?P<file>.*)))"
)
"""Paths that the page needs. Gradio serves many others."""

FORM_PATHS = ("/gradio_api/upload", "/gradio_api/component_server", "/gradio_api/component_server/")
"""Paths of the requests that send a form: an uploaded file, or a part of a drawing. All others send JSON or nothing."""

SECURITY_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; base-uri 'self'"
)
"""The browser loads nothing from other servers, and no other page may embed this one."""

FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""An uploaded file that a browser shows as a document runs no scripts."""

MAX_OVERHEAD = 100_000
"""Bytes that a request may have in addition to an uploaded file, and of one without a file."""

COOKIE = "lightning-gans-browser"
"""The cookie that tells browsers apart whose uploads are counted."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Rejection = tuple[int, str]


class Headers:
    """The headers of a request; names are in lower case."""

    def __init__(self, scope: Scope) -> None:
        self.items = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]

    def all(self, name: bytes) -> list[str]:
        """All values of a header."""
        return [value for other, value in self.items if other == name]

    def get(self, name: bytes) -> str:
        """The first value of a header; "" if it is not there."""
        return next(iter(self.all(name)), "")


class RequestFilter:
    """ASGI middleware before Gradio, which rejects requests.

    Rejected are paths that the page does not need, requests from other sites, large requests, content that is neither
    the form nor the JSON that the path takes, and files that are not in the page's folder.

    Args:
        app: the application that answers all other requests.
        folder: the only folder from which files are served.
        limits: limits of uploads.
    """

    def __init__(self, app: Any, folder: str, limits: Limits) -> None:
        self.app = app
        self.folder = os.path.realpath(folder)
        self.limits = limits
        self.quota = UploadQuota(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope)
        rejection = self.rejection(scope, headers)
        if not rejection and scope["method"] == "POST" and not is_form(headers):
            # The length is known to be small.
            body = await read_body(receive)
            receive = replay(body, receive)
            rejection = self.body_rejection(body)
        if not rejection and scope["path"] == "/gradio_api/upload":
            rejection = self.quota_rejection(headers)
        if rejection:
            if scope["method"] == "POST" and self.length_rejection(headers) is None:
                # A client that is still sending would see a closed connection in place of the reason.
                await drop_body(receive)
            await reject(send, *rejection)
            return
        extra = [
            (b"content-security-policy", (FILE_POLICY if "/file=" in scope["path"] else SECURITY_POLICY).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]
        if scope["path"] == "/" and not browser_name(headers):
            cookie = f"{COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Strict"
            extra.append((b"set-cookie", cookie.encode()))

        async def send_with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.app(scope, receive, send_with_policy)

    def rejection(self, scope: Scope, headers: Headers) -> Rejection | None:
        """Status and reason with which a request is rejected by its path and headers; None if it is not."""
        path = ALLOWED_PATHS.fullmatch(scope["path"])
        # Given a URL instead of a file, Gradio would fetch it.
        if not path or (path["file"] and not self.contains(path["file"])):
            return 404, "page not found"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, f"{scope['method']} is not a method of this page"
        if is_from_other_site(scope, headers):
            return 403, "the request comes from another site"
        if scope["method"] != "POST":
            return None
        if is_form(headers) != (scope["path"] in FORM_PATHS):
            return 415, f"{headers.get(b'content-type')[:100]!r} is not the type of this request"
        return self.length_rejection(headers)

    def length_rejection(self, headers: Headers) -> Rejection | None:
        """The rejection of a request that is too large, or may be, and of an empty form."""
        length = headers.get(b"content-length")
        if not length.isdecimal():
            return 411, "the request has no Content-Length"
        if is_form(headers) and int(length) == 0:
            return 400, "the form is empty"
        most = MAX_OVERHEAD + (self.limits.upload_bytes if is_form(headers) else 0)
        if int(length) > most:
            return 413, f"the request has {int(length):,} bytes; expected at most {most:,}"
        return None

    def body_rejection(self, body: bytes) -> Rejection | None:
        """The rejection of JSON that names files which were not uploaded."""
        if not body:
            return None
        try:
            parts = [json.loads(body, parse_float=finite, parse_constant=finite)]
        except (ValueError, RecursionError):
            return 400, "the request is not JSON"
        while parts:
            part = parts.pop()
            if isinstance(part, list):
                parts += part
            elif isinstance(part, dict):
                parts += part.values()
                file = part.get("path")
                if isinstance(file, str) and not self.contains(file):
                    return 400, f"{file[:200]!r} is not an uploaded file"
        return None

    def quota_rejection(self, headers: Headers) -> Rejection | None:
        """The rejection of an upload if its browser has uploaded too much; counts the upload otherwise."""
        if self.quota.take(browser_name(headers), int(headers.get(b"content-length") or 0)):
            return None
        return 413, f"this browser has uploaded {self.limits.session_mb:g} MB in an hour; expected no more than that"

    def contains(self, file: str) -> bool:
        """Whether a path is that of a regular file in the page's folder, after resolving links and dots."""
        try:
            path = Path(os.path.realpath(file))
            return path.is_relative_to(self.folder) and path.is_file()
        except (OSError, ValueError):
            return False


def finite(text: str) -> float:
    """A number in JSON, which Gradio could not send back if it were not finite.

    Raises:
        ValueError: if it is not.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not finite")
    return number


def is_form(headers: Headers) -> bool:
    """Whether a request uploads files; all others have JSON."""
    return headers.get(b"content-type").startswith("multipart/form-data")


def is_from_other_site(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says that another site, or a server at another port, has sent the request.

    Opening the page by a link is allowed.
    """
    hosts = {host.lower() for host in headers.all(b"host")}
    for origin in headers.all(b"origin"):
        try:
            address = urlsplit(origin.lower())
            names = {address.netloc, f"{address.netloc}:{80 if address.scheme == 'http' else 443}"}
        except ValueError:
            return True
        if not address.netloc or not hosts <= names:
            return True
    if headers.get(b"sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    return not (scope["path"] == "/" and scope["method"] == "GET" and headers.get(b"sec-fetch-mode") == "navigate")


def browser_name(headers: Headers) -> str:
    """The value of the cookie that this server has set; "" without one."""
    try:
        cookies = SimpleCookie("; ".join(headers.all(b"cookie")))
    except CookieError:
        return ""
    value = cookies[COOKIE].value if COOKIE in cookies else ""
    return value if re.fullmatch(r"[0-9a-f]{32}", value) else ""


async def read_body(receive: Receive) -> bytes:
    """The body of a request."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def drop_body(receive: Receive) -> None:
    """Receive the body of a request without keeping it."""
    while (await receive()).get("more_body"):
        pass


def replay(body: bytes, receive: Receive) -> Receive:
    """A channel that gives a body that was read, and then the messages after it."""
    given = False

    async def channel() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return channel


async def reject(send: Send, status: int, reason: str) -> None:
    """Send an error response."""
    kind = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": kind})
    await send({"type": "http.response.body", "body": reason.encode()})
