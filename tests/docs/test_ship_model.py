"""docs/ship_model.py adds a run's model to the shipped ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lightning_gans.core import shipped_models
from lightning_gans.core.errors import InputError
from lightning_gans.inference import load
from lightning_gans.runs.folder import RunFolder
from tests.support import checkpoint_files
from tests.support.docs_scripts import load_script
from tests.support.paths import ROOT

PATH = ROOT / "docs" / "ship_model.py"

pytestmark = pytest.mark.skipif(not PATH.is_file(), reason="docs is not beside the tests")

FACTS = ("mit", "Made from nothing.", "lightning-gans fit --config cyclegan/synthetic")


@pytest.fixture
def script() -> Any:
    return load_script("ship_model")


def run_of(folder: Path) -> Path:
    """The folder of a run of CycleGAN with an example."""
    checkpoint_files.both_ways(folder / "checkpoints" / "best.ckpt")
    machine = {"device": "cpu", "threads": 1}
    facts = {"train_seconds": 61, "precision": "32-true", "machine": machine, "versions": {}}
    (folder / "fit.json").write_text(json.dumps(facts))
    example = RunFolder(folder).example("a", 1)
    example.parent.mkdir()
    Image.new("L", (32, 32)).save(example)
    return folder


def test_a_runs_model_is_added(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "models"
    monkeypatch.setattr(shipped_models, "models_folder", lambda: models)
    for _ in range(2):  # the second replaces the first
        parity = script.ship(run_of(tmp_path / "run"), "cyclegan/houses", *FACTS, models, "houses")
        (tmp_path / "run" / "samples" / "example-a-1.png").unlink()
        (tmp_path / "run" / "samples").rmdir()
    assert 0 < parity.difference < 4 / 255
    assert shipped_models.model_names() == ["cyclegan/houses"]
    metadata = load("cyclegan/houses").metadata
    assert metadata["shipped"]["trained"] == "1 min 1 s on 1 thread of a CPU, 32-true"
    assert metadata["data_name"] == "houses"
    card = (models / "cyclegan" / "houses" / "README.md").read_text()
    for text in (*FACTS, "rounded to float16", 'lightning_gans.load("cyclegan/houses")', "Trained in 1 min 1 s"):
        assert text in card
    assert (models / "cyclegan" / "houses" / "samples" / "example-a-1.png").is_file()


def test_what_cannot_ship_is_refused(script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, models = run_of(tmp_path / "run"), tmp_path / "models"
    with pytest.raises(InputError, match="NAME is houses; expected VARIANT/DATA, such as cgan/mnist"):
        script.ship(run, "houses", *FACTS, models)
    monkeypatch.setattr(script, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match=r"the shipped models would have .* bytes; expected at most 1,000"):
        script.ship(run, "cyclegan/houses", *FACTS, models)
    (run / "fit.json").unlink()
    with pytest.raises(InputError, match="does not say how long the run was trained"):
        script.ship(run, "cyclegan/houses", *FACTS, models)
    assert not models.exists()
