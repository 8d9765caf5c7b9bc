"""Translators that take latent codes, and encoders that find them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from lightning_gans.networks import BatchNorm, LatentUNet, ResNetLatentEncoder
from lightning_gans.networks.latent_encoder import LatentCodes
from lightning_gans.networks.latent_translator import SingleAnswer


def test_a_code_changes_the_answer_and_no_code_is_their_mean() -> None:
    network = LatentUNet(1, 2, (64, 128), latent_dim=3, width=2, norm=BatchNorm).eval()
    images = torch.rand(2, 1, 64, 128)
    latent = torch.randn(2, 3)
    first = network(images, latent)
    assert first.shape == (2, 2, 64, 128)
    assert torch.equal(network(images), network(images, torch.zeros(2, 3)))
    assert not torch.equal(network(images, latent[[1, 0]]), first)
    torch.testing.assert_close(network(images[1:], latent[1:]), first[1:])


def test_a_single_answer_has_the_code_for_each_image() -> None:
    network = LatentUNet(1, 2, 64, latent_dim=3, width=2).eval()
    single = SingleAnswer(network, torch.tensor([1.0, -1.0, 0.5]))
    images = torch.rand(2, 1, 64, 64)
    assert not single.training
    assert torch.equal(single(images), network(images, torch.tensor([[1.0, -1.0, 0.5]] * 2)))
    assert {id(weight) for weight in single.parameters()} == {id(weight) for weight in network.parameters()}


def test_dropout_is_in_the_blocks_of_the_authors() -> None:
    network = LatentUNet(1, 1, 128, width=1, dropout=0.5)
    assert [any(isinstance(layer, torch.nn.Dropout) for layer in block.modules()) for block in network.up] == [
        *(False, True, True),
        *[False] * 4,
    ]


@pytest.mark.parametrize(("size", "blocks"), [(16, 0), ((31, 40), 0), (64, 2), ((256, 100), 2), (256, 4)])
def test_encoders_shrink_images_to_a_few_places(size: Any, blocks: int) -> None:
    encoder = ResNetLatentEncoder(3, size, 5, width=1)
    images = torch.zeros(2, 3, *(size if isinstance(size, tuple) else (size, size)))
    with torch.no_grad():
        codes = encoder(images)
        assert 8 <= min(encoder.blocks(encoder.first(images)).shape[2:]) < 16
    assert len(encoder.blocks) == blocks
    assert codes.mean.shape == codes.log_variance.shape == (2, 5)


def test_the_divergence_is_that_of_normal_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance, noise = (torch.randn(4, 3, generator=generator) for _ in range(3))
    codes = LatentCodes(mean, log_variance)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(codes.divergence(), expected)
    torch.testing.assert_close(codes.sample(noise), mean + log_variance.exp().sqrt() * noise)
    standard = LatentCodes(torch.zeros(2, 3), torch.zeros(2, 3))
    assert torch.equal(standard.divergence(), torch.zeros(2))
    assert torch.equal(standard.sample(noise[:2]), noise[:2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LatentUNet(1, 1, 64, latent_dim=0), "latent_dim is 0; expected at least 1"),
        (lambda: LatentUNet(1, 1, 64, width=0), "width is 0; expected at least 1"),
        (lambda: LatentUNet(1, 1, 64, dropout=1.0), r"dropout is 1\.0; expected a probability in \[0, 1\)"),
        (lambda: LatentUNet(1, 1, 64, inject="some"), "inject is some; expected all or input"),  # type: ignore[arg-type]
        (lambda: LatentUNet(1, 1, 65), r"size is 65; expected one of \[64, 128, 256, 512\]"),
        (lambda: ResNetLatentEncoder(1, (64, 15), 8), "size has a side of 15; expected at least 16"),
        (lambda: ResNetLatentEncoder(1, 64, 0), "latent_dim is 0; expected at least 1"),
    ],
)
def test_bad_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
