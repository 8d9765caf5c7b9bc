"""Reflection padding whose gradient is deterministic on CUDA too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks import ResNetTranslator
from lightning_gans.networks.layers import ReflectionConv2d, reflection_pad
from tests.support.operations import Operations


@pytest.fixture
def deterministic(deterministic_process: None) -> None:
    torch.use_deterministic_algorithms(mode=True)


def second_order(padded: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of a cubic function of the padded images, and that of its squared norm."""
    weight = torch.linspace(-1, 1, padded.numel(), dtype=padded.dtype).view(padded.shape)
    (first,) = torch.autograd.grad((padded**3 * weight).sum(), images, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), images)
    return first.detach(), second


SHAPES = [
    ((2, 3, 8, 8), (3, 3)),
    ((1, 1, 4, 7), (3, 3)),
    ((2, 2, 5, 2), (1, 1)),
    ((3, 2, 3, 6), (2, 0)),
    ((1, 2, 3, 3), (0, 2)),
]


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("shape", "padding"), SHAPES)
def test_padding_equals_that_of_torch_up_to_second_derivatives(
    shape: tuple[int, ...], padding: tuple[int, int], dtype: torch.dtype, memory_format: torch.memory_format
) -> None:
    height, width = padding
    given = torch.randn(shape, dtype=dtype).to(memory_format=memory_format)
    ours, theirs = given.clone().requires_grad_(), given.clone().requires_grad_()
    operations = Operations()
    with operations:
        padded = reflection_pad(ours, padding)
        found = second_order(padded, ours)
    assert not any("reflection_pad" in name for name in operations.names)
    expected = F.pad(theirs, [width, width, height, height], mode="reflect")
    assert torch.equal(padded, expected)
    assert padded.is_contiguous(memory_format=memory_format) or memory_format == torch.contiguous_format
    tolerance: dict[str, Any] = {"atol": 0.3, "rtol": 0.1} if dtype == torch.bfloat16 else {"atol": 1e-4, "rtol": 1e-4}
    for one, two in zip(found, second_order(expected, theirs), strict=True):
        torch.testing.assert_close(one, two, **tolerance)


@pytest.mark.usefixtures("deterministic")
def test_padding_as_large_as_the_image_is_refused_as_by_torch() -> None:
    images = torch.zeros(1, 1, 3, 3, requires_grad=True)
    with pytest.raises(RuntimeError):
        F.pad(images, [3] * 4, mode="reflect")
    with pytest.raises(ValueError, match=r"height is 3; expected more than the padding, 3"):
        reflection_pad(images, (3, 3))


def test_the_layer_is_a_convolution_with_reflection_padding() -> None:
    torch.manual_seed(0)
    ours = ReflectionConv2d(2, 3, 3, padding=1)
    torch.manual_seed(0)
    theirs = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())
    images = torch.randn(2, 2, 5, 7)
    assert torch.equal(ours(images), theirs(images))


def translator() -> ResNetTranslator:
    torch.manual_seed(0)
    return ResNetTranslator(1, 1, size=16, blocks=1, width=2)


def gradients(network: Any, images: Tensor) -> list[Tensor]:
    network.zero_grad()
    network(images).square().mean().backward()
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


@pytest.mark.usefixtures("deterministic_process")
def test_a_translator_has_deterministic_gradients_where_they_are_asked_for() -> None:
    network, images = translator(), torch.randn(1, 1, 16, 16)
    usual = gradients(network, images)
    operations = Operations()
    torch.use_deterministic_algorithms(mode=True)
    with operations:
        chosen = gradients(network, images)
    assert "reflection_pad2d_backward.default" not in operations.names
    torch.testing.assert_close(chosen, usual)


@pytest.mark.usefixtures("deterministic")
def test_what_is_not_trained_is_padded_by_one_operation() -> None:
    """Exported programs have one node for it, and validation is as fast as ever."""
    network, images = translator().requires_grad_(False), torch.randn(1, 1, 16, 16)
    operations = Operations()
    with operations:
        network(images)
    assert "reflection_pad2d.default" in operations.names
    assert "flip.default" not in operations.names


@pytest.mark.slow
@pytest.mark.usefixtures("deterministic")
def test_it_can_be_compiled_as_one_graph() -> None:
    network, images = translator(), torch.randn(1, 1, 16, 16)
    expected = gradients(network, images)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(gradients(compiled, images), expected)
    torch.compiler.reset()


@pytest.mark.gpu
@pytest.mark.usefixtures("deterministic")
def test_gradients_on_cuda_are_deterministic() -> None:
    network, images = translator().cuda(), torch.randn(2, 1, 16, 16, device="cuda")
    first, second = gradients(network, images), gradients(network, images)
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))
