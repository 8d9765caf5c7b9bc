"""A project with a folder ``datamodules`` of its own: its modules and ours are found side by side, in any order."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lightning_gans.cli.moved_classes import moved_class
from lightning_gans.cli.sweep_check import parse_all
from tests.support.command_line import QUIET
from tests.support.paths import ROOT
from tests.support.shell import imported_modules

INSTALLED = ROOT / "editable"
"""What an editable install puts on Python's path."""

needs_links = pytest.mark.skipif(not INSTALLED.is_dir(), reason="the links are not beside the tests")

CLASSES = """
class Photos{base}:
    pass

class KMNISTDataModule{base}:
    pass
"""

THEIRS = "from datamodules.photos import Photos"
OURS = "from lightning_gans.datamodules import DigitsDataModule\nfrom lightning_gans.variants import DCGAN"
TRAIN = """
import lightning as L

assert Photos.__module__ == "datamodules.photos" and issubclass(Photos, DigitsDataModule)
data = Photos(size=28)
trainer = L.Trainer(accelerator="cpu", fast_dev_run=True)
trainer.fit(DCGAN(), data)
print("steps:", trainer.global_step, "data:", trainer.datamodule is data)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project's folder, the current one and the first on Python's path; nothing of it stays imported."""
    (tmp_path / "datamodules").mkdir()
    (tmp_path / "datamodules" / "__init__.py").write_text("from datamodules.photos import KMNISTDataModule\n")
    # No data modules here: the parser would find them by their short names, beside ours, until the end of the session.
    (tmp_path / "datamodules" / "photos.py").write_text(CLASSES.format(base=""))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield tmp_path
    forget()


@pytest.fixture
def project_with_data(project: Path) -> Path:
    """The same with data modules, for processes of their own."""
    code = f"from lightning_gans.datamodules import DigitsDataModule\n{CLASSES.format(base='(DigitsDataModule)')}"
    (project / "datamodules" / "photos.py").write_text(code)
    return project


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "datamodules"]:
        del sys.modules[name]


