"""Packs: a discriminator that judges several images at once."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.analysis.analyses import probe_skip_reason
from lightning_gans.analysis.model import AnalyzedModel
from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.components.augmentations import Augmentation, DiffAugment
from lightning_gans.components.penalties import R1, GradientPenalty, Penalty
from lightning_gans.core.batches import Labelled
from lightning_gans.core.errors import InputError
from lightning_gans.families import LatentGAN
from lightning_gans.families.packing import pack, unpack
from lightning_gans.networks import (
    AutoencoderDiscriminator,
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    InfoGANDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
)
from lightning_gans.variants import CGAN, DCGAN, GAN, LSGAN
from tests.support.tiny import TinyData, last_checkpoint, networks_moved, tiny_trainer, watch_updates, weights
from tests.support.variants import ENERGY_VARIANTS, JUDGING_CLASSES, LATENT_VARIANTS, conditional

PACKED = [variant for variant in LATENT_VARIANTS if variant is not CGAN and variant not in JUDGING_CLASSES]
LABELS = torch.zeros(4, dtype=torch.long)


def packed(variant: type[LatentGAN] = DCGAN, packing: int = 2, **kwargs: Any) -> LatentGAN:
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 28, latent_dim=3, width=2)
    discriminator: Discriminator = (
        AutoencoderDiscriminator(packing, 28, width=2, code_dim=4)
        if variant in ENERGY_VARIANTS
        else DCGANDiscriminator(packing, 28, width=2, batch_norm=False)
    )
    return variant(**{"generator": generator, "discriminator": discriminator, "packing": packing, **kwargs})


class Linear(Discriminator):
    """The scalar product of a pack with one weight for each of its pixels, and a bias."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__(channels, size)
        generator = torch.Generator().manual_seed(7)
        self.weight = nn.Parameter(0.1 * torch.randn(channels, *self.size, generator=generator))
        self.bias = nn.Parameter(torch.tensor(0.3))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return (images * self.weight).flatten(1).sum(dim=1) + self.bias


def linear(**kwargs: Any) -> tuple[LatentGAN, Tensor, Tensor]:
    """A model with a linear D on packs of two, and four real and four generated images of 2 x 2 pixels."""
    generator = torch.Generator().manual_seed(3)
    real, fake = (torch.randn(4, 1, 2, 2, generator=generator) for _ in range(2))
    model = GAN(MLPGenerator(1, 2, latent_dim=3, widths=[4]), Linear(2, 2), packing=2, **kwargs)
    model.trainer = tiny_trainer(Path(), max_steps=1, log_every_n_steps=0)
    return model, real, fake


def test_a_pack_has_consecutive_images_as_its_channels() -> None:
    images = torch.randn(6, 3, 2, 4)
    packs = pack(images, 2)
    assert packs.shape == (3, 6, 2, 4)
    assert torch.equal(packs[1], torch.cat([images[2], images[3]]))
    assert torch.equal(unpack(packs, 2), images)
    assert torch.equal(pack(images.contiguous(memory_format=torch.channels_last), 3), pack(images, 3))
    assert pack(images, 1) is images
    assert unpack(images, 1) is images
    with pytest.raises(InputError, match=r"6 image\(s\); expected a multiple of 4"):
        pack(images, 4)


def test_losses_in_closed_form() -> None:
    model, real, fake = linear()
    assert isinstance(model.discriminator, Linear)
    weight = model.discriminator.weight.flatten()
    expected = {
        name: torch.stack([torch.cat([a.flatten(), b.flatten()]) @ weight + 0.3 for a, b in (images[:2], images[2:])])
        for name, images in (("real", real), ("fake", fake))
    }
    loss = F.softplus(-expected["real"]).mean() + F.softplus(expected["fake"]).mean()
    torch.testing.assert_close(model.discriminator_loss(real, fake, LABELS), loss)
    torch.testing.assert_close(model.generator_loss(real, fake, LABELS), F.softplus(-expected["fake"]).mean())


@pytest.mark.parametrize("penalty", [R1(weight=2), GradientPenalty(weight=2)])
def test_a_penalty_is_on_the_gradient_with_respect_to_a_pack(penalty: Penalty) -> None:
    """The gradient of a linear D with respect to any pack is its weight."""
    (plain, real, fake), (model, _, _) = linear(), linear(penalty=penalty)
    assert isinstance(model.discriminator, Linear)
    square = model.discriminator.weight.square().sum().item()
    term = square if isinstance(penalty, R1) else 2 * (math.sqrt(square) - 1) ** 2
    difference = model.discriminator_loss(real, fake, LABELS) - plain.discriminator_loss(real, fake, LABELS)
    assert difference.item() == pytest.approx(term, rel=1e-4)


class Indexes(Augmentation):
    """Adds to each image its index, which a pack has none of."""

    def __call__(self, images: Tensor) -> Tensor:
        assert images.shape[1:] == (1, 2, 2)
        return images + torch.arange(len(images), dtype=images.dtype).view(-1, 1, 1, 1)


