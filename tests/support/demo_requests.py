"""Requests to the demo page that no browser sends."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.demo_client import Served


def as_upload(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take_file", [file, "a_to_b", 0]


def as_drawing(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take", [{"background": file, "layers": [], "composite": file}, "a_to_b", 0]


def as_layer(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take", [{"background": None, "layers": [file], "composite": None}, "a_to_b", 0]


def as_direction(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take_file", [None, file, 0]


def nested(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take_file", [None, [{"a": [file]}], 0]


PLACES = [as_upload, as_drawing, as_layer, as_direction, nested]


PATHS = [
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=//etc/passwd",
    "/gradio_api/file=///etc/passwd",
    "/gradio_api/file=/./etc/passwd",
    "/gradio_api/file=/proc/self/environ",
    "/gradio_api/file=/proc/self/cwd/pyproject.toml",
    "/gradio_api/file=/proc/self/root/etc/passwd",
    "/gradio_api/file=/dev/zero",
    "/gradio_api/file=/dev/fd/0",
    "/gradio_api/file=%2Fetc%2Fpasswd",
    "/gradio_api/file=%252Fetc%252Fpasswd",
    "/gradio_api/file%3D/etc/passwd",
    "/gradio_api/file=\\etc\\passwd",
    "/gradio_api/file=C:/Windows/win.ini",
    "/gradio_api/file=~/.ssh/id_rsa",
    "/gradio_api/file={folder}",
    "/gradio_api/file={folder}/",
    "/gradio_api/file={folder}/.",
    "/gradio_api/file={folder}/..",
    "/gradio_api/file={folder}/link",
    "/gradio_api/file={folder}/links/passwd",
    "/gradio_api/file={folder}x/../../etc/passwd",
    "/gradio_api/file={folder}/../../../../../../../../../etc/passwd",
    "/gradio_api/file={folder}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/gradio_api/file={folder}/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
    "/gradio_api/file={folder}/..%252f..%252f..%252f..%252f..%252fetc/passwd",
    "/gradio_api/file={folder}/..%c0%af..%c0%af..%c0%afetc/passwd",
    "/gradio_api/file={folder}/....//....//....//....//etc/passwd",
    "/gradio_api/file={folder}/..;/..;/..;/..;/etc/passwd",
    "/gradio_api/file={folder}%00/../../../../../etc/passwd",
    "/gradio_api/file={run}/checkpoints/best.ckpt",
    "/gradio_api/file={run}/metrics.csv",
    "/gradio_api/file={here}/pyproject.toml",
    "/gradio_api/file=pyproject.toml",
    "/gradio_api/file=./pyproject.toml",
    "/gradio_api/file=",
    "/gradio_api/file=\x00",
    "/gradio_api/file=%00",
    "/gradio_api/file=%ff%fe",
    "/gradio_api/file=" + "a/" * 3000,
    "/gradio_api/file=http://127.0.0.1:1/",
    "/gradio_api/file=https://example.com/a.png",
    "/gradio_api/file=//example.com/a.png",
    "/gradio_api/file=ftp://example.com/a.png",
    "/gradio_api/file=file:///etc/passwd",
    "/gradio_api/file/etc/passwd",
    "/gradio_api/file?path=/etc/passwd",
    "/gradio_api//file=/etc/passwd",
    "//gradio_api/file=/etc/passwd",
    "/./gradio_api/file=/etc/passwd",
    "/GRADIO_API/FILE=/etc/passwd",
    "/gradio_api/gradio_api/file=/etc/passwd",
    "/static/../gradio_api/file=/etc/passwd",
    "/gradio_api/stream/a/1/2/playlist-file",
    "/gradio_api/proxy=https://gradio-theme.hf.space/",
    "/gradio_api/proxy=http://127.0.0.1:1/",
    "/proxy=https://example.com/",
    "/file=/etc/passwd",
    "/file/etc/passwd",
    "/static//etc/passwd",
    "/static/../../../../../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%5c..%5c..%5c..%5cetc/passwd",
    "/assets/../../../../../../../../etc/passwd",
    "/assets/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
    "/svelte/../../../../etc/passwd",
    "/custom_component/a/client/component/..%2f..%2fpasswd",
    "/gradio_api/custom_component/1/client/component/style.css",
    "/gradio_api/deep_link?session_hash=a",
    "/gradio_api/openapi.json",
    "/gradio_api/info",
    "/gradio_api/mcp/",
    "/gradio_api/runs",
    "/gradio_api/run-history/buckets",
    "/gradio_api/vibe-code",
    "/gradio_api/call/translate",
    "/gradio_api/call/v2/translate/1",
    "/gradio_api/queue/status",
    "/gradio_api/startup-events",
    "/gradio_api/app_id",
    "/gradio_api/token",
    "/gradio_api/profiling/traces",
    "/monitoring",
    "/monitoring/summary",
    "/manifest.json",
    "/login",
    "/docs",
]
"""Forms of paths that name other files, addresses, and parts of Gradio that the page does not need."""


JUNK = [
    b"",
    b"{",
    b"[" * 90_000,
    b"null",
    b"{}",
    b'{"data": NaN}',
    b'{"session_hash": {}}',
    b"\xff",
    b'{"data": 1e999}',
]


def encoded(kind: str, size: tuple[int, int] = (8, 8), color: Any = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, kind)
    return stream.getvalue()


def peak_mb(served: Served) -> float:
    """The largest memory that the server has had until now."""
    status = Path(f"/proc/{served.page.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
