"""A client of a page that is served: requests as a browser sends them, and as no browser does."""

from __future__ import annotations

import http.client
import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.demo_process import WAIT, Demo

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers with lower-case names, and content of a response."""


class Served(NamedTuple):
    """A page that is served.

    Attributes:
        page: the process.
        run: of the checkpoint.
        decoded: exists if the server has started Ghostscript.
    """

    page: Demo
    run: Path
    decoded: Path

    def ask(self, method: str, path: str, body: bytes = b"", wait: float = WAIT, **headers: str) -> Answer:
        """The response to a request, whose path is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=wait)
        connection._validate_path = lambda url: None  # type: ignore[attr-defined]
        try:
            connection.request(method, path, body or None, {key.replace("_", "-"): v for key, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def post(self, path: str, value: Any) -> Answer:
        """The response to a request with JSON."""
        return self.ask("POST", path, json.dumps(value).encode(), content_type="application/json")

    def config(self) -> dict[str, Any]:
        """What the page's script knows of the page."""
        return dict(json.loads(self.ask("GET", "/config")[2]))

    def function(self, name: str) -> int:
        """The number of one of the page's functions."""
        return next(int(call["id"]) for call in self.config()["dependencies"] if call["api_name"] == name)

    def join(self, function: str, data: list[Any], session: str) -> Answer:
        """The response to a call of one of the page's functions."""
        request = {"data": data, "fn_index": self.function(function), "session_hash": session}
        return self.post("/gradio_api/queue/join", request)

    def handled(self, function: str, data: list[Any]) -> str:
        """What comes of a call: its messages, or the refusal."""
        session = secrets.token_hex(5)
        status, _, text = self.join(function, data, session)
        if status != 200:
            return f"{status} {text.decode()}"
        return self.ask("GET", f"/gradio_api/queue/data?session_hash={session}")[2].decode()

    def upload(self, content: bytes, name: str = "a.png", **headers: str) -> Answer:
        """The response to an upload."""
        body = multipart({}, [("files", name, content)])
        return self.ask("POST", "/gradio_api/upload", body, WAIT, content_type=FORM, **headers)

    def uploaded(self, content: bytes, name: str = "a.png", **headers: str) -> str:
        """The path of an uploaded file."""
        status, _, text = self.upload(content, name, **headers)
        assert status == 200, text
        return str(json.loads(text)[0])

    def draw(self, content: bytes, kind: str = "composite", index: str = "null", drawing: str = "d") -> Answer:
        """The response to a part of a drawing."""
        number = next(part["id"] for part in self.config()["components"] if part["props"].get("elem_id") == "canvas")
        fields = {
            "type": kind,
            "index": index,
            "id": drawing,
            "component_id": str(number),
            "session_hash": "drawing",
            "fn_name": "accept_blobs",
        }
        body = multipart(fields, [("file", "blob", content)])
        return self.ask("POST", "/gradio_api/component_server", body, WAIT, content_type=FORM)


BORDER = "x--border--x"
FORM = f"multipart/form-data; boundary={BORDER}"


def multipart(fields: dict[str, str], files: list[tuple[str, str, bytes]]) -> bytes:
    """A form with files (field, name, content)."""
    parts = [
        f'--{BORDER}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for field, name, content in files:
        head = f'--{BORDER}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        parts += [head.encode(), b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"]
    return b"".join([*parts, f"--{BORDER}--\r\n".encode()])


def file_data(path: str | Path) -> dict[str, Any]:
    """A file as the page's script names it."""
    return {"path": str(path), "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