def test_images_are_augmented_before_they_are_packed() -> None:
    (model, real, fake), (plain, _, _) = linear(augmentation=Indexes()), linear()
    moved = Indexes()(real), Indexes()(fake)
    torch.testing.assert_close(model.discriminator_loss(real, fake, LABELS), plain.discriminator_loss(*moved, LABELS))
    torch.testing.assert_close(model.generator_loss(real, fake, LABELS), plain.generator_loss(*moved, LABELS))


@pytest.mark.parametrize("variant", PACKED)
def test_every_variant_trains_on_packs_and_each_step_moves_its_own_side(
    variant: type[LatentGAN], tmp_path: Path
) -> None:
    model = packed(variant, augmentation=DiffAugment(), n_critic=1)
    moved = watch_updates(model)
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=1)
    trainer.fit(model, TinyData())
    assert networks_moved(moved) == {"d": {"discriminator"}, "g": {"generator"}}
    assert all(value.isfinite() for value in trainer.logged_metrics.values())


def test_judging_both_in_one_pass_is_judging_each(tmp_path: Path) -> None:
    ends = []
    for together in (True, False):
        torch.manual_seed(0)
        generator, discriminator = MLPGenerator(1, 28, latent_dim=3, widths=[8]), MLPDiscriminator(2, 28, widths=[8])
        discriminator.joint_batch_safe = together
        sgd = partial(torch.optim.SGD, lr=0.01)
        model = GAN(generator, discriminator, packing=2, optimizer_g=sgd, optimizer_d=sgd)
        tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(model, TinyData())
        ends.append(weights(model))
    for value, other in zip(ends[0].values(), ends[1].values(), strict=True):
        torch.testing.assert_close(value, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("variant", PACKED)
def test_default_networks_are_for_packs(variant: Any) -> None:
    with torch.device("meta"):  # no weights are drawn
        models = variant(packing=3), variant.for_data(TinyData(), packing=3)
    for model in models:
        assert (model.generator.channels, model.discriminator.channels) == (1, 3)


def test_networks_that_packs_do_not_fit_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"generator.channels is 1 and packing is 2, but discriminator.channels is 1; "
    ):
        packed(discriminator=DCGANDiscriminator(1, 28, width=2))
    with pytest.raises(ValueError, match="packing is 0; expected at least 1"):
        DCGAN(packing=0)
    with pytest.raises(ValueError, match="packing is 2, but the networks use labels"):
        CGAN(**conditional(), packing=2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [TinyData(batch_size=7)],
            r"7 image\(s\) \(data.batch_size\), which packs of 2.*a multiple of model.packing, 2",
        ),
        (
            [DataLoader(TensorDataset(torch.rand(7, 1, 28, 28) * 2 - 1), batch_size=4)] * 2,
            r"the last batch of 7 images has 3 image\(s\), which packs of 2 .*drop_last=True",
        ),
    ],
)
def test_batches_that_cannot_be_divided_are_refused_before_training(
    data: list[Any], message: str, tmp_path: Path
) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=5, limit_val_batches=0)
    with pytest.raises(InputError, match=message):
        trainer.fit(packed(), *data)
    assert trainer.global_step == 0


def test_a_batch_of_one_pack_is_refused_where_layers_normalize_over_packs(tmp_path: Path) -> None:
    judged = InfoGANDiscriminator(2, 28, width=2, dense=4)
    for size, steps in ((2, 0), (4, 1)):
        model = packed(LSGAN, discriminator=judged)
        trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0)
        if steps:
            trainer.fit(model, TinyData(batch_size=size))
        else:
            with pytest.raises(InputError, match=r"has 2 image\(s\).*model.discriminator cannot.*expected at least 4"):
                trainer.fit(model, TinyData(batch_size=size))
        assert trainer.global_step == steps


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    def fit(folder: str, steps: int, **kwargs: Any) -> LatentGAN:
        model = packed(penalty=R1(interval=2), augmentation=DiffAugment())
        trainer = tiny_trainer(tmp_path / folder, max_steps=steps, limit_val_batches=0, callbacks=[LastCheckpoint()])
        trainer.fit(model, TinyData(), **kwargs)
        return model

    whole = fit("whole", 7)
    fit("parts", 3)
    resumed = fit("parts", 7, ckpt_path=tmp_path / "parts" / "checkpoints" / "last.ckpt")
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items())
    path = tmp_path / "whole" / "checkpoints" / "last.ckpt"
    assert last_checkpoint(tmp_path / "whole")["hyper_parameters"]["packing"] == 2
    assert DCGAN.load_from_checkpoint(path).packing == 2


def test_logits_of_an_analysis_are_those_of_packs() -> None:
    model, real, _ = linear()
    data = Labelled(torch.zeros(0), torch.zeros(0))
    analyzed = AnalyzedModel(model, None, data, data, 10, torch.zeros(0), torch.no_grad)  # type: ignore[arg-type]
    logits = analyzed.logits(torch.cat([real, real[:1]]), torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(logits, model.discriminator(pack(real, 2)).detach().double())
    assert probe_skip_reason(analyzed, 100) == (
        "the discriminator judges 2 images at once, so it has no features of one image"
    )
