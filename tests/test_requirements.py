"""The lowest versions that pyproject.toml allows can be installed together, on each Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PROJECT = ROOT / "pyproject.toml"
OFFLINE = re.compile(r"Failed to fetch|error sending request|client error \(Connect\)|network")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_lowest_versions_are_installable_together(version: str, tmp_path: Path) -> None:
    """As wheels: a source distribution of another Python's time may not build."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None or not PROJECT.is_file():
        pytest.skip("uv is not installed, or pyproject.toml is not beside the tests")
    out = tmp_path / "lowest.txt"
    command = [uv, "pip", "compile", str(PROJECT), "--resolution", "lowest-direct", "--only-binary", ":all:"]
    extras = [f"--extra={extra}" for extra in ("all", "docs", "dev")]
    command += [*extras, "--python-version", version, "--quiet", "--output-file", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=560, check=False)
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip("the registry cannot be reached")
    assert done.returncode == 0, done.stderr
    chosen = dict(re.findall(r"^([\w.-]+)==([\w.+]+)", out.read_text(), re.MULTILINE))
    direct = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    assert {re.split(r"[>=<\[]", package)[0].lower().replace("_", "-") for package in direct} <= chosen.keys()
