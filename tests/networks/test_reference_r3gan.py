"""R3GAN's blocks and networks against what the authors' own code makes of the same weights and input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import R3GANDiscriminator, R3GANGenerator
from lightning_gans.networks.r3gan import ResidualBlock
from lightning_gans.networks.resampling import Downsample, Upsample
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


COUNTS: dict[str, tuple[int, dict[str, Any], int, int]] = {
    "CIFAR10": (32, {"width": 768, "growth": 1}, 20_732_160, 20_683_776),
    "FFHQ-64": (64, {"width": 384, "widest": 768}, 22_429_824, 22_381_440),
    "FFHQ-256": (256, {"width": 96}, 23_057_952, 23_009_568),
    "ImageNet-32": (32, {"width": 1536, "growth": 1, "group_size": 32}, 82_752_000, 82_655_232),
    "ImageNet-64": (64, {"width": 1536, "growth": 1, "group_size": 32}, 103_408_128, 103_311_360),
}
"""For each preset of the authors' train.py, without labels, the size, the arguments of our networks, and the numbers of
parameters of G and D, counted in the authors' classes at commit 19a7ddf; those of FFHQ-256 are also in the paper, 23.06
and 23.01 million."""


@pytest.mark.parametrize("preset", COUNTS)
def test_the_authors_networks_have_as_many_parameters(preset: str) -> None:
    size, given, *expected = COUNTS[preset]
    with torch.device("meta"):
        networks: list[nn.Module] = [R3GANGenerator(3, size, **given), R3GANDiscriminator(3, size, **given)]
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == expected


def test_the_authors_conditional_discriminator_has_as_many_parameters() -> None:
    """Counted in the authors' class for the preset CIFAR10 with ten classes."""
    with torch.device("meta"):
        network = R3GANDiscriminator(3, 32, width=768, growth=1, num_classes=10, conditional=True)
    assert sum(p.numel() for p in network.parameters()) == 21_280_512


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
