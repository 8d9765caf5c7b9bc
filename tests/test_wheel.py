"""What is installed from the built wheel works away from the checkout, and programs that use it are type-checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support import checkpoint_files
from tests.support.paths import ROOT

CONSUMER = Path(__file__).parent / "support" / "consumer.py"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=560)
    assert len(list(folder.glob("lightning_gans-*.tar.gz"))) == 1
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which the wheel is installed, beside the requirements of this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=280)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A folder that is named by a file has no such files of its own, so our editable install is left out.
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def test_the_wheel_holds_one_package_with_the_configs_and_runs(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert "lightning_gans/py.typed" in names
    assert "lightning_gans/configs/dcgan/mnist.yaml" in names
    assert "lightning_gans/models/SHA256SUMS" in names
    assert "lightning_gans/metrics/digits.safetensors" in names
    assert "lightning_gans/datamodules/torchvision_sets.py" in names
    for part in (
        "reporting/html/report.html.j2",
        "reporting/html/comparison.html.j2",
        "studies/study.html.j2",
        "inference/card.md.j2",
        "demo/page.css",
    ):
        assert f"lightning_gans/{part}" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"lightning_gans"}
    assert len(set(names)) == len(names)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lightning_gans", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "dcgan/mnist" in run("configs")
    run("fit", "--config", "dcgan/digits", "--trainer.fast_dev_run", "true")

    # A model that ships with it is used by its name.
    assert "cgan/mnist" in run("models")
    assert "images: shipped.png" in run("sample", "cgan/mnist", "--out", "shipped.png")

    # What was trained is used from there too.
    latent = str(checkpoint_files.latent(tmp_path / "checkpoints" / "best.ckpt", conditional=True))
    assert "variant       lightning_gans.variants.CGAN" in run("inspect", latent)
    assert "images: grid.png" in run("sample", latent, "--classes", "0-9", "--out", "grid.png")
    assert "interpolation: way.gif" in run("interpolate", latent, "--out", "way.gif")
    for kind in ("safetensors", "onnx", "torch_export", "huggingface"):
        assert "largest difference: " in run("export", latent, "--format", kind)
    both_ways = str(checkpoint_files.both_ways(tmp_path / "both.ckpt"))
    assert "images: maps" in run("translate", both_ways, "grid.png", "--out", "maps")


def check_types(command: list[str], folder: Path) -> None:
    shutil.copy(CONSUMER, folder / "program.py")
    done = subprocess.run(
        [*command, "program.py"], cwd=folder, capture_output=True, text=True, timeout=560, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_checks_a_program_that_uses_the_package(python: Path, tmp_path: Path) -> None:
    check_types([sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)], tmp_path)


def test_pyright_checks_a_program_that_uses_the_package(python: Path, tmp_path: Path) -> None:
    """By basedpyright, the package of pyright that needs no download beyond the registry."""
    program = shutil.which("basedpyright", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("basedpyright is not installed")
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "standard"}))
    check_types([program, "--pythonpath", str(python)], tmp_path)
