from __future__ import annotations

import pytest
import torch

from lightning_gans.core.errors import InputError
from lightning_gans.networks import (
    ConditionalDCGANDiscriminator,
    ConditionalDCGANGenerator,
    DCGANDiscriminator,
)


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    labels = torch.tensor([0, 2, 1])
    images = ConditionalDCGANGenerator(channels, size, 3, latent_dim=5, width=4)(torch.randn(3, 5), labels)
    assert images.shape == (3, channels, size, size)
    assert images.abs().max() <= 1
    assert ConditionalDCGANDiscriminator(channels, size, 3, width=4)(images, labels).shape == (3,)


def test_both_depend_on_the_label() -> None:
    generator = ConditionalDCGANGenerator(1, 28, 2, latent_dim=5, width=4).eval()
    discriminator = ConditionalDCGANDiscriminator(1, 28, 2, width=4).eval()
    latent = torch.randn(1, 5)
    images = [generator(latent, torch.tensor([k])) for k in range(2)]
    assert not torch.allclose(*images)
    assert not torch.allclose(*(discriminator(images[0], torch.tensor([k])) for k in range(2)))


def test_the_label_enters_d_by_projection_on_its_features() -> None:
    torch.manual_seed(0)
    plain = DCGANDiscriminator(1, 28, width=4).eval()
    conditional = ConditionalDCGANDiscriminator(1, 28, 3, width=4).eval()
    last, first = list(conditional.layers)[-1], list(plain.layers)[-1]
    assert isinstance(last, torch.nn.Conv2d)
    assert isinstance(first, torch.nn.Conv2d)
    for mine, theirs in zip(list(conditional.layers)[:-1], list(plain.layers)[:-1], strict=True):
        mine.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        last.weight[0], last.bias[0] = first.weight[0], first.bias[0]  # type: ignore[index]
        last.weight[1:] = 0
        last.weight[2] = first.weight[0]
    images = torch.randn(2, 1, 28, 28)
    unprojected = conditional(images, torch.tensor([0, 2]))
    torch.testing.assert_close(unprojected, plain(images))
    # v_1 = w: twice the logit, up to the bias.
    bias = first.bias.item()  # type: ignore[union-attr]
    torch.testing.assert_close(conditional(images, torch.tensor([1, 1])) - bias, 2 * (plain(images) - bias))


@pytest.mark.parametrize("network", [ConditionalDCGANGenerator, ConditionalDCGANDiscriminator])
def test_data_without_labels_is_refused(network: type) -> None:
    with pytest.raises(InputError, match="num_classes is 0, as of data without labels"):
        network(channels=1, size=28, num_classes=0)
