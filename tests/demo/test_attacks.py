"""Requests that no browser sends: what they must neither get nor do."""

from __future__ import annotations

import http.client
import io
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.demo_client import FORM, Served, file_data

SECRET = (123, 45, 67)


def files_with(content: bytes, folder: Path) -> list[Path]:
    """The files in a folder that have this content."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == content]


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture on the machine that was not uploaded."""
    path = tmp_path_factory.mktemp("private") / "secret.png"
    Image.new("RGB", (32, 32), SECRET).save(path)
    return path


def as_upload(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take_file", [file, "a_to_b"]


def as_drawing(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take", [{"background": file, "layers": [], "composite": file}, "a_to_b"]


def as_layer(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take", [{"background": None, "layers": [file], "composite": None}, "a_to_b"]


def as_direction(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take_file", [None, file]


def nested(file: dict[str, Any]) -> tuple[str, list[Any]]:
    return "take_file", [None, [{"a": [file]}]]


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


@pytest.fixture(scope="module")
def links(served: Served) -> None:
    """Links in the served folder that lead out of it."""
    (served.page.folder / "link").symlink_to("/etc/passwd")
    (served.page.folder / "links").symlink_to("/etc")


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:50])
def test_no_other_file_or_address_is_served(path: str, served: Served) -> None:
    path = path.format(folder=served.page.folder, run=served.run, here=Path.cwd())
    for method in ("GET", "HEAD"):
        status, _, text = served.ask(method, path, wait=20)
        assert status in (400, 403, 404, 405), path
        assert b"root:" not in text
        assert b"[project]" not in text


@pytest.mark.parametrize("place", PLACES)
def test_files_that_were_not_uploaded_are_not_read(place: Any, secret: Path, served: Served) -> None:
    named = (secret, f"{served.page.folder}/../../../../../..{secret}", os.path.relpath(secret), "/etc/passwd", "")
    for path in (*named, served.page.folder, "https://example.com/a.png", "http://127.0.0.1/", "file:///etc/passwd"):
        for more in ({}, {"url": "http://127.0.0.1:1/"}, {"is_stream": True}, {"meta": None}):
            told = served.handled(*place({**file_data(path), **more}))
            assert told.endswith("is not an uploaded file")
    assert not files_with(secret.read_bytes(), served.page.folder)


@pytest.mark.parametrize("place", PLACES)
def test_files_that_never_end_do_not_stop_the_page(place: Any, tmp_path: Path, served: Served) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/zero", "/dev/stdin", "/proc/self/environ"):
        assert "is not an uploaded file" in served.handled(*place(file_data(path)))
    assert served.ask("GET", "/config", wait=20)[0] == 200


def encoded(kind: str, size: tuple[int, int] = (8, 8), color: Any = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, kind)
    return stream.getvalue()


def test_uploads_and_drawings_are_translated(served: Served) -> None:
    path = served.uploaded(encoded("PNG", (40, 30)))
    assert '"success":true' in served.handled(*as_upload(file_data(path)))
    assert served.draw(encoded("PNG"), "background")[0] == 200
    assert served.draw(encoded("PNG", color="red"), "composite")[0] == 200
    told = served.handled("take", [{"background": None, "layers": [], "composite": None, "id": "d"}, "a_to_b"])
    assert '"success":true' in told
    assert "/gradio_api/file=" in told


@pytest.mark.parametrize("name", ["a.png", "a.eps"])
def test_no_upload_starts_ghostscript(name: str, served: Served) -> None:
    served.decoded.unlink(missing_ok=True)
    path = served.uploaded(encoded("EPS"), name)
    for place in (as_upload, as_drawing, as_layer):
        served.handled(*place(file_data(path)))
        assert not served.decoded.exists()


def test_no_drawing_starts_ghostscript(served: Served) -> None:
    served.decoded.unlink(missing_ok=True)
    served.draw(encoded("EPS"), "background")
    served.draw(encoded("EPS"), "composite")
    told = served.handled("take", [{"background": None, "layers": [], "composite": None, "id": "d"}, "a_to_b"])
    assert "the file is not a readable image (not an image)" in told
    assert not served.decoded.exists()


@pytest.mark.parametrize(("size", "told"), [((9000, 1), "expected sides of at most 8,192"), ((101, 100), "10,100")])
def test_a_picture_that_takes_long_is_refused(size: tuple[int, int], told: str, served: Served) -> None:
    path = served.uploaded(encoded("PNG", size))
    assert told in served.handled(*as_upload(file_data(path)))


def test_a_drawing_with_an_endless_number_of_layers_takes_no_memory(served: Served) -> None:
    before = peak_mb(served)
    for index in ("30000000000", "-1", "x", "null"):
        served.draw(b"0", "layer", index)
    layer = file_data(served.uploaded(encoded("PNG", (100, 100))))
    served.handled("take", [{"background": None, "layers": [layer] * 500, "composite": None}, "a_to_b"])
    assert peak_mb(served) < before + 100


def peak_mb(served: Served) -> float:
    """The largest memory that the server has had until now."""
    status = Path(f"/proc/{served.page.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "file://"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost:{port}"},
        {"origin": "http://127.0.0.1:{port}.evil.example"},
        {"origin": "http://127.0.0.1:{port}@evil.example"},
        {"origin": "http://evil.example#127.0.0.1:{port}"},
        {"origin": "http://[:{port}"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "cors"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
    ],
    ids=str,
)
def test_other_sites_can_neither_read_nor_send(headers: dict[str, str], served: Served) -> None:
    headers = {name: value.format(port=served.page.port) for name, value in headers.items()}
    requests = [
        ("GET", "/", b""),
        ("GET", "/config", b""),
        ("GET", "/gradio_api/queue/data?session_hash=a", b""),
        ("GET", "/gradio_api/heartbeat/a", b""),
        ("POST", "/gradio_api/upload", b"0"),
        ("POST", "/gradio_api/queue/join", b"{}"),
        ("POST", "/gradio_api/component_server", b"{}"),
        ("POST", "/gradio_api/cancel", b"{}"),
        ("POST", "/gradio_api/reset", b"{}"),
    ]
    for method, path, body in requests:
        for kind in ("text/plain", "application/json", FORM) if body else ("",):
            status, answered, text = served.ask(method, path, body, 20, content_type=kind, **headers)
            assert (status, text) == (403, b"the request comes from another site")
            assert "access-control-allow-origin" not in answered
    preflight = served.ask(
        "OPTIONS", "/gradio_api/queue/join", b"", 20, access_control_request_method="POST", **headers
    )
    assert preflight[0] == 405
    assert "access-control-allow-origin" not in preflight[1]


def test_a_refusal_reaches_a_client_that_is_still_sending(served: Served) -> None:
    head = (
        "POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n"
        f"Content-Type: {FORM}\r\nContent-Length: 200000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.page.port), timeout=20) as client:
        client.sendall(head.encode())
        time.sleep(0.3)
        for _ in range(20):
            client.sendall(b"0" * 10_000)
            time.sleep(0.01)
        assert client.recv(1000).startswith(b"HTTP/1.1 403")


def test_the_page_itself_and_links_to_it_are_answered(served: Served) -> None:
    own = f"http://127.0.0.1:{served.page.port}"
    assert served.ask("GET", "/config", b"", 20, origin=own, sec_fetch_site="same-origin")[0] == 200
    assert served.ask("GET", "/", b"", 20, sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200
    assert served.ask("GET", "/", b"", 20, sec_fetch_site="none", sec_fetch_mode="navigate")[0] == 200


def test_there_is_no_websocket(served: Served) -> None:
    key = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_key": "AAAA", "sec_websocket_version": "13"}
    for path in ("/", "/gradio_api/queue/join", "/ws"):
        assert served.ask("GET", path, b"", 20, **key)[0] != 101


def test_what_was_uploaded_runs_no_script(served: Served) -> None:
    drawn = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    for name in ("a.svg", "a.html"):
        path = served.uploaded(drawn, name)
        served.handled(*as_upload(file_data(path)))
        _, headers, text = served.ask("GET", f"/gradio_api/file={path}")
        assert text == drawn
        assert headers["content-disposition"].startswith("attachment")
        assert "sandbox" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]


def test_each_browser_has_a_quota_of_uploads(served: Served) -> None:
    def cookie() -> str:
        return served.ask("GET", "/")[1]["set-cookie"].partition(";")[0]

    one, other = cookie(), cookie()
    assert one != other
    answers = [served.upload(os.urandom(200_000), cookie=one) for _ in range(16)]
    assert [status for status, _, _ in answers] == [200] * 15 + [413]
    assert answers[-1][2] == b"this browser has uploaded 3 MB in an hour; expected no more than that"
    assert served.upload(b"0", cookie=other)[0] == 200
    assert "set-cookie" not in served.ask("GET", "/", cookie=one)[1]


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


@pytest.mark.parametrize("path", ["queue/join", "component_server", "cancel", "reset", "upload"])
def test_junk_is_refused_and_the_page_goes_on(path: str, served: Served) -> None:
    for body in JUNK:
        for kind in ("application/json", FORM):
            status = served.ask(
                "POST", f"/gradio_api/{path}", body, 20, content_type=kind, content_length=str(len(body))
            )[0]
            assert status >= 200
    assert served.ask("GET", "/config", b"", 20)[0] == 200


def attack(served: Served, seconds: float, clients: int) -> tuple[list[float], list[str]]:
    """Send requests of all kinds by many clients.

    Returns:
        Seconds that the page took to answer others in the meantime, and errors of the clients.
    """
    end = time.monotonic() + seconds
    errors: list[str] = []
    functions = {name: served.function(name) for name in ("take_file", "take")}

    def client(number: int) -> None:
        turn = number
        while time.monotonic() < end:
            turn += 1
            try:
                one_request(turn)
            except (OSError, http.client.HTTPException) as error:
                errors.append(repr(error))

    def one_request(turn: int) -> None:
        session = secrets.token_hex(5)
        kind = turn % 8
        if kind == 0:
            served.upload(os.urandom(150_000))
        elif kind == 1:
            served.draw(os.urandom(150_000), "composite", drawing=session)
        elif kind == 2:
            path = served.uploaded(picture, cookie=f"lightning-gans-browser={secrets.token_hex(16)}")
            request = {"data": [file_data(path), "a_to_b"], "fn_index": functions["take_file"], "session_hash": session}
            if served.post("/gradio_api/queue/join", request)[0] == 200 and turn % 16 == 2:
                served.ask("GET", f"/gradio_api/queue/data?session_hash={session}", b"", 60)
        elif kind == 3:
            request = {"data": ["x" * 90_000, "a_to_b"], "fn_index": functions["take"], "session_hash": session}
            served.post("/gradio_api/queue/join", request)
        elif kind == 4:
            served.ask("GET", PATHS[turn % len(PATHS)], b"", 60)
        elif kind == 5:
            served.ask("POST", "/gradio_api/upload", b"0" * 1000, 60, origin="https://evil.example")
        elif kind == 6:
            served.ask("POST", "/gradio_api/queue/join", JUNK[turn % len(JUNK)], 60, content_type="application/json")
        else:
            with socket.create_connection(("127.0.0.1", served.page.port)) as half:
                half.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n0")

    picture = encoded("PNG", (100, 100), "red")
    threads = [threading.Thread(target=client, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    waits = []
    while time.monotonic() < end:
        start = time.monotonic()
        assert served.ask("GET", "/config", b"", 60)[0] == 200
        waits.append(time.monotonic() - start)
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    return waits, errors


@pytest.mark.parametrize(("clients", "seconds"), [(6, 1), pytest.param(30, 20, marks=pytest.mark.slow)])
def test_many_clients_take_bounded_memory_and_the_page_answers(clients: int, seconds: float, served: Served) -> None:
    served.handled(*as_upload(file_data(served.uploaded(encoded("PNG", (100, 100), "blue")))))
    before = peak_mb(served)
    waits, errors = attack(served, seconds, clients)
    grown = peak_mb(served) - before
    print(f"{len(waits)} answers, the slowest in {max(waits):.1f} s; memory has grown by {grown:.0f} MB; {errors[:3]}")
    assert max(waits) < 20
    assert grown < 300
    end = time.monotonic() + 60
    path = served.uploaded(encoded("PNG", (50, 50), "green"), cookie=f"lightning-gans-browser={'0' * 32}")
    while (told := served.handled(*as_upload(file_data(path)))).startswith("503") and time.monotonic() < end:
        time.sleep(0.5)
    assert '"success":true' in told
