from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image
from torch import Tensor

from lightning_gans.callbacks import Analysis, Evaluation
from lightning_gans.components.augmentations import Augmentation
from lightning_gans.components.noise import UniformNoise
from lightning_gans.core.drawing import GAP
from lightning_gans.core.images import to_float
from lightning_gans.datamodules import DigitsDataModule
from lightning_gans.metrics import DigitFeatures
from lightning_gans.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
)
from lightning_gans.runs.scores import parse_complete_rows
from lightning_gans.variants import ACGAN, CGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_stylegan2, tiny_trainer, weights

FILES = {"neighbors.png", "interpolation.png", "directions.png", "scores.png", "analysis.json"}


class Spots(TinyData):
    """Faint noise in which the class is the row of a bright bar."""

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = super().load(train=train)
        images //= 8
        images[torch.arange(len(labels)), 0, 2 * labels + 2, 4:24] = 255
        return images, labels


class Never(Augmentation):
    """Must not be applied."""

    def __call__(self, images: Tensor) -> Tensor:
        raise AssertionError


class Copies(Generator):
    """Gives back the training images, one after another, whatever the noise."""

    def __init__(self, images: Tensor) -> None:
        super().__init__(channels=1, size=28, latent_dim=3)
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.register_buffer("images", to_float(images))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        assert isinstance(self.images, Tensor)
        return self.images[torch.arange(len(latent)) % len(self.images)] + self.weight


def analyze(
    folder: Path,
    model: L.LightningModule,
    data: L.LightningDataModule,
    analysis: Analysis | None = None,
    *callbacks: Callback,
    **kwargs: Any,
) -> tuple[L.Trainer, dict[str, Any]]:
    analysis = Analysis(rows=3) if analysis is None else analysis
    trainer = tiny_trainer(folder, callbacks=[*(callbacks or [Evaluation()]), analysis], **kwargs)
    trainer.test(model, data, verbose=False)
    path = folder / "analysis" / "analysis.json"
    return trainer, json.loads(path.read_text()) if path.is_file() else {}


@pytest.mark.slow
def test_styles_are_mixed_where_there_are_some(tmp_path: Path) -> None:
    analyze(tmp_path, tiny_stylegan2(), TinyData(length=46), Analysis(rows=3), Evaluation(extractor=None))
    folder = tmp_path / "analysis"
    assert {path.name for path in folder.iterdir()} == FILES | {"mixing.png"}
    with Image.open(folder / "mixing.png") as picture:
        assert picture.width == picture.height > 512


def score_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


def test_all_files_are_written_and_the_same_again(tmp_path: Path) -> None:
    model, data = tiny_dcgan(), Spots(length=146)
    analyze(tmp_path, model, data)
    folder = tmp_path / "analysis"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "scores.png").write_bytes(b"older")
    analyze(tmp_path, model, data)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert first.keys() == FILES
    with Image.open(folder / "neighbors.png") as picture:
        # A sample, a gap and five neighbors, enlarged to 512 pixels, with titles above them.
        assert picture.width == 6 * (3 * 28 + 2) + 2 + GAP
        assert 16 < picture.height - (3 * (3 * 28 + 2) + 2) < 40
    with Image.open(folder / "interpolation.png") as picture:
        assert picture.size == (9 * (2 * 28 + 2) + 2, 3 * (2 * 28 + 2) + 2)


def test_the_probe_is_a_row_of_scores_and_logged(tmp_path: Path) -> None:
    trainer, found = analyze(tmp_path, tiny_dcgan(), Spots(length=146), Analysis(rows=1, probe_images=100))
    row = score_rows(tmp_path)[-1]
    assert parse_complete_rows([row])
    assert row["scores"] == {
        "test/probe/accuracy": found["probe"]["accuracy"],
        "test/probe/pixels": found["probe"]["pixels_accuracy"],
    }
    assert row["stamp"]["extractor"] == "discriminator-layers,maxpool-4x4,linear-svm,100-labels"
    assert (row["stamp"]["real"], row["stamp"]["fake"], row["stamp"]["split"]) == (146, 0, "test")
    assert trainer.callback_metrics["test/probe/accuracy"].item() == pytest.approx(found["probe"]["accuracy"])
    assert found["probe"]["pixels_accuracy"] == 1
    assert found["probe"]["accuracy"] > 0.5
    assert found["probe"]["features"] == 16 * (2 + 4)
    assert found["probe"]["train_images"] == 100


