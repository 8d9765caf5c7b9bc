"""Follow the steps of CONTRIBUTING as written there: its variant and its data set train from the command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from tests.support.paths import ROOT

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PARTS = ("lightning_gans", "datamodules", "configs")

pytestmark = pytest.mark.skipif(not CONTRIBUTING.is_file(), reason="CONTRIBUTING.md is not beside the tests")

STEP = re.compile(r"^\d+\. `([\w/.]+)`(, new)?: .*?\n\n    ```\w+\n(.*?)^    ```$", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^from [\w.]+ import (\w+)$", re.MULTILINE)


def steps(section: str) -> list[tuple[str, bool, str]]:
    """Each file that a section of CONTRIBUTING names, whether it is new, and the lines that go into it."""
    body = CONTRIBUTING.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    found = [(path, bool(new), dedent(code)) for path, new, code in STEP.findall(body)]
    assert len(found) == len(re.findall(r"^\d+\. ", body, re.MULTILINE))
    return found


def follow(section: str, folder: Path) -> None:
    """Do a section's steps in a copy of the packages."""
    for path, new, code in steps(section):
        file = folder / path
        assert file.exists() is not new, f"{path} is {'there already' if new else 'missing'}"
        if new:
            file.parent.mkdir(exist_ok=True)
            file.write_text(code)
        else:
            (name,) = EXPORT.findall(code)
            text = file.read_text()
            assert text.count("__all__ = [") == 1
            file.write_text(text.replace("__all__ = [", f'{code.strip()}\n\n__all__ = ["{name}", '))


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages to which both sections were applied."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=ignored)
    follow("Add a variant", folder)
    follow("Add a data set", folder)
    return folder


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a copy, with the packages of the copy."""
    done = subprocess.run(
        [sys.executable, "-m", "lightning_gans", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


CPU = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false")


def test_both_sections_touch_a_class_an_export_and_a_config() -> None:
    for section, package in (("Add a variant", "lightning_gans/variants"), ("Add a data set", "datamodules")):
        paths = [path for path, _, _ in steps(section)]
        assert [path.rpartition("/")[0] for path in paths[:2]] == [package] * 2
        assert paths[1] == f"{package}/__init__.py"
        assert paths[2].startswith("configs/")
        assert len(paths) == 3


def test_configs_lists_the_new_ones_with_their_first_line(extended: Path) -> None:
    listed = dict(
        line.split(maxsplit=1) for line in command(extended, "configs").stdout.splitlines() if line.count(" ")
    )
    for section in ("Add a variant", "Add a data set"):
        path, _, code = steps(section)[2]
        name = path.removeprefix("configs/").removesuffix(".yaml")
        assert listed[name] == code.partition("\n")[0].removeprefix("# ")


@pytest.mark.slow
def test_the_new_variant_trains_a_batch_of_the_new_data_set(extended: Path) -> None:
    short = ("--trainer.max_steps", "1", "--trainer.limit_val_batches", "0")
    done = command(extended, "fit", "squared_gan/digits", "data/inverted_digits", *short, *CPU)
    assert "at the end of the run, after 1 steps" in done.stderr
    (config,) = (extended / "runs").glob("*/version_0/config.yaml")
    settings = yaml.safe_load(config.read_text())
    assert settings["data"]["class_path"].endswith(".InvertedDigitsDataModule")
    assert settings["model"]["class_path"].endswith(".SquaredGAN")
