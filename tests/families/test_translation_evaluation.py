"""Scores, grids and predictions of the image-to-image family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.callbacks import Evaluation, PredictionWriter, SampleGrid
from lightning_gans.core.images import Size
from lightning_gans.datamodules.two_domains import TwoDomains
from lightning_gans.metrics import PixelFeatures
from lightning_gans.networks import IdentityTranslator, UNet
from lightning_gans.networks.base import Translator
from tests.families.test_translation import batch, fitted
from tests.support.tiny import tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix

# Evaluation.


def scored(folder: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
    return {key: value for row in rows for key, value in row["scores"].items()} | {"stamp": rows[-1]["stamp"]}


def test_translations_are_scored_against_their_truth(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[Evaluation(extractor=None)])
    trainer.validate(tiny_cyclegan(IdentityTranslator), tiny_facades(), verbose=False)
    scores = scored(tmp_path)
    data = tiny_facades()
    data.setup("validate")
    pictures, maps, _ = data.splits["val"][[0, 1, 2, 3, 4]]
    assert scores["val/b/l1"] == pytest.approx((pictures.float() - maps.float()).abs().mean().item() / 255, rel=1e-5)
    assert scores["val/a/l1"] == scores["val/b/l1"]
    assert scores["val/a/cycle_l1"] == scores["val/b/cycle_l1"] == 0
    # Only maps have classes.
    assert {"val/b/miou", "val/b/accuracy"} <= scores.keys()
    assert not {"val/a/miou", "val/a/fid"} & scores.keys()
    expected = {"extractor": "none", "real": 5, "fake": 5, "batch_norm": "per-image", "dropout": "off"}
    assert scores["stamp"].items() >= expected.items()


def test_each_domain_is_compared_with_its_own_real_images(tmp_path: Path) -> None:
    pixels = PixelFeatures(3 * 16 * 16)
    data = tiny_facades(val_size=8)
    data.setup("validate")
    # Nobody's partner, and not as many of one as of the other.
    data.splits["val"] = TwoDomains(data.splits["val"].a[list(range(5))], data.splits["val"].b, aligned=False)
    trainer = tiny_trainer(tmp_path, callbacks=[Evaluation(extractor=pixels, neighbors=0, cache=tmp_path / "cache")])
    trainer.validate(tiny_cyclegan(IdentityTranslator), data, verbose=False)
    scores = scored(tmp_path)
    assert not any("truth" in key or (key.endswith("/l1") and "cycle" not in key) for key in scores)
    stamps = [json.loads(line)["stamp"] for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert [(stamp["real"], stamp["fake"]) for stamp in stamps] == [(5, 8), (8, 5)]
    # Doing nothing, real a against b is the same comparison as real b against a.
    assert scores["val/a/fid"] == pytest.approx(scores["val/b/fid"], rel=1e-6)
    assert scores["val/a/kid"] == pytest.approx(scores["val/b/kid"], rel=1e-9)
    assert scores["val/a/kid"] > 0
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_truth_itself_scores_perfectly(tmp_path: Path) -> None:
    model = tiny_pix2pix(IdentityTranslator)
    data = tiny_facades()
    data.setup("validate")
    data.splits["val"].a = data.splits["val"].b
    trainer = tiny_trainer(tmp_path, callbacks=[Evaluation(extractor=None)])
    trainer.validate(model, data, verbose=False)
    scores = scored(tmp_path)
    assert scores["val/miou"] == scores["val/accuracy"] == 1
    assert scores["val/ssim"] == pytest.approx(1, abs=5e-3)
    assert scores["val/l1"] == 0


def with_dropout(channels_in: int, channels_out: int, size: Size) -> Translator:
    return UNet(channels_in, channels_out, size, width=2, dropout=0.5)


@pytest.mark.parametrize("test_dropout", [False, True])
def test_dropout_in_evaluation_is_a_choice_that_the_stamp_tells(test_dropout: bool, tmp_path: Path) -> None:
    model = tiny_pix2pix(with_dropout, size=64, test_dropout=test_dropout)
    data = tiny_facades(size=64)
    found = []
    for run in ("first", "second"):
        trainer = tiny_trainer(tmp_path / run, callbacks=[Evaluation(extractor=None)])
        trainer.validate(model, data, verbose=False)
        found.append(scored(tmp_path / run))
    assert found[0] == found[1]
    assert found[0]["stamp"]["dropout"] == ("on" if test_dropout else "off")
    model.eval()
    source = batch().a.repeat(1, 1, 4, 4)
    assert torch.equal(model(source), model(source)) != test_dropout
    assert not any(layer.training for layer in model.modules())


# Grids and predictions.


def test_grids_show_source_translation_and_truth(tmp_path: Path) -> None:
    model, data = tiny_pix2pix(IdentityTranslator), tiny_facades()
    fitted(tmp_path, model, data, limit_train_batches=1, callbacks=[SampleGrid(count=3, columns=3)])
    (path,) = (tmp_path / "samples").glob("epoch-001*.png")
    drawn = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
    # The smallest scale with which three images of 16 pixels are 512 wide.
    side = 11 * 16
    assert drawn.shape[2] == 2 + 3 * (side + 2)
    head, grid = drawn[:, : -2 - 3 * (side + 2)], drawn[:, -2 - 3 * (side + 2) :]
    lefts = [2 + (side + 2) * column for column in range(3)]
    pictures, maps, _ = data.splits["val"][[0, 1, 2]]
    for row, top in enumerate(lefts):
        cells = [grid[:, top : top + side, left : left + side][:, 5::11, 5::11] for left in lefts]
        assert torch.equal(cells[0], pictures[row])
        assert torch.equal(cells[2], maps[row])
    titles = [head[:, :, left : left + side] for left in lefts]
    assert all(title.max() == 255 for title in titles)
    assert not any(torch.equal(titles[place], titles[place - 1]) for place in range(3))


def test_predictions_of_each_domain_have_a_folder(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[PredictionWriter()])
    trainer.predict(tiny_cyclegan(IdentityTranslator), tiny_facades(), return_predictions=False)
    names = [f"{index:06d}.png" for index in range(5)]
    for domain in ("a", "b"):
        assert sorted(path.name for path in (tmp_path / "predictions" / domain).iterdir()) == names
