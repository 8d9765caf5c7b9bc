"""The check for copies of training images, which a test of a model of few images makes by itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.callbacks import Evaluation
from lightning_gans.callbacks.memorization import chosen, describe
from lightning_gans.core.images import to_float
from lightning_gans.datamodules import DigitsDataModule
from lightning_gans.metrics.features import PixelFeatures
from lightning_gans.networks import MLPDiscriminator
from lightning_gans.networks.base import Generator
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import ScoreRow
from lightning_gans.variants import GAN
from tests.support.tiny import TinyData, tiny_trainer

PIXELS = PixelFeatures(28 * 28)


class Copies(Generator):
    """Generates training images, with some noise."""

    def __init__(self, images: Tensor, noise: float) -> None:
        super().__init__(1, 28, latent_dim=4)
        self.images, self.noise = to_float(images), noise
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        index = (latent[:, 0] * 1000).long() % len(self.images)
        spread = torch.rand(len(latent), 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1
        return torch.lerp(self.images[index], spread, self.noise) + self.weight


def score_copies(folder: Path, noise: float = 0.0, data: Any = None, **kwargs: Any) -> list[ScoreRow]:
    data = TinyData(length=60, batch_size=4) if data is None else data
    data.setup("fit")
    model = GAN(Copies(data.splits["train"].images, noise), MLPDiscriminator(1, 28, widths=[4]))
    evaluation = Evaluation(PIXELS, neighbors=2, **kwargs)
    tiny_trainer(folder, callbacks=[evaluation]).test(model, data, verbose=False)
    assert RunFolder(folder).read_scores() == evaluation.last_rows
    return evaluation.last_rows


def test_copies_are_found_and_said_in_plain_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        scores, row = score_copies(tmp_path, noise=0.01)
    assert row.scores.keys() == {"test/memorization/nearest_ratio", "test/memorization/copied_share"}
    assert row.scores["test/memorization/nearest_ratio"] < 0.05
    assert row.scores["test/memorization/copied_share"] == 1
    assert (row.stamp.extractor, row.stamp.real, row.stamp.fake) == ("pixels-784+54-training-images", 60, 60)
    assert scores.stamp.extractor == "pixels-784"
    assert "the 54 training images as new real images are, and 100.0% of them" in caplog.text
    assert "these look like copies" in caplog.text


def test_new_images_are_no_copies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        _, row = score_copies(tmp_path, noise=1.0)
    assert 0.8 < row.scores["test/memorization/nearest_ratio"] < 1.2
    assert "no sign of copies" in caplog.text


@pytest.mark.parametrize(
    ("kwargs", "data"),
    [
        ({"memorization": 0}, TinyData(length=60)),
        ({"memorization": 54}, TinyData(length=60)),
        ({}, DigitsDataModule(eval_batch_size=500)),  # whose test images are those of training
        ({"kid": False, "neighbors": 0}, TinyData(length=60)),
    ],
)
def test_there_is_no_check_for_larger_sets_nor_without_held_out_images_or_features(
    kwargs: dict[str, Any], data: Any, tmp_path: Path
) -> None:
    data.setup("fit")
    model = GAN(Copies(data.splits["train"].images, 0.0), MLPDiscriminator(1, 28, widths=[4]))
    evaluation = Evaluation(**{"extractor": PIXELS, "neighbors": 2, **kwargs})
    tiny_trainer(tmp_path, callbacks=[evaluation], limit_test_batches=2).test(model, data, verbose=False)
    assert not [row for row in evaluation.last_rows if "memorization" in next(iter(row.scores))]


def test_a_set_whose_size_is_not_known_before_it_is_loaded_is_not_loaded(tmp_path: Path) -> None:
    data = TinyData(length=60)
    assert data.training_size() is None
    model = GAN(Copies(torch.zeros(1, 1, 28, 28, dtype=torch.uint8), 0.5), MLPDiscriminator(1, 28, widths=[4]))
    tiny_trainer(tmp_path, callbacks=[Evaluation(PIXELS, neighbors=2)]).test(model, data, verbose=False)
    assert "train" not in data.splits
    data.train_size = 20
    assert data.training_size() == 20


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="memorization is -1; expected at least 0"):
        Evaluation(memorization=-1)


def test_at_most_a_thousand_images_are_compared() -> None:
    features = torch.arange(3000.0)[:, None]
    assert len(torch.unique(chosen(features), dim=0)) == 1000
    assert torch.equal(chosen(features), chosen(features))
    assert len(chosen(features[:7])) == 7
    words = {"nearest_ratio": math.nan, "copied_share": 0.02, "copied_share_expected": 0.01}
    assert describe(words, 5).endswith("no sign of copies")
