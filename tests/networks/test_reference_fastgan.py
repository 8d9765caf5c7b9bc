"""FastGAN's blocks and networks against what the authors' own code makes of the same weights, noise and input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lightning_gans.networks import FastGANDiscriminator, FastGANGenerator, noise_injection
from lightning_gans.networks.fastgan import Excitation, UpBlock
from lightning_gans.networks.fastgan_discriminator import Decoder, ResidualDownBlock, quarter
from lightning_gans.networks.layers import apply_spectral_norm
from lightning_gans.networks.sizes import SmallestMap
from tests.support.closed_form import assert_is, fill, numbers, reference

REFERENCE = reference(__file__, "fastgan")
CASES = REFERENCE["cases"]

BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "excitation": lambda: Excitation(6, 5, SmallestMap(4, 4, 2), level=1),
    "small_block": lambda: UpBlock(6, 4, (8, 10), large=False, num_classes=0),
    "large_block": lambda: UpBlock(6, 4, (8, 10), large=True, num_classes=0),
    "down_block": lambda: ResidualDownBlock(3, 4),
    "decoder": lambda: Decoder(6, 3, width=64, level=5),
}


@pytest.fixture(autouse=True)
def drawn_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call draws the numbers that the authors' network was given at its place."""
    calls = 0

    def normal_per_image(count: int, _device: torch.device, *shape: int) -> Tensor:
        nonlocal calls
        calls += 1
        return numbers((count, *shape), 3000 + calls - 1)

    monkeypatch.setattr(noise_injection, "normal_per_image", normal_per_image)


def steps(block: UpBlock) -> Iterator[Tensor]:
    for parts in zip(block.convs, block.noise, block.norms, strict=True):
        for part in parts:
            yield from part.parameters()


def in_their_order(network: nn.Module) -> Iterator[Tensor]:
    """Our parameters as the authors' come; a scalar has shape (1,) there."""
    if isinstance(network, UpBlock):
        yield from (p.view(-1) if p.dim() == 0 else p for p in steps(network))
    elif isinstance(network, Decoder):
        for layer in network.layers:
            yield from in_their_order(layer)
    elif isinstance(network, FastGANGenerator):
        blocks, excitations = list(network.blocks), list(network.excitations.values())
        unused = torch.empty(3, 4, 1, 1)  # of their second image
        for part in (network.start, *blocks[:6], *excitations[:3], None, network.end, *blocks[6:], *excitations[3:]):
            yield from [unused] if part is None else in_their_order(part)
    elif isinstance(network, FastGANDiscriminator):
        excitations = [network.excitations[level] for level in ("3", "2", "1")]
        parts = (*network.blocks, network.logits, *excitations, network.small, network.small_logits)
        for part in (network.stem, *parts):
            yield from part.parameters()
    else:
        yield from network.parameters()


def set_weights(network: nn.Module, case: dict[str, Any]) -> None:
    """Give a network the authors' weights, whose largest singular values are known exactly."""
    fill(in_their_order(network), case["parameters"])
    for module in network.modules():
        if parametrize.is_parametrized(module, "weight"):
            norm: Any = module.get_submodule("parametrizations.weight")
            matrix = norm[0]._reshape_weight_to_matrix(norm.original.detach())
            left, _, right = torch.linalg.svd(matrix, full_matrices=False)
            norm[0]._u.copy_(left[:, 0])
            norm[0]._v.copy_(right[0])


def check(case: dict[str, Any], given: list[Tensor], outputs: list[Tensor]) -> None:
    total = sum((output * numbers(output.shape, 2000 + n)).sum() for n, output in enumerate(outputs))
    assert isinstance(total, Tensor)
    slopes = torch.autograd.grad(total, given)
    for found, expected in zip([*outputs, *slopes], [*case["outputs"], *case["slopes"]], strict=True):
        assert_is(found, expected, rtol=1e-7)


def inputs(case: dict[str, Any]) -> list[Tensor]:
    return [numbers(shape, 1000 + n).requires_grad_(True) for n, shape in enumerate(case["inputs"])]


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_the_authors(name: str) -> None:
    case, network = CASES[name], BLOCKS[name]().double()
    apply_spectral_norm(network)
    set_weights(network, case)
    given = inputs(case)
    check(case, given, [network(*given)])


@pytest.mark.parametrize("size", [256, 512])
def test_the_generator_is_the_authors(size: int) -> None:
    case, network = CASES[f"generator_{size}"], FastGANGenerator(3, size, latent_dim=5, width=4).double()
    network.end[-1] = nn.Identity()  # theirs has no tanh at these sizes
    set_weights(network, case)
    given = inputs(case)
    check(case, given, [network(*given)])


@pytest.mark.parametrize(
    ("size", "width", "part"), [(256, 4, 2), (512, 4, 1), pytest.param(1024, 8, 3, marks=pytest.mark.slow)]
)
def test_the_discriminator_is_the_authors(size: int, width: int, part: int) -> None:
    case, network = CASES[f"discriminator_{size}"], FastGANDiscriminator(3, size, width=width).double()
    set_weights(network, case)
    given = inputs(case)
    encoding = network(*given, encode=True)
    logits = torch.cat([half.flatten() for half in encoding.logits.chunk(2, dim=1)])  # all of one branch come first
    check(case, given, [logits, encoding.whole, encoding.small, quarter(encoding.quarters, part)])


@pytest.mark.parametrize("size", [256, pytest.param(1024, marks=pytest.mark.slow)])
def test_the_numbers_of_parameters_are_the_authors(size: int) -> None:
    expected = REFERENCE["numbers"][str(size)]
    generator, discriminator = FastGANGenerator(3, size), FastGANDiscriminator(3, size)
    assert sum(p.numel() for p in generator.parameters()) == expected["generator"] - expected["to_128"]
    assert sum(p.numel() for p in discriminator.parameters()) == expected["discriminator"]
