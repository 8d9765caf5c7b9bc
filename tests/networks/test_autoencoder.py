"""Autoencoders as discriminators, and BEGAN's generator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_gans.networks import AutoencoderDiscriminator, BEGANGenerator


def last_layer_gives(layers: nn.Sequential, value: float) -> None:
    last = layers[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, value)


@pytest.mark.parametrize("size", [28, (32, 48), 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(channels: int, size: int | tuple[int, int]) -> None:
    generator = BEGANGenerator(channels, size, latent_dim=5, width=2)
    discriminator = AutoencoderDiscriminator(channels, size, width=2, code_dim=4)
    images = generator(torch.randn(3, 5))
    assert images.shape[1:] == (channels, *discriminator.size)
    assert discriminator(images).shape == (3,)
    assert discriminator.encoder(images).shape == (3, 4)
    assert discriminator.decoder(discriminator.encoder(images)).shape == images.shape


@pytest.mark.parametrize("power", [1, 2])
def test_the_logit_is_minus_the_mean_error_of_an_image(power: int) -> None:
    discriminator = AutoencoderDiscriminator(1, 28, width=2, code_dim=4, power=power)  # type: ignore[arg-type]
    last_layer_gives(discriminator.decoder, 0.5)
    images = torch.stack([torch.full((1, 28, 28), value) for value in (0.5, 1.0, -1.0)])
    errors = torch.tensor([0.0, 0.5, 1.5]) ** power
    torch.testing.assert_close(discriminator(images), -errors)
    assert discriminator.gives_energies


def test_images_are_clipped_in_evaluation_only() -> None:
    generator = BEGANGenerator(1, 28, latent_dim=5, width=2)
    last_layer_gives(generator.layers, 3.0)
    latent = torch.randn(2, 5)
    assert generator(latent).min() > 1
    assert torch.equal(generator.eval()(latent), torch.ones(2, 1, 28, 28))


def test_features_are_the_code() -> None:
    discriminator = AutoencoderDiscriminator(1, 28, width=2, code_dim=4)
    last = discriminator.feature_blocks()[-1][-1]
    assert isinstance(last, nn.Linear)
    assert last.out_features == 4


def test_bad_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="power is 3; expected 1 or 2"):
        AutoencoderDiscriminator(1, 28, power=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="code_dim is 0"):
        AutoencoderDiscriminator(1, 28, code_dim=0)