def test_a_generator_that_copies_is_caught_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    data = TinyData(length=346)
    data.setup("fit")
    model = tiny_dcgan()
    _, other = analyze(tmp_path / "other", model, data)
    model.generator = Copies(data.splits["train"].images)
    _, copied = analyze(tmp_path / "copied", model, data)
    assert copied["memorization"]["nearest_ratio"] == pytest.approx(0, abs=1e-6)
    assert copied["memorization"]["copied_share"] == 1
    assert other["memorization"]["nearest_ratio"] > 0.3
    assert other["memorization"]["copied_share"] < 0.5
    assert copied["memorization"]["extractor"] == DigitFeatures().description


def test_each_sample_stands_beside_its_copy(tmp_path: Path) -> None:
    data = TinyData(length=346)
    data.setup("fit")
    model = tiny_dcgan()
    model.generator = Copies(data.splits["train"].images)
    analyze(tmp_path, model, data, Analysis(rows=2), Evaluation(extractor=None))
    with Image.open(tmp_path / "analysis" / "neighbors.png") as picture:
        side = 3 * 28
        head = picture.height - 2 * (side + 2) - 2
        for top in (head + 2, head + side + 4):
            sample, nearest, next_one = (
                picture.crop((left, top, left + side, top + side)).tobytes()
                for left in (2, side + 4 + GAP, 2 * side + 6 + GAP)
            )
            assert sample == nearest != next_one
    found = json.loads((tmp_path / "analysis" / "analysis.json").read_text())
    assert found["memorization"]["extractor"] == "pixels-784"


def test_nothing_is_claimed_where_nothing_is_held_out(tmp_path: Path) -> None:
    class Few(DigitsDataModule):
        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return images[:60], labels[:60]

    trainer, found = analyze(tmp_path, tiny_dcgan(), Few())
    empty = [
        found["memorization"]["nearest_ratio"],
        found["memorization"]["copied_share"],
        found["discriminator"]["discriminator_overfit"],
        found["discriminator"]["auc_held_out"],
        found["probe"]["accuracy"],
        found["probe"]["pixels_accuracy"],
    ]
    assert empty == [None] * 6
    assert all("nothing was held out" in found[part]["reason"] for part in ("memorization", "discriminator", "probe"))
    assert 0 <= found["discriminator"]["auc_train"] <= 1
    assert "test/probe/accuracy" not in trainer.callback_metrics
    assert not [row for row in score_rows(tmp_path) if "test/probe/accuracy" in row["scores"]]


def test_a_conditional_models_classes_are_drawn_and_its_labels_not_leaked(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 28, latent_dim=3, width=2, num_classes=10, conditional=True)
    seen: dict[tuple[int, ...], Tensor] = {}
    generator.register_forward_hook(lambda _, given, __: seen.update({tuple(given[1].tolist()): given[0]}))
    discriminator = DCGANDiscriminator(1, 28, width=2, num_classes=10, conditional=True)
    model = CGAN(generator=generator, discriminator=discriminator)
    _, found = analyze(tmp_path, model, TinyData())
    assert {path.name for path in (tmp_path / "analysis").iterdir()} == FILES | {"classes.png"}
    with Image.open(tmp_path / "analysis" / "classes.png") as picture:
        assert picture.width == 10 * (2 * 28 + 2) + 2
        assert 12 < picture.height - (3 * (2 * 28 + 2) + 2) < 30  # titles
    noise = seen[tuple([*range(10)] * 3)].view(3, 10, 3)
    assert torch.equal(noise, noise[:, :1].expand(-1, 10, -1))
    assert not torch.equal(noise[0], noise[1])
    assert (*[0] * 9, *[1] * 9, *[2] * 9) in seen
    assert found["probe"]["accuracy"] is None
    assert "given the class" in found["probe"]["reason"]