def python(*arguments: str) -> str:
    """What Python prints in the current folder, with the package on its path as in an editable install."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(INSTALLED)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# What is on Python's path.


@needs_links
def test_an_editable_install_brings_no_other_name_than_its_own() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["tool"]["hatch"]["build"]["dev-mode-dirs"] == [INSTALLED.name]
    assert [path.name for path in INSTALLED.iterdir()] == ["lightning_gans"]
    assert (INSTALLED / "lightning_gans").samefile(ROOT / "lightning_gans")
    assert (ROOT / "lightning_gans" / "datamodules").samefile(ROOT / "datamodules")


@needs_links
@pytest.mark.parametrize("with_init", [True, False])
@pytest.mark.parametrize("project_is_last", [False, True])
def test_both_are_found_in_their_own_folders(project: Path, with_init: bool, project_is_last: bool) -> None:
    init = project / "datamodules" / "__init__.py"
    init.write_text("") if with_init else init.unlink()
    # Python without what is installed, as an older editable install; the console script has the current folder last.
    path = "sys.path.append(sys.path.pop(0)); " if project_is_last else ""
    code = f"import sys; {path}from importlib.util import find_spec; import datamodules; "
    code += "print(*datamodules.__path__, find_spec('datamodules.photos').origin); "
    code += "print(find_spec('lightning_gans.datamodules').origin)"
    theirs, ours = python("-S", "-c", code).splitlines()
    folder = project / "datamodules"
    assert theirs == f"{folder} {folder / 'photos.py'}"
    assert Path(ours).samefile(ROOT / "datamodules" / "__init__.py")


# Old names.


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("datamodules.MNISTDataModule", "lightning_gans.datamodules.MNISTDataModule"),
        ("datamodules.digits.DigitsDataModule", "lightning_gans.datamodules.digits.DigitsDataModule"),
        ("datamodules.photos.Photos", "datamodules.photos.Photos"),
        ("datamodules.KMNISTDataModule", "datamodules.KMNISTDataModule"),
        ("datamodules.photos.KMNISTDataModule", "datamodules.photos.KMNISTDataModule"),
        ("datamodules.NoDataModule", "datamodules.NoDataModule"),
        ("datamodules", "datamodules"),
        ("lightning_gans.datamodules.MNISTDataModule", "lightning_gans.datamodules.MNISTDataModule"),
        ("MNISTDataModule", "MNISTDataModule"),
        ("datamodules./tmp", "datamodules./tmp"),
    ],
)
def test_an_old_name_is_that_of_our_class_unless_their_package_has_it(project: Path, given: str, found: str) -> None:
    assert moved_class(given) == found


def test_an_old_name_is_that_of_our_class_where_there_is_no_other_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ([str(tmp_path)], [str(tmp_path), str(ROOT)]):  # without any, and with the folder of our own files
        monkeypatch.setattr(sys, "path", [*path, *(place for place in sys.path if place != str(ROOT))])
        for name in ("MNISTDataModule", "digits.DigitsDataModule"):
            assert moved_class(f"datamodules.{name}") == f"lightning_gans.datamodules.{name}"
        assert not [name for name in sys.modules if name.partition(".")[0] == "datamodules"]


@pytest.mark.parametrize("broken", ["import no_such_package", "from datamodules.photos import no_such_class"])
def test_a_package_of_theirs_that_cannot_be_imported_is_not_replaced_by_ours(project: Path, broken: str) -> None:
    (project / "datamodules" / "__init__.py").write_text(f"{broken}\n")
    assert moved_class("datamodules.MNISTDataModule") == "datamodules.MNISTDataModule"


def test_configs_and_arguments_name_our_classes_by_their_old_names(project: Path) -> None:
    cases: list[tuple[str | list[str], str]] = [
        ("data: datamodules.GaussianGridDataModule", "lightning_gans.datamodules.GaussianGridDataModule"),
        (
            "data: {class_path: datamodules.digits.DigitsDataModule, init_args: {size: 32}}",
            "lightning_gans.datamodules.digits.DigitsDataModule",
        ),
        (["--data", "datamodules.DigitsDataModule"], "lightning_gans.datamodules.DigitsDataModule"),
        (["--data.class_path=datamodules.DigitsDataModule"], "lightning_gans.datamodules.DigitsDataModule"),
        (["--data", "{class_path: datamodules.DigitsDataModule}"], "lightning_gans.datamodules.DigitsDataModule"),
    ]
    lines = []
    for index, (given, _) in enumerate(cases):
        if isinstance(given, str):
            (project / f"{index}.yaml").write_text(given)
            given = ["--config", f"{index}.yaml"]
        lines.append(["fit", "--config", "dcgan/digits", *given])
    assert [config.fit.data.class_path for config in parse_all(lines)] == [expected for _, expected in cases]


# Whole runs.


@needs_links
@pytest.mark.slow
@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_a_script_imports_both_in_any_order(project_with_data: Path, first: str) -> None:
    imports = [THEIRS, OURS] if first == "theirs" else [OURS, THEIRS]
    Path("train.py").write_text("\n".join([*imports, TRAIN]))
    assert "steps: 1 data: True" in python("train.py")


@needs_links
@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "with_init"),
    [(["-m", "lightning_gans"], True), ([str(Path(sys.executable).with_name("lightning-gans"))], False)],
    ids=["module", "console script"],
)
def test_the_command_line_trains_on_their_data(project_with_data: Path, command: list[str], with_init: bool) -> None:
    if not with_init:
        Path("datamodules/__init__.py").unlink()
    short = [*QUIET, "--trainer.max_steps", "1", "--trainer.limit_val_batches", "0", "--trainer.accelerator", "cpu"]
    python(*command, "fit", "--config", "dcgan/digits", "--data", "datamodules.photos.Photos", *short)
    (config,) = Path("runs").glob("*/version_0/config.yaml")
    assert yaml.safe_load(config.read_text())["data"]["class_path"] == "datamodules.photos.Photos"


@pytest.mark.slow
def test_nothing_of_ours_imports_the_old_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    modules = imported_modules("fit", "--config", "dcgan/digits", "--trainer.fast_dev_run", "true")
    assert "lightning_gans.datamodules.digits" in modules
    assert not [name for name in modules if name.partition(".")[0] == "datamodules"]
