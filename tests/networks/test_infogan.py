from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.networks import (
    InfoGANDiscriminator,
    InfoGANGenerator,
)


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (3, 8)])
def test_shapes_and_ranges(channels: int, size: int) -> None:
    images = InfoGANGenerator(channels, size, latent_dim=5, width=2, dense=6)(torch.randn(4, 5))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    assert InfoGANDiscriminator(channels, size, width=2, dense=6)(images).shape == (4,)
    labels = torch.tensor([0, 1, 2, 0])
    conditional: dict[str, Any] = {"width": 2, "dense": 6, "num_classes": 3, "conditional": True}
    images = InfoGANGenerator(channels, size, latent_dim=5, **conditional)(torch.randn(4, 5), labels)
    assert images.shape == (4, channels, size, size)
    assert InfoGANDiscriminator(channels, size, **conditional)(images, labels).shape == (4,)


def test_widths_are_the_papers() -> None:
    def outputs(network: nn.Module) -> list[int]:
        kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
        return [
            m.weight.shape[1 if isinstance(m, nn.ConvTranspose2d) else 0]
            for m in network.modules()
            if isinstance(m, kinds)
        ]

    assert outputs(InfoGANGenerator(1, 28)) == [1024, 7 * 7 * 128, 64, 1]
    assert outputs(InfoGANDiscriminator(1, 28)) == [64, 128, 1024, 1]


def test_without_batch_norm_the_logit_of_an_image_does_not_depend_on_the_others() -> None:
    discriminator = InfoGANDiscriminator(1, 28, width=2, dense=6, batch_norm=False)
    images = torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))
    assert all(layer.bias is not None for layer in discriminator.modules() if isinstance(layer, (nn.Linear, nn.Conv2d)))


def test_conditional_networks_depend_on_the_label() -> None:
    generator = InfoGANGenerator(1, 8, width=2, dense=6, num_classes=2, conditional=True).eval()
    discriminator = InfoGANDiscriminator(1, 8, width=2, dense=6, num_classes=2, conditional=True).eval()
    latent = torch.randn(1, 64)
    zero, one = (generator(latent, torch.tensor([k])) for k in range(2))
    assert not torch.equal(zero, one)
    assert not torch.equal(discriminator(zero, torch.tensor([0])), discriminator(zero, torch.tensor([1])))


@pytest.mark.parametrize(
    ("network", "kwargs", "named"),
    [
        (InfoGANGenerator, {"size": 30}, r"size is 30; expected a multiple of 4"),
        (InfoGANGenerator, {"latent_dim": 0}, r"latent_dim is 0; expected at least 1"),
        (InfoGANDiscriminator, {"dense": 0}, r"dense is 0"),
        (InfoGANGenerator, {"conditional": True, "num_classes": 0}, r"num_classes is 0, as of data without"),
        (InfoGANDiscriminator, {"conditional": True, "num_classes": 0}, r"num_classes is 0"),
    ],
)
def test_bad_arguments_are_named(network: Any, kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        network(**{"channels": 1, "size": 28, **kwargs})
