from __future__ import annotations

import re
from pathlib import Path

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from lightning_gans.runs.weights_file import WEIGHTS
from tests.support.scored_runs import score_row, scored_run
from tests.support.shipped import LATENT, TRANSLATION

OFFLINE = re.compile(r"(?:src|href)=\"(?!data:|#)")
"""What loads something from elsewhere."""


def test_all_shipped_models_are_shown_with_command_time_and_stamps(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command("gallery", [])
    assert "gallery: gallery.html (2 models)" in capsys.readouterr().out
    page = Path("gallery.html").read_text()
    assert not OFFLINE.search(page)
    assert page.count("<img src=") == 3  # samples, interpolations, and one direction that has examples
    for text in (
        "CGAN on tiny",
        f"lightning-gans fit --config {LATENT}",
        "2 s on a CPU",
        "Made from nothing.",
        "rounded to float16",
        "--n 40 --columns 10 --out samples.png",
        "--seeds 0-4 --classes 0,1,2,3,4 --steps 10 --out interpolation.png",
        "From gray to color",
        "split val",
    ):
        assert text in page.replace("<wbr>", ""), text


def test_a_folder_of_runs_is_shown_and_what_cannot_be_loaded_is_named(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored_run(tmp_path / "runs", score_row(1.25))
    (models / TRANSLATION / WEIGHTS).unlink()
    run_command("gallery", ["runs", TRANSLATION, "--out", "two.html"])
    assert f"{TRANSLATION}, whose file" in capsys.readouterr().err
    page = Path("two.html").read_text().replace("<wbr>", "")
    assert "lightning-gans fit --config runs/gan-mnist/version_0/config.yaml" in page
    assert "1.25" in page
    with pytest.raises(InputError, match=f"CKPT is {TRANSLATION}, whose file"):
        run_command("gallery", [TRANSLATION])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "page.png"], "--out is page.png; expected a name that ends in .html"),
        (["nowhere/x"], "CKPT is nowhere/x, which does not exist; expected"),
    ],
)
def test_wrong_options_are_refused(arguments: list[str], message: str, models: Path) -> None:
    with pytest.raises(InputError) as refused:
        run_command("gallery", arguments)
    assert message in str(refused.value)


def test_models_are_listed_and_used_by_name(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command("models", [])
    listed = capsys.readouterr().out
    assert f"{LATENT}      CGAN on tiny, trained in 2 s on a CPU" in listed
    assert "CycleGAN on tiny, gray to color, color to gray, trained in" in listed
    assert f"lightning-gans demo {LATENT}" in listed
    run_command("sample", [LATENT, "--n", "10", "--out", "digits.png"])
    assert Path("digits.png").is_file()
    run_command("inspect", [LATENT])
    assert "float16" not in capsys.readouterr().err
    (models / "SHA256SUMS").unlink()
    run_command("models", [])
    assert "No trained models ship with this version." in capsys.readouterr().out
