"""What is installed from the built wheel works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support import checkpoint_files
from tests.support.paths import ROOT


@pytest.mark.slow
def test_the_wheel_holds_one_package_with_the_configs_and_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
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
