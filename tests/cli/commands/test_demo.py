from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_gans.cli.commands.common import command_line
from lightning_gans.demo.serving import has_screen, open_socket, page_url, temporary_environment
from tests.support import checkpoint_files


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which the command ends."""
    with pytest.raises(SystemExit) as ended:
        command_line("demo", list(arguments))
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("lightning-gans: error: ")
    assert error.count("\n") == 1
    return error


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was, afterwards: the command keeps Gradio offline by it."""
    for key in dict(os.environ):
        monkeypatch.setenv(key, os.environ[key])


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint", b"PK\x03\x04"])
def test_what_is_no_checkpoint_is_refused(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.ckpt"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refused(capsys, str(path))


def test_a_port_in_use_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(checkpoint_files.latent(tmp_path / "a.ckpt"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = refused(capsys, path, "--port", port)
    assert f"port {port} at 127.0.0.1 cannot be used (Address already in use)" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "70000"], "port is 70000; expected 0 to 65535"),
        (["--host", "192.0.2.1", "--port", "0"], "port 0 at 192.0.2.1 cannot be used"),
        (["--max_pixels", "0"], "--max_pixels is 0; expected more than 0"),
        (["--max_side", "0"], "--max_side is 0; expected more than 0"),
        (["--max_session_mb", "0"], "--max_session_mb is 0.0; expected more than 0"),
        (["--max_folder_mb", "nan"], "--max_folder_mb is nan; expected more than 0"),
        (["--max_upload_mb", "-1"], "max_upload_mb is -1"),
        (["--max_upload_mb", "nan"], "max_upload_mb is nan"),
        (["--device", "cuda:99"], "device is cuda:99"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(checkpoint_files.latent(tmp_path / "a.ckpt"))
    assert message in refused(capsys, path, *arguments)


def test_addresses_are_those_that_a_browser_can_open() -> None:
    with open_socket("127.0.0.1", 0) as listener:
        assert page_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    with open_socket("0.0.0.0", 0) as listener:
        assert page_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_the_temporary_folder_is_deleted_and_the_environment_offline() -> None:
    with temporary_environment() as folder:
        assert os.environ["GRADIO_TEMP_DIR"] == folder
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        (Path(folder) / "a.png").touch()
    assert not Path(folder).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_no_browser_is_opened_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_screen()


def test_the_command_line_without_a_page_does_not_wait_for_gradio() -> None:
    script = (
        "import sys; from lightning_gans.cli.commands import demo; demo.make_parser();"
        "sys.exit('gradio' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.slow
def test_the_page_does_not_wait_for_torchmetrics() -> None:
    script = "import sys; import lightning_gans.demo.page; sys.exit('torchmetrics' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
