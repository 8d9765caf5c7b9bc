"""Requests that no browser sends: what they must neither get nor do."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.demo_client import FORM, Served, file_data
from tests.support.demo_requests import JUNK, PATHS, PLACES, as_drawing, as_layer, as_upload, encoded, peak_mb

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


def test_uploads_and_drawings_are_translated(served: Served) -> None:
    path = served.uploaded(encoded("PNG", (40, 30)))
    assert '"success":true' in served.handled(*as_upload(file_data(path)))
    assert served.draw(encoded("PNG"), "background")[0] == 200
    assert served.draw(encoded("PNG", color="red"), "composite")[0] == 200
    told = served.handled("take", [{"background": None, "layers": [], "composite": None, "id": "d"}, "a_to_b", 0])
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
    told = served.handled("take", [{"background": None, "layers": [], "composite": None, "id": "d"}, "a_to_b", 0])
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
    served.handled("take", [{"background": None, "layers": [layer] * 500, "composite": None}, "a_to_b", 0])
    assert peak_mb(served) < before + 100


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


@pytest.mark.parametrize("path", ["queue/join", "component_server", "cancel", "reset", "upload"])
def test_junk_is_refused_and_the_page_goes_on(path: str, served: Served) -> None:
    before = served.page.errors.stat().st_size
    for body in JUNK:
        for kind in ("application/json", FORM):
            status = served.ask(
                "POST", f"/gradio_api/{path}", body, 20, content_type=kind, content_length=str(len(body))
            )[0]
            assert status >= 200
    assert served.ask("GET", "/config", b"", 20)[0] == 200
    assert "Traceback" not in served.page.errors.read_text()[before:]
