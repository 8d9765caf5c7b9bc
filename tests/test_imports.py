"""The import contract of pyproject.toml accepts the package as it is, and refuses an import from below."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="the contract is not beside the tests")

UPWARD = [
    ("lightning_gans/core/errors.py", "from lightning_gans.runs import folder", "lightning_gans.runs.folder"),
    ("lightning_gans/core/errors.py", "import lightning_gans.datamodules.digits", "lightning_gans.datamodules.digits"),
    ("lightning_gans/datamodules/digits.py", "import lightning_gans.networks.base", "lightning_gans.networks.base"),
]
"""A module, an import that the contract forbids there, and the module that it imports."""


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the contract on the package in a folder."""
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    command = [str(program), "--no-cache", "--config", str(folder / "pyproject.toml")]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_contract_refuses_upward_imports_alone(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    shutil.copytree(ROOT / "lightning_gans", tmp_path / "lightning_gans", ignore=ignored)  # links are followed
    unchanged = lint_imports(tmp_path)
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    for module, statement, _ in UPWARD:
        path = tmp_path / module
        path.write_text(f"{path.read_text()}\n{statement}\n")
    refused = lint_imports(tmp_path)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    for module, _, imported in UPWARD:
        assert f"{module.removesuffix('.py').replace('/', '.')} -> {imported} (l." in refused.stdout
