"""pix2pix with the discriminator and the losses of pix2pixHD."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.components.objectives import Hinge, LeastSquares
from lightning_gans.networks import (
    EfficientNetPerceptualLoss,
    MultiScalePatchGAN,
    PatchDiscriminator,
    ResNetTranslator,
)
from lightning_gans.networks.multi_scale import half_size
from lightning_gans.networks.perceptual import PerceptualLoss
from lightning_gans.runs.trained_weights import read_trained_weights
from lightning_gans.variants import Pix2Pix
from tests.support.tiny import tiny_trainer
from tests.support.tiny_translation import SIZE, tiny_cut, tiny_cyclegan, tiny_facades, tiny_pix2pix, tiny_sharp


class Logits(PatchDiscriminator):
    """Returns logits alone."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, :1]


def test_losses_are_those_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_sharp(objective=LeastSquares(), lambda_l1=0.0, lambda_features=3.0)
    logged: dict[str, Tensor] = {}
    monkeypatch.setattr(Pix2Pix, "log_scalar", lambda _, key, value: logged.update({key: value}))
    source, truth, fake = torch.rand(3, 2, 3, SIZE, SIZE)
    assert isinstance(model.discriminator, MultiScalePatchGAN)
    assert model.perceptual is not None
    of_d, of_g, matching = torch.zeros(()), torch.zeros(()), torch.zeros(())
    real, made = torch.cat([source, truth], dim=1), torch.cat([source, fake], dim=1)
    for scale in model.discriminator.scales:
        of_d = of_d + ((scale(real) - 1) ** 2).mean() + (scale(made) ** 2).mean()
        of_g = of_g + ((scale(made) - 1) ** 2).mean()
        (one,), (other,) = scale(real, judge=True), scale(made, judge=True)
        for a, b in zip(one.features, other.features, strict=True):
            matching = matching + F.l1_loss(a, b) / 2
        real, made = half_size(real), half_size(made)
    torch.testing.assert_close(model.discriminator_loss(source, truth, fake), of_d / 2)
    expected = of_g + 3 * matching + 0.5 * model.perceptual(fake, truth)
    torch.testing.assert_close(model.generator_loss(source, truth, fake), expected)
    assert {"loss/features", "loss/perceptual"} <= logged.keys()


def test_losses_of_a_batch_are_the_means_of_those_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that two processes with half of the batch each compute what one does."""
    model = tiny_sharp()
    monkeypatch.setattr(Pix2Pix, "log_scalar", lambda *_: None)
    images = torch.rand(3, 4, 3, SIZE, SIZE)
    for loss in (model.discriminator_loss, model.generator_loss):
        halves = torch.stack([loss(*part) for part in (images[:, :2], images[:, 2:])])
        torch.testing.assert_close(loss(*images), halves.mean())


def test_the_terms_move_the_translation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_sharp(lambda_l1=0.0)
    monkeypatch.setattr(Pix2Pix, "log_scalar", lambda *_: None)
    source, truth, fake = torch.rand(3, 2, 3, SIZE, SIZE)
    loss = model.generator_loss(source, truth.requires_grad_(True), fake.requires_grad_(True))
    of_truth, of_fake = torch.autograd.grad(loss, (truth, fake))
    assert not of_truth.any()
    assert of_fake.abs().amax(dim=(1, 2, 3)).min() > 0


@pytest.mark.parametrize("make", [tiny_cyclegan, tiny_cut])
def test_other_variants_take_a_discriminator_of_several_scales(make: Any, tmp_path: Path) -> None:
    def scales(channels: int) -> PatchDiscriminator:
        return MultiScalePatchGAN(channels, layers=1, width=2)

    model = make(discriminator=scales, objective=Hinge())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, tiny_facades(paired=False))
    of_scales = [key for key in before if ".scales." in key]
    assert {key.split(".scales.")[1][0] for key in of_scales} == {"0", "1"}
    assert all(not torch.equal(before[key], model.state_dict()[key]) for key in of_scales if key.endswith("weight"))


def test_a_checkpoint_describes_the_loss_and_has_none_of_its_weights(tmp_path: Path) -> None:
    networks: dict[str, Any] = {
        "generator": partial(ResNetTranslator, blocks=1, width=2),
        "discriminator": partial(MultiScalePatchGAN, layers=1, width=2),
    }
    model = tiny_sharp(**networks)
    callbacks = [LastCheckpoint(every_n_steps=1)]
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=callbacks).fit(model, tiny_facades())
    path = tmp_path / "checkpoints" / "last.ckpt"
    state = torch.load(path, weights_only=True)["state_dict"]
    assert [key for key in state if key.startswith("perceptual.")] == ["perceptual.features_hash"]
    loaded = Pix2Pix.load_from_checkpoint(path)
    assert isinstance(loaded.perceptual, EfficientNetPerceptualLoss)
    assert (loaded.perceptual.weight, loaded.lambda_features) == (0.5, 3.0)
    started = tiny_sharp(**networks)
    started.take(read_trained_weights(path))
    for other in (loaded, started):
        for key, value in model.state_dict().items():
            assert torch.equal(other.state_dict()[key], value), key


class Far(PerceptualLoss):
    """A loss of large images."""

    layer_weights = (1.0,)
    min_size = SIZE + 1

    def __init__(self) -> None:
        super().__init__("far-0", 1.0)

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        return [images]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lambda_features": -1.0}, r"lambda_features is -1\.0; expected at least 0"),
        (
            {"lambda_features": 1.0, "discriminator": Logits},
            r"lambda_features is 1\.0, but the discriminator is Logits, which returns no features; expected 0, or a",
        ),
        ({"perceptual": Far()}, "perceptual is Far, but the images have 16 x 16 pixels; expected at least 17 x 17"),
        ({"perceptual": Far(), "channels_b": 2}, "perceptual is Far, but the translated images have 2 channels"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_pix2pix(**arguments)
