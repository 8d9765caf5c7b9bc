from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_gans.networks import DCGANDiscriminator, R3GANDiscriminator
from lightning_gans.networks.layers import apply_spectral_norm


def test_every_layers_largest_singular_value_becomes_one() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(6 * 4, 5), nn.Linear(5, 1))
    apply_spectral_norm(network)
    for _ in range(200):
        network(torch.randn(1, 3, 4, 4))
    network.eval()
    for layer in (network[0], network[2], network[3]):
        matrix = layer.weight.flatten(1)  # type: ignore[operator]
        torch.testing.assert_close(torch.linalg.matrix_norm(matrix, 2), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_a_discriminator_of_any_scale_comes_close_to_slope_one() -> None:
    logits = []
    for scale in (1.0, 100.0):
        torch.manual_seed(0)
        discriminator = DCGANDiscriminator(1, 28, width=4, batch_norm=False)
        for parameter in discriminator.parameters():
            parameter.data *= scale
        apply_spectral_norm(discriminator)
        logits.append(discriminator(torch.randn(5, 1, 28, 28)))
    torch.testing.assert_close(*logits)


def test_layers_that_start_at_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"R3GANDiscriminator has a layer, layers.*, whose weight is all zero"):
        apply_spectral_norm(R3GANDiscriminator(1, 28, width=8, blocks=1, group_size=8))
