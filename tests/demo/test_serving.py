"""The page's server: which requests it answers. The page itself is tested in tests/browser."""

from __future__ import annotations

import http.client
import signal
from pathlib import Path

import pytest

from lightning_gans.demo.serving import allowed_hosts
from tests.support.demo_client import Served
from tests.support.demo_process import demo
from tests.support.demo_runs import latent_run


def test_the_page_names_nobody_and_no_place(served: Served) -> None:
    status, headers, text = served.ask("GET", "/")
    assert status == 200
    assert "CycleGAN" in text.decode()
    assert headers["content-security-policy"].startswith("default-src 'self'")
    theme = served.ask("GET", "/theme.css")[2].decode()
    for foreign in ("googleapis", "cdnjs", "cloudflare", "jsdelivr"):
        assert foreign not in text.decode() + theme
    config = served.ask("GET", "/config")[2].decode()
    assert str(served.run) not in text.decode() + config
    assert str(Path.cwd()) not in config


def test_the_pages_own_pictures_are_given(served: Served) -> None:
    (served.page.folder / "a.png").write_bytes(b"picture")
    assert served.ask("GET", f"/gradio_api/file={served.page.folder}/a.png")[2] == b"picture"


@pytest.mark.parametrize(
    ("header", "value", "status", "said"),
    [
        ("Content-Length", "400000", 413, b"the request has 400,000 bytes; expected at most 309,715"),
        ("Transfer-Encoding", "chunked", 411, b"the request has no Content-Length"),
    ],
)
def test_large_and_endless_requests_are_refused_at_once(
    header: str, value: str, status: int, said: bytes, served: Served
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.page.port, timeout=200)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader(header, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (status, said)
    connection.close()


def test_a_large_file_in_a_request_that_is_not_is_refused(served: Served) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + b"0" * 250_000
    status, _, _ = served.ask(
        "POST", "/gradio_api/upload", body + b"\r\n--x--\r\n", content_type="multipart/form-data; boundary=x"
    )
    assert status == 413


@pytest.mark.parametrize("name", ["evil.example", "evil.example:7860", ""])
def test_a_name_that_was_pointed_here_is_refused(name: str, served: Served) -> None:
    status, _, text = served.ask("GET", "/", Host=name)
    assert (status, text) == (400, b"Invalid host header")


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:80", "127.0.0.1:7860", "[::1]", "[::1]:7860"])
def test_the_names_of_this_machine_are_answered(name: str, served: Served) -> None:
    assert served.ask("GET", "/", Host=name)[0] == 200


def test_a_server_for_the_network_answers_to_any_name() -> None:
    assert allowed_hosts("0.0.0.0") == allowed_hosts("workstation") == ["*"]
    assert "*" not in allowed_hosts("127.0.0.1")


@pytest.mark.slow
def test_ended_by_a_signal_it_leaves_nothing(tmp_path: Path) -> None:
    with demo(latent_run(tmp_path / "run"), tmp_path, "--host", "0.0.0.0") as page:
        assert page.errors.read_text() == "0.0.0.0 is not local: everyone in its network can use the page\n"
        assert page.end(signal.SIGTERM) == 128 + signal.SIGTERM
        assert not list(page.temporary.glob("lightning-gans-*"))
