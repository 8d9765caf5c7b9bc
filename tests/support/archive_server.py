"""Small archives from a server on this machine, which can be told to fail in every way that servers do."""

from __future__ import annotations

import hashlib
import io
import re
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules.archives import Archive, fetch

# Noise does not compress, so that an archive is longer than a socket's buffer holds.
CONTENT = {
    "train/1.jpg": np.random.default_rng(0).bytes(300_000),
    "train/2.jpg": b"two",
    "val/1.jpg": b"three",
}


def tarball(
    content: dict[str, bytes] = CONTENT, name: str = "facades", extra: tuple[tarfile.TarInfo, ...] = ()
) -> bytes:
    """A tar.gz of ``content`` in the folder ``name``, then of members as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        top = tarfile.TarInfo(name)
        top.type = tarfile.DIRTYPE
        archive.addfile(top)
        for path, data in content.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in extra:
            archive.addfile(member)
    return buffer.getvalue()


def zipped(
    content: dict[str, bytes] = CONTENT, name: str = "facades", extra: tuple[zipfile.ZipInfo, ...] = ()
) -> bytes:
    """A zip of ``content`` in the folder ``name``, then of members as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}/", b"")
        for path, data in content.items():
            archive.writestr(f"{name}/{path}", data)
        for member in extra:
            archive.writestr(member, b"outside")
    return buffer.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def zip_member(name: str, kind: int = 0) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o644) << 16
    return member


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path and notes what was asked for and sent.

    Attributes:
        ranges: whether it answers requests for a part with that part.
        states: whether it states the size of what it sends.
        cuts: after how many bytes it drops the connection, for the first requests.
        most: the most bytes that it sends of a part.
        delay: seconds before each answer.
        asked: the Range header of each request.
        sent: bytes of files in each answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = self.states = True
        self.cuts: list[int] = []
        self.most = sys.maxsize
        self.delay = 0.0
        self.asked: list[str | None] = []
        self.sent: list[int] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that refuses what it gets closes the connection."""

    def offer(self, data: bytes, file: str = "facades.tar.gz", **known: Any) -> Archive:
        """Serve ``data``; what is known of it is its SHA-256, unless ``known`` says otherwise."""
        self.files[f"/{file}"] = data
        known.setdefault("sha256", hashlib.sha256(data).hexdigest())
        return Archive(f"http://127.0.0.1:{self.server_port}/{file}", **known)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        time.sleep(server.delay)
        data = server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        total, status, span = len(data), 200, None
        if asked and server.ranges:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            data = data[begin:][: server.most]
            status = 206 if data else 416
            span = f"bytes {begin}-{begin + len(data) - 1}/{total}" if data else f"bytes */{total}"
        self.send_response(status)
        if span:
            self.send_header("Content-Range", span)
        body = data or b"<html>an error page</html>"
        if server.states:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: server.cuts.pop(0)] if server.cuts else body
        server.sent.append(len(body) if data else 0)
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def refusal(archive: Archive, root: Path, name: str = "facades") -> str:
    with pytest.raises(InputError) as error:
        fetch(archive, name, root, unverified=archive.sha256 is None)
    message = str(error.value)
    assert "\n" not in message
    assert not (root / name).is_dir()
    assert f".{name}.unpacking" not in (names(root) if root.is_dir() else [])
    before, found, after = re.split(r" \((.*)\); ", message)
    assert before == f"dataset is {name}, which is not at {root / name} and cannot be downloaded from {archive.url}"
    assert after == "run again to resume, or put the unpacked folder there"
    return found


def raising(error: Exception) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise error

    return function
