"""What is FastGAN's own beside the tests of all variants of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.augmentations import DiffAugment
from lightning_gans.components.objectives import Hinge, SmoothedHinge, standard
from lightning_gans.components.penalties import R1
from lightning_gans.networks import FastGANDiscriminator
from lightning_gans.networks.fastgan_discriminator import Encoding
from lightning_gans.variants import FastGAN
from tests.support.tiny import TinyData, tiny_trainer
from tests.support.variants import fastgan, plain


def test_margins_are_uniform_between_one_minus_the_smoothing_and_one() -> None:
    real, fake = torch.zeros(4000, 3), torch.full((4000, 3), -5.0)
    loss = SmoothedHinge(0.4).discriminator_loss(real, fake)
    assert loss.item() == pytest.approx(0.8, rel=0.01)
    margins = SmoothedHinge(0.4)._margins(real)
    assert 0.6 <= margins.min() < 0.61
    assert 0.99 < margins.max() <= 1
    assert not torch.equal(margins[:, 0], margins[:, 1])
    logits = torch.randn(5), torch.randn(5)
    assert SmoothedHinge(0).discriminator_loss(*logits) == Hinge().discriminator_loss(*logits)
    assert SmoothedHinge().generator_loss(logits[0]) == Hinge().generator_loss(logits[0])
    with pytest.raises(ValueError, match=r"smoothing is 1\.5; expected 0 to 1"):
        SmoothedHinge(1.5)


def test_the_authors_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their ``relu(rand * .2 + .8 - pred)``, with the same numbers for both kinds of images."""
    drawn = torch.rand(4, 5)
    monkeypatch.setattr(standard, "uniform_per_image", lambda _count, _device, *_shape: drawn)
    real, fake = torch.randn(4, 5), torch.randn(4, 5)
    expected = F.relu((1 - drawn) * 0.2 + 0.8 - real).mean() + F.relu((1 - drawn) * 0.2 + 0.8 + fake).mean()
    torch.testing.assert_close(SmoothedHinge().discriminator_loss(real, fake), expected)


def test_the_reconstruction_loss_is_the_sum_of_three_mean_differences() -> None:
    model = FastGAN(**fastgan())
    images = torch.rand(3, 1, 28, 28) * 2 - 1
    assert isinstance(model.discriminator, FastGANDiscriminator)
    model.discriminator.eval()  # normalization by what is stored, so that both passes are the same
    encoding: Encoding = model.discriminator(images, encode=True)
    losses = []
    for part, (rows, columns) in enumerate([(0, 0), (0, 14), (14, 0), (14, 14)]):
        decoded = model.discriminator.reconstruct(encoding, part)
        whole, cut = images[:, :, ::2, ::2], images[:, :, rows : rows + 14, columns : columns + 14]
        pairs = zip(decoded, (whole, whole, cut), strict=True)
        losses.append(sum((found - view).abs().mean() for found, view in pairs))
    assert any(torch.isclose(model.reconstruction_loss(images, encoding), torch.as_tensor(loss)) for loss in losses)


class Recorded(FastGANDiscriminator):
    """Counts its passes."""

    def forward(self, images: Tensor, labels: Tensor | None = None, encode: bool = False) -> Any:
        self.passes = [*getattr(self, "passes", []), (len(images), encode)]
        return super().forward(images, labels, encode=encode)  # type: ignore[call-overload]


@pytest.mark.parametrize("penalty", [None, R1(weight=0.1)])
def test_a_step_has_three_passes_of_the_discriminator_and_logs_the_reconstruction(
    penalty: R1 | None, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    discriminator = Recorded(1, 28, width=1)
    model = FastGAN(**{**fastgan(), "discriminator": discriminator}, penalty=penalty)
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData())
    assert discriminator.passes == [(8, True), (8, False), (8, False)]
    assert 0.1 < model.last_logged["loss/reconstruction"].item() < 6
    assert model._encoded is None


class Reconstructions(Callback):
    """Keeps the reconstruction loss of every step."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.seen.append(pl_module.last_logged["loss/reconstruction"].item())


def test_decoders_learn_to_reconstruct(tmp_path: Path) -> None:
    losses = Reconstructions()
    model = FastGAN(**fastgan(), optimizer_d=lambda p: torch.optim.Adam(p, lr=0.01))
    model.augmentation = None
    tiny_trainer(tmp_path, max_steps=10, limit_val_batches=0, callbacks=[losses]).fit(model, TinyData())
    assert losses.seen[-1] < 0.95 * losses.seen[0]


def test_without_a_discriminator_that_reconstructs_there_is_no_reconstruction() -> None:
    assert FastGAN(**fastgan()).lambda_reconstruction == 8
    assert FastGAN(**fastgan(), lambda_reconstruction=0.5).lambda_reconstruction == 0.5
    assert FastGAN(**plain()).lambda_reconstruction == 0
    with pytest.raises(ValueError, match="lambda_reconstruction is 1, but the discriminator is DCGANDiscriminator"):
        FastGAN(**plain(), lambda_reconstruction=1)
    with pytest.raises(ValueError, match="lambda_reconstruction is -1"):
        FastGAN(**fastgan(), lambda_reconstruction=-1)


def test_images_are_augmented_without_cutout_by_default() -> None:
    augmentation = FastGAN(**fastgan()).augmentation
    assert isinstance(augmentation, DiffAugment)
    assert (augmentation.color, augmentation.translation, augmentation.cutout) == (True, 0.125, 0)
