"""The page's server: which requests it answers. The page itself is tested in tests/browser."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lightning_gans.demo.serving import allowed_hosts
from tests.support.demo_process import Demo, demo
from tests.support.demo_runs import latent_run, translation_run


class Served(NamedTuple):
    """A page that is served.

    Attributes:
        page: the process.
        run: of the checkpoint.
    """

    page: Demo
    run: Path

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and text of an answer; the path is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=200)
        try:
            connection.request(method, path, body or None, {key.replace("_", "-"): v for key, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def handled(self, function: str, data: list[Any]) -> str:
        """What the queue says of a call of one of the page's functions."""
        config = json.loads(self.ask("GET", "/config")[2])
        number = next(call["id"] for call in config["dependencies"] if call["api_name"] == function)
        request = {"data": data, "fn_index": number, "session_hash": "test"}
        joined = self.ask(
            "POST", "/gradio_api/queue/join", json.dumps(request).encode(), content_type="application/json"
        )
        assert joined[0] == 200, joined
        return self.ask("GET", "/gradio_api/queue/data?session_hash=test")[2].decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    run = translation_run(tmp_path_factory.mktemp("run"))
    with demo(run, tmp_path_factory.mktemp("demo"), "--max_upload_mb", "0.2", "--max_pixels", "10000") as page:
        yield Served(page, run)
        assert page.end() == 0
        assert not list(page.temporary.glob("lightning-gans-*"))


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
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=//etc/passwd",
        "/gradio_api/file=%2Fetc%2Fpasswd",
        "/gradio_api/file={folder}/../../../../etc/passwd",
        "/gradio_api/file={folder}/%2e%2e/%2e%2e/etc/passwd",
        "/gradio_api/file={folder}/link",
        "/gradio_api/file={folder}",
        "/gradio_api/file={run}/checkpoints/best.ckpt",
        "/gradio_api/file={run}/metrics.csv",
        "/gradio_api/file={here}/pyproject.toml",
        "/gradio_api/file=pyproject.toml",
        "/gradio_api/file=./pyproject.toml",
        "/gradio_api/file=http://127.0.0.1:1/",
        "/gradio_api/file=https://example.com/a.png",
        "/gradio_api/file=file:///etc/passwd",
        "/gradio_api/file=\x00",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=https://gradio-theme.hf.space/",
        "/proxy=https://example.com/",
        "/file=/etc/passwd",
        "/static//etc/passwd",
        "/static/../../../../../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../../../../../../../etc/passwd",
        "/assets/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "/custom_component/a/client/component/..%2f..%2fpasswd",
        "/gradio_api/openapi.json",
        "/gradio_api/info",
        "/gradio_api/mcp/",
        "/gradio_api/runs",
        "/gradio_api/vibe-code",
        "/gradio_api/call/translate",
        "/monitoring",
        "/docs",
    ],
)
def test_nothing_else_is(path: str, served: Served) -> None:
    if not (served.page.folder / "link").is_symlink():
        (served.page.folder / "link").symlink_to("/etc/passwd")
    path = path.format(folder=served.page.folder, run=served.run, here=Path.cwd())
    connection = http.client.HTTPConnection("127.0.0.1", served.page.port, timeout=200)
    connection._validate_path = lambda url: None  # type: ignore[attr-defined]
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status in (400, 403, 404), path
    assert b"root:" not in text
    assert b"[project]" not in text


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


@pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "https://example.com/a.png", "http://127.0.0.1/"])
def test_files_that_were_not_uploaded_are_not_read(path: str, served: Served) -> None:
    file = {"path": path, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
    told = served.handled("take_file", [file, "a_to_b"])
    assert '"success":false' in told.replace(" ", "")
    assert "root:" not in told
    if path.startswith("http"):
        assert f"{path} is not a file; URLs are not fetched" in served.page.errors.read_text()


@pytest.mark.slow
def test_ended_by_a_signal_it_leaves_nothing(tmp_path: Path) -> None:
    with demo(latent_run(tmp_path / "run"), tmp_path, "--host", "0.0.0.0") as page:
        assert page.errors.read_text() == "0.0.0.0 is not local: everyone in its network can use the page\n"
        assert page.end(signal.SIGTERM) == 128 + signal.SIGTERM
        assert not list(page.temporary.glob("lightning-gans-*"))