def test_a_discriminator_that_tells_the_class_but_is_not_given_it_is_probed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 28, latent_dim=3, width=2, num_classes=10, conditional=True)
    model = ACGAN(generator, DCGANDiscriminator(1, 28, width=2))
    _, found = analyze(tmp_path, model, TinyData(), Analysis(rows=1, probe_images=20))
    assert found["probe"]["reason"] is None
    assert found["probe"]["features"] == 16 * (2 + 4)


def test_the_discriminator_judges_without_augmentation_in_evaluation_mode_and_stays_as_it_is(tmp_path: Path) -> None:
    class Watching(DCGANDiscriminator):
        seen = 0

        def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
            assert not any(module.training for module in self.modules())
            assert not torch.is_grad_enabled()
            Watching.seen += len(images)
            return super().feature_maps(images, labels)

    model = tiny_dcgan(augmentation=Never())
    model.discriminator = Watching(channels=1, size=28, width=2)
    model.discriminator.layers[0].eval()
    before, modes = weights(model), [module.training for module in model.modules()]
    analyze(tmp_path, model, Spots(length=26), Analysis(rows=2))
    # Training, generated and held-out images; those of the probe.
    assert Watching.seen == (20 + 26 + 26) + (20 + 26)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("rows", "stage", "fast"), [(0, "test", False), (2, "fit", False), (2, "validate", False), (2, "test", True)]
)
def test_nothing_is_written_or_loaded_unless_a_test_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, stage: str, fast: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    data = TinyData()
    trainer = tiny_trainer(tmp_path, max_epochs=1, fast_dev_run=fast, callbacks=[Analysis(rows)])
    getattr(trainer, stage)(tiny_dcgan(), data)
    assert not (tmp_path / "analysis").exists()
    assert stage != "test" or "train" not in data.splits


def test_uniform_noise_has_straight_paths(tmp_path: Path) -> None:
    latents: list[Tensor] = []

    class Watch(Callback):
        def on_test_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            pl_module.generator.register_forward_hook(lambda _, given, __: latents.append(given[0]))

    analyze(tmp_path, tiny_dcgan(noise=UniformNoise()), TinyData(), Analysis(rows=1), Watch(), Evaluation())
    (path,) = [latent for latent in latents if len(latent) == 9]
    torch.testing.assert_close(path[4], (path[0] + path[8]) / 2)


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [({"probe_images": 0}, "probe_images is 0"), ({"probe_images": 9}, None)],
)
def test_the_probe_can_be_left_out(tmp_path: Path, kwargs: dict[str, int], reason: str | None) -> None:
    _, found = analyze(tmp_path, tiny_dcgan(), TinyData(), Analysis(rows=1, **kwargs))
    assert found["probe"]["reason"] == reason
    assert (found["probe"]["accuracy"] is None) == (reason is not None)


def test_images_without_classes_and_networks_without_layers_are_not_probed(tmp_path: Path) -> None:
    class Unlabeled(TinyData):
        num_classes = 0

        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return images, torch.zeros_like(labels)

    class Flat(Discriminator):
        def __init__(self) -> None:
            super().__init__(channels=1, size=28)
            self.linear = torch.nn.Linear(784, 1)

        def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
            logits: Tensor = torch.relu(self.linear(images.flatten(1))).flatten()
            return logits

    _, found = analyze(tmp_path / "unlabeled", tiny_dcgan(), Unlabeled())
    assert found["probe"]["reason"] == "the images have fewer than two classes"
    model = tiny_dcgan()
    model.discriminator = Flat()
    _, found = analyze(tmp_path / "flat", model, TinyData())
    assert found["probe"]["reason"] == "Flat has no activation layers to take features from"
    assert found["probe"]["accuracy"] is None


def test_a_broken_model_is_drawn_and_its_numbers_are_null(tmp_path: Path) -> None:
    model = tiny_dcgan()
    with torch.no_grad():
        for parameter in model.discriminator.parameters():
            parameter.fill_(math.nan)
    _, found = analyze(tmp_path, model, TinyData(), Analysis(rows=1, probe_images=0))
    assert found["discriminator"]["mean_train"] is None
    assert found["discriminator"]["auc_held_out"] is None
    assert found["memorization"]["nearest_ratio"] is not None


# What cannot be analyzed
