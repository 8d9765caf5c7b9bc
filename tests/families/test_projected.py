"""What is the projected GAN's own beside the tests of all variants of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.metrics import PixelFeatures
from lightning_gans.metrics.choice import note_on_bias
from lightning_gans.metrics.natural_images import EfficientNetFeatures
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, ProjectedDiscriminator, R3GANGenerator
from lightning_gans.networks.efficientnet import FrozenLite0
from lightning_gans.variants import ProjectedGAN
from tests.support.tiny import TinyData, tiny_trainer
from tests.support.variants import fastgan


def model(generator: Any = None) -> ProjectedGAN:
    torch.manual_seed(0)
    generator = generator or fastgan()["generator"]
    return ProjectedGAN(generator, ProjectedDiscriminator(1, 28, width=2, resize=128))


def features(trained: ProjectedGAN) -> FrozenLite0:
    assert isinstance(trained.discriminator, ProjectedDiscriminator)
    return trained.discriminator.features


@pytest.mark.slow
def test_a_run_that_is_resumed_is_one_that_was_not_disturbed(tmp_path: Path) -> None:
    def run(name: str, steps: int, ckpt: Path | None = None) -> dict[str, Any]:
        torch.manual_seed(0 if ckpt is None else 9)
        callbacks = [EMA(0.9), LastCheckpoint(every_n_steps=2)]
        trainer = tiny_trainer(tmp_path / name, max_steps=steps, limit_val_batches=0, callbacks=callbacks)
        trained = model()
        before = [each.clone() for each in features(trained).buffers()]
        trainer.fit(trained, TinyData(length=26, batch_size=4), ckpt_path=ckpt)
        after = features(trained).buffers()
        assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        (path,) = (tmp_path / name).rglob("last.ckpt")
        loaded: dict[str, Any] = torch.load(path, weights_only=True)
        return loaded

    whole = run("whole", 4)
    run("cut", 2)
    (cut,) = (tmp_path / "cut").rglob("last.ckpt")
    resumed = run("resumed", 4, cut)
    assert resumed["global_step"] == whole["global_step"] == 4
    assert all(torch.equal(resumed["state_dict"][key], value) for key, value in whole["state_dict"].items())
    assert not any(".features." in key for key in whole["state_dict"])
    assert any(".projection." in key for key in whole["state_dict"])


@pytest.mark.parametrize(
    "generator",
    [
        lambda: DCGANGenerator(1, 28, latent_dim=3, width=2),
        lambda: R3GANGenerator(1, 28, latent_dim=3, width=4, blocks=1, group_size=4),
    ],
)
def test_other_generators_are_trained_too(generator: Any, tmp_path: Path) -> None:
    trained = model(generator())
    before = [p.detach().clone() for p in trained.generator.parameters()]
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(trained, TinyData(length=26, batch_size=4))
    assert any(not torch.equal(one, other) for one, other in zip(before, trained.generator.parameters(), strict=True))


def test_a_note_says_that_scores_in_the_same_features_are_biased() -> None:
    projected, other = model().discriminator, DCGANDiscriminator(1, 28, width=2)
    note = note_on_bias(EfficientNetFeatures(), [other, projected])
    assert note is not None
    assert "biased in favor of this model" in note
    assert "InceptionFeatures" in note
    assert note_on_bias(PixelFeatures(784), [projected]) is None
    assert note_on_bias(EfficientNetFeatures(), [other]) is None
