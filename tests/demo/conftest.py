from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.demo_client import Served
from tests.support.demo_process import demo
from tests.support.demo_runs import translation_run


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a CycleGAN with small limits, on a machine with a Ghostscript that notes that it was started."""
    run = translation_run(tmp_path_factory.mktemp("run"))
    folder = tmp_path_factory.mktemp("demo")
    ghostscript, started = folder / "bin" / "gs", folder / "started"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\n: > {started}\n")
    ghostscript.chmod(0o755)
    limits = ("--max_upload_mb", "0.2", "--max_pixels", "10000", "--max_session_mb", "3")
    with demo(run, folder, *limits, first_on_path=ghostscript.parent) as page:
        yield Served(page, run, started)
        assert page.end() == 0
        assert not list(page.temporary.glob("lightning-gans-*"))
