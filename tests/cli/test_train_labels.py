"""Translation from label maps on the command line: from files with a palette to a grid and scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_gans.cli.train import build
from lightning_gans.networks import SPADETranslator
from lightning_gans.variants import Pix2Pix
from tests.support.command_line import QUIET

SMALL = ["--model.generator.width", "2", "--model.generator.hidden", "4", "--model.discriminator.width", "2"]


@pytest.mark.slow
def test_label_maps_are_trained_on_scored_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for index in range(8):
        labels = np.repeat(np.repeat(rng.integers(0, 12, (4, 8), dtype=np.uint8), 16, axis=0), 16, axis=1)
        colored = Image.fromarray(labels, mode="P")
        colored.putpalette([level for color in range(256) for level in (color, 255 - color, 9)])
        for name, image in (("trainB", colored), ("trainA", Image.fromarray(20 * labels).convert("RGB"))):
            Path("pairs", name).mkdir(parents=True, exist_ok=True)
            image.save(Path("pairs", name, f"{index}.png"))
    data = ["--data.dataset", "null", "--data.root", "pairs", "--data.channels_b", "12", "--data.val_size", "4"]
    shape = ["--data.size", "[32, 64]", "--data.load_size", "[40, 80]", "--data.batch_size", "2"]
    # The default features, in which the loss is measured too: of 12 channels there are none, but the maps are sources.
    scores = ["--evaluation.extractor", "auto", "--evaluation.kid", "false", "--evaluation.neighbors", "0"]
    short = ["--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1"]
    cli = build(["fit", "pix2pix/facades_spade", *data, *shape, *SMALL, *scores, *short, *QUIET])
    assert isinstance(cli.model, Pix2Pix)
    assert isinstance(cli.model.generator, SPADETranslator)
    assert (cli.model.generator.channels_in, cli.model.discriminator.channels) == (12, 15)
    (folder,) = Path("runs").glob("*/version_0")
    rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
    assert all("val/ssim" in row["scores"] for row in rows)
    assert list(folder.rglob("*.png"))
