"""R3GAN's blocks and networks against what the authors' own code makes of the same weights and input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import R3GANDiscriminator, R3GANGenerator
from lightning_gans.networks.r3gan import Downsample, ResidualBlock, Upsample
from tests.support.closed_form import assert_is, fill, numbers, reference

CASES = reference(__file__, "r3gan")["cases"]


def made(case: str) -> nn.Module:
    """Ours with the sizes of the authors' of a case."""
    match case:
        case "residual_block":
            return ResidualBlock(6, expansion=2, group_size=4, count=8)
        case "upsample":
            return Upsample()
        case "downsample":
            return Downsample()
        case "generator_64":
            return R3GANGenerator(3, 64, latent_dim=8, width=2, blocks=1, expansion=2, group_size=4)
        case "discriminator_64":
            return R3GANDiscriminator(3, 64, width=2, blocks=1, expansion=2, group_size=4)
        case "generator_32":
            return R3GANGenerator(3, 32, latent_dim=5, width=4, blocks=2, expansion=3, group_size=4)
        case "discriminator_32":
            return R3GANDiscriminator(3, 32, width=4, blocks=2, expansion=3, group_size=4)
    raise ValueError(case)


def in_their_order(network: nn.Module) -> Iterator[nn.Parameter]:
    """Our parameters as the authors' come: in each block the biases, which they keep elsewhere, after the weights."""
    for _, block in groupby(network.named_parameters(), key=lambda named: named[0].partition("branch.")[0]):
        yield from (parameter for _, parameter in sorted(block, key=lambda named: named[0].endswith("bias")))


@pytest.mark.parametrize("case", CASES)
def test_output_and_slope_are_the_authors(case: str) -> None:
    expected, network = CASES[case], made(case).double()
    fill(in_their_order(network), expected["parameters"])
    if isinstance(network, R3GANGenerator):
        # Theirs ends before the tanh, which would hide large differences.
        network.layers[-1] = nn.Identity()
    given = numbers(expected["input"], 1000).requires_grad_(True)
    output: Tensor = network(given)
    (slope,) = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), given)
    assert_is(output, expected["output"])
    assert_is(slope, expected["slope"])


def test_generator_is_the_hyperbolic_tangent_of_the_authors() -> None:
    network, latent = made("generator_32"), torch.randn(2, 5)
    images = network(latent)
    assert isinstance(network, R3GANGenerator)
    network.layers[-1] = nn.Identity()
    assert torch.equal(images, network(latent).tanh())


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case]["parameters"]])
def test_parameters_start_as_far_from_zero_as_the_authors(case: str) -> None:
    torch.manual_seed(0)
    for parameter, (name, spread) in zip(
        in_their_order(made(case)), zip(CASES[case]["parameters"], CASES[case]["starts"], strict=True), strict=True
    ):
        found = parameter.square().mean().item()
        # Five standard errors of a mean of squares.
        assert abs(found - spread**2) <= 5 * (2 / parameter.numel()) ** 0.5 * spread**2, name
