"""Self-attention between the positions of feature maps, and where networks have it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.networks import (
    BigGANDiscriminator,
    BigGANGenerator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
)
from lightning_gans.networks.attention import SelfAttention, attended_blocks

NETWORKS: list[Any] = [BigGANDiscriminator, BigGANGenerator, SNGANResNetDiscriminator, SNGANResNetGenerator]


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def test_each_position_is_given_the_weighted_mean_over_all() -> None:
    """Zhang et al., 2019, eq. 1 to 3, position by position."""
    layer, maps = SelfAttention(16).double(), torch.randn(2, 16, 4, 6, dtype=torch.float64)
    nn.init.constant_(layer.gain, 0.7)
    f, g, h, v = (each.weight.detach()[:, :, 0, 0] for each in (layer.key, layer.query, layer.value, layer.output))
    assert [len(matrix) for matrix in (f, g, h, v)] == [2, 2, 8, 16]

    def largest(matrix: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """The maxima of W x over windows of 2 x 2 positions, (rows, 6)."""
        windows = [(matrix @ image[:, r : r + 2, c : c + 2].flatten(1)).amax(1) for r in (0, 2) for c in (0, 2, 4)]
        return torch.stack(windows, dim=1)

    expected = maps.clone()
    for image, output in zip(maps, expected, strict=True):
        keys, values = largest(f, image), largest(h, image)
        for row in range(4):
            for column in range(6):
                beta = torch.softmax(keys.T @ (g @ image[:, row, column]), dim=0)
                output[:, row, column] += 0.7 * v @ (values @ beta)
    torch.testing.assert_close(layer(maps), expected)


def test_it_starts_as_the_identity_and_learns_its_gain_first() -> None:
    layer, maps = SelfAttention(8), torch.randn(2, 8, 4, 4)
    output = layer(maps)
    torch.testing.assert_close(output, maps)
    output.square().sum().backward()
    assert {name for name, value in layer.named_parameters() if value.grad is not None and value.grad.any()} == {"gain"}


def test_it_can_be_differentiated_twice() -> None:
    layer = SelfAttention(2).double()
    nn.init.constant_(layer.gain, 0.5)
    maps = torch.randn(1, 2, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, maps, fast_mode=True)


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("conditional", [False, True])
def test_one_block_of_a_network_has_it(make: Any, conditional: bool) -> None:
    network = make(3, 32, width=8, num_classes=3, conditional=conditional, attention=16)
    plain = make(3, 32, width=8, num_classes=3, conditional=conditional)
    seen: list[tuple[int, ...]] = []
    (layer,) = (module for module in network.modules() if isinstance(module, SelfAttention))
    layer.register_forward_hook(lambda _layer, _given, maps: seen.append(tuple(maps.shape[2:])))
    given = torch.randn(2, 128) if "Generator" in make.__name__ else torch.rand(2, 3, 32, 32)
    labels = torch.tensor([2, 0])
    before = network.eval()(given, labels)
    assert seen == [(16, 16)]
    # It starts as the identity, and its weights are the only further ones.
    missing = plain.load_state_dict(network.state_dict(), strict=False)
    assert not missing.missing_keys
    assert {name.split(".")[2] for name in missing.unexpected_keys} == {"attention"}
    assert torch.equal(plain.eval()(given, labels), before)


@pytest.mark.parametrize(
    ("size", "attention", "expected"),
    [
        (128, 64, {"SNGANResNetGenerator": 3, "BigGANGenerator": 3, "BigGANDiscriminator": 0}),
        (128, 32, {"SNGANResNetGenerator": 2, "BigGANGenerator": 2, "BigGANDiscriminator": 1}),
        (128, 4, {"BigGANDiscriminator": 4}),
        ((96, 160), 24, {"SNGANResNetGenerator": 1, "BigGANDiscriminator": 1, "SNGANResNetDiscriminator": 1}),
        (28, 14, {"SNGANResNetGenerator": 0, "BigGANGenerator": 0, "SNGANResNetDiscriminator": 0}),
        (32, 8, {"BigGANGenerator": 0, "BigGANDiscriminator": 1, "SNGANResNetDiscriminator": 1}),
    ],
)
def test_it_follows_the_first_block_with_maps_of_the_side(size: Any, attention: int, expected: dict[str, int]) -> None:
    for make in NETWORKS:
        if make.__name__ in expected:
            network = make(3, size, width=1, attention=attention)
            found = [name for name, module in network.named_modules() if isinstance(module, SelfAttention)]
            assert found == [f"blocks.{expected[make.__name__]}.attention"]


@pytest.mark.parametrize(
    ("size", "attention", "known"),
    [(28, 7, "14, 28"), (32, 0, "8, 16, 32"), ((48, 96), 96, "12, 24, 48"), (64, -8, "8, 16, 32, 64")],
)
def test_a_side_that_no_map_has_is_refused(size: Any, attention: int, known: str) -> None:
    for make in NETWORKS:
        with pytest.raises(ValueError, match=f"attention is {attention}; expected .* maps of even sides, .*") as error:
            make(3, size, width=1, attention=attention)
        if "Generator" in make.__name__:
            assert str(error.value).endswith(f"has {known}")


def test_both_sides_have_to_be_even() -> None:
    with pytest.raises(ValueError, match="of which this network has 8"):
        attended_blocks(4, [(8, 12), (4, 5)])
    assert attended_blocks(4, [(8, 12), (4, 6), (4, 6)]) == [False, True, False]
    assert attended_blocks(None, [(7, 7), (4, 5)]) == [False, False]
