"""The README's tables of runs whose records are in the repository are what the command writes from these records."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lightning_gans.cli.commands.common import run_command

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "docs" / "records"
OPTIONS = {
    "pacgan": ["--scores", "class_kl,modes,relative_fid,kid,precision,recall,density,coverage"],
    "cifar10": [
        *("--extractor", "efficientnet_lite0"),
        *("--scores", "relative_fid,kid,precision,recall,density,coverage,head/label_accuracy"),
    ],
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_table_of_the_readme_is_made_from_the_records(name: str, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    shutil.copy(ROOT / "README.md", readme)
    run_command("table", [str(RECORDS / name), "--name", name, *OPTIONS[name], "--write", str(readme)])
    assert readme.read_text() == (ROOT / "README.md").read_text()
