"""What is set inside Gradio does what it is set for, without the filter before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from lightning_gans.demo.serving import OFFLINE
from tests.support.demo_client import Served, file_data
from tests.support.demo_process import Demo


class Mounted(NamedTuple):
    """A page that Gradio serves.

    Attributes:
        served: asks it.
        folder: the only folder whose files it may read.
        facts: of ``tests/support/mounted_page.py``.
    """

    served: Served
    folder: Path
    facts: dict[str, Any]


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    folder = tmp_path_factory.mktemp("mounted") / "served"
    environment = {**os.environ, **OFFLINE, "GRADIO_TEMP_DIR": str(folder)}
    command = [sys.executable, "-m", "tests.support.mounted_page"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            facts = json.loads(process.stdout.readline())
            page = Demo(process, f"http://127.0.0.1:{facts['port']}", folder, folder / "errors.txt")
            yield Mounted(Served(page, folder, folder), folder, facts)
        finally:
            process.kill()


def test_gradio_reads_only_uploaded_files_of_a_mounted_page(mounted: Mounted, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "secret.svg").write_text("<svg/>")
    served = mounted.served
    for path in (tmp_path / "secret.png", tmp_path / "secret.svg", "/dev/zero", "http://127.0.0.1:1/a.png"):
        assert '"success":false' in served.handled("take", [file_data(path)])
    assert '"success":true' in served.handled("take", [file_data(served.uploaded(b"0"))])
    assert not list(mounted.folder.rglob("secret*"))


def test_an_svg_file_is_no_document_of_a_mounted_page(mounted: Mounted) -> None:
    path = mounted.served.uploaded(b"<svg/>", "a.svg")
    mounted.served.handled("take", [file_data(path)])
    headers = mounted.served.ask("GET", f"/gradio_api/file={path}")[1]
    assert headers["content-disposition"].startswith("attachment")


def test_the_state_of_few_sessions_is_kept(mounted: Mounted) -> None:
    assert mounted.facts["sessions"] == 100


def test_a_page_is_not_served_without_its_checks(mounted: Mounted) -> None:
    names = ["Blocks.has_launched", "Blocks.state_session_capacity", "ImageEditor.server_fns"]
    for name, refusal in zip(names, mounted.facts["refusals"], strict=True):
        assert f"has changed: gradio.{name} is gone" in refusal


def test_an_editor_has_our_methods_in_place_of_its_own(mounted: Mounted) -> None:
    assert mounted.facts["editor"]
