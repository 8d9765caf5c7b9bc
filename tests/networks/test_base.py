"""What all networks share: sizes, classes and refused arguments."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from lightning_gans.networks import (
    AttentionTranslator,
    BigGANDiscriminator,
    BigGANGenerator,
    CompactDiscriminator,
    CompactGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
    IdentityTranslator,
    InfoGANDiscriminator,
    InfoGANGenerator,
    LSGANGenerator,
    MaxoutDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
    R3GANDiscriminator,
    R3GANGenerator,
    ResNetTranslator,
    SNGANGenerator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
    UNet,
)

CONDITIONAL: list[Any] = [
    partial(BigGANDiscriminator, width=8),
    partial(BigGANGenerator, width=8),
    CompactDiscriminator,
    CompactGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    InfoGANDiscriminator,
    InfoGANGenerator,
    MaxoutDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
    R3GANDiscriminator,
    R3GANGenerator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
]


def inputs_of(network: Generator | Discriminator) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(2, network.latent_dim) if isinstance(network, Generator) else torch.rand(2, 1, 28, 28)


@pytest.mark.parametrize("make", CONDITIONAL)
def test_a_network_ignores_the_labels_of_the_data_unless_it_is_conditional(make: Any) -> None:
    outputs = []
    for num_classes, labels in ((None, None), (10, torch.tensor([3, 9]))):
        torch.manual_seed(0)
        network = make(1, 28, num_classes=num_classes).eval()
        assert network.num_classes == 0
        outputs.append(network(inputs_of(network), labels))
    assert torch.equal(*outputs)
    assert make(1, 28, num_classes=10, conditional=True).num_classes == 10


@pytest.mark.parametrize("make", CONDITIONAL)
def test_weights_of_classes_mix_labels(make: Any) -> None:
    torch.manual_seed(0)
    network = make(1, 28, num_classes=3, conditional=True).eval()
    inputs = inputs_of(network)
    one_hot = torch.eye(3)[[2, 0]]
    assert torch.equal(network(inputs, torch.tensor([2, 0])), network(inputs, one_hot))


def test_sizes_are_height_and_width() -> None:
    assert DCGANGenerator(1, 28, width=1).size == DCGANGenerator(1, (28, 28), width=1).size == (28, 28)
    assert MLPDiscriminator(1, (4, 6), widths=[2])(torch.zeros(3, 1, 4, 6)).shape == (3,)
    assert MLPGenerator(1, (4, 6), latent_dim=2, widths=[2])(torch.zeros(3, 2)).shape == (3, 1, 4, 6)


@pytest.mark.parametrize("make", [LSGANGenerator, SNGANGenerator])
def test_generators_of_square_images_refuse_others(make: Any) -> None:
    with pytest.raises(ValueError, match="size is 28 x 32; expected equal height and width"):
        make(1, (28, 32))


@pytest.mark.parametrize("make", [UNet, ResNetTranslator, AttentionTranslator])
def test_translators_take_rectangles(make: Any) -> None:
    images = torch.zeros(2, 3, 64, 128)
    assert make(3, 3, (64, 128), width=2)(images).shape == images.shape


def test_the_identity_needs_equal_channels() -> None:
    with pytest.raises(ValueError, match="channels_out is 1 but channels_in is 3"):
        IdentityTranslator(3, 1, 64)
