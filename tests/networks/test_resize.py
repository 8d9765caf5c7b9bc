from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad, gradgradcheck
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lightning_gans.networks import ResizeGenerator, ResNetTranslator
from lightning_gans.networks.layers import UpsampleConv, apply_spectral_norm, dcgan_init


def plain(network: nn.Module) -> nn.Module:
    """A copy that enlarges its maps before it convolves them."""
    network = deepcopy(network)
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, UpsampleConv):
                biased, kind = layer.bias is not None, layer.weight.dtype
                convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=biased, dtype=kind)
                convolution.load_state_dict(layer.state_dict())
                parent.register_module(name, nn.Sequential(nn.Upsample(scale_factor=2), convolution))
    return network


def outputs_and_gradients(network: nn.Module, inputs: Tensor) -> list[Tensor]:
    outputs = network(inputs)
    torch.manual_seed(1)
    return [outputs, *grad(outputs, [inputs, *network.parameters()], torch.randn_like(outputs))]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sides", [(4, 4), (7, 5), (1, 1)])
def test_output_and_gradients_are_the_plain_layers(sides: tuple[int, int], bias: bool) -> None:
    layer = nn.Sequential(UpsampleConv(3, 5, bias)).double()
    maps = torch.randn(2, 3, *sides, dtype=torch.float64, requires_grad=True)
    folded = outputs_and_gradients(layer, maps)
    assert len(folded) == 3 + bias
    assert folded[0].shape == (2, 5, 2 * sides[0], 2 * sides[1])
    torch.testing.assert_close(folded, outputs_and_gradients(plain(layer), maps), atol=1e-10, rtol=0)


def test_gradients_have_gradients() -> None:
    layer = UpsampleConv(2, 2).double()
    maps = torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)

    def convolve(maps: Tensor, weight: Tensor) -> Tensor:
        outputs: Tensor = torch.func.functional_call(layer, {"weight": weight}, maps)
        return outputs

    weight = layer.weight.detach().requires_grad_()
    assert gradgradcheck(convolve, (maps, weight))


def test_it_multiplies_16_times_where_the_plain_layers_do_36_times() -> None:
    layer = nn.Sequential(UpsampleConv(3, 5))
    counts = []
    for network in (layer, plain(layer)):
        with FlopCounterMode(display=False) as counter:
            network(torch.randn(2, 3, 6, 6))
        counts.append(counter.get_total_flops())
    assert counts[0] * 36 == counts[1] * 16 > 0


def test_weights_are_the_plain_convolutions_by_the_same_names() -> None:
    layer, convolution = UpsampleConv(3, 5), nn.Conv2d(3, 5, 3, padding=1)
    layer.load_state_dict(convolution.state_dict())
    maps = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(layer(maps), convolution(F.interpolate(maps, scale_factor=2)))


def test_initialization_reaches_it() -> None:
    layer = UpsampleConv(64, 64)
    dcgan_init(layer)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert layer.bias is not None
    assert not layer.bias.any()


def test_spectral_normalization_reaches_it() -> None:
    network = nn.Sequential(UpsampleConv(3, 6))
    convolution = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1))
    convolution.load_state_dict(network.state_dict())
    for each in (network, convolution):
        torch.manual_seed(0)
        apply_spectral_norm(each)
    maps = torch.randn(1, 3, 4, 4)
    torch.testing.assert_close(network(maps), convolution(F.interpolate(maps, scale_factor=2)))
    torch.testing.assert_close(network[0].weight, convolution[0].weight)


def test_maps_follow_the_weights_layout() -> None:
    layer, maps = UpsampleConv(3, 5), torch.randn(2, 3, 4, 4)
    outputs = layer(maps)
    assert outputs.is_contiguous()
    layer.to(memory_format=torch.channels_last)
    assert layer(maps).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(layer(maps), outputs)


def test_under_autocast_weights_are_added_in_their_own_precision() -> None:
    layer, maps = UpsampleConv(3, 5), torch.randn(2, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.kernel().dtype == torch.float32
        outputs = layer(maps)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), layer(maps), atol=0.02, rtol=0.02)


# ResizeGenerator and ResNetTranslator.


@pytest.mark.parametrize("size", [8, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    generator = ResizeGenerator(channels, size, latent_dim=7, width=4)
    images = generator(torch.randn(5, 7))
    assert images.shape == (5, channels, size, size)
    assert images.abs().max() <= 1
    assert (generator.latent_dim, generator.channels, generator.size) == (7, channels, (size, size))


def test_only_the_image_has_a_bias_of_its_own() -> None:
    generator = ResizeGenerator(1, 28, width=4)
    biased = [
        layer for layer in generator.modules() if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None
    ]
    assert [type(layer) for layer in biased] == [nn.Conv2d]


@pytest.mark.parametrize(
    "network",
    [ResizeGenerator(1, 28, latent_dim=12, width=2), ResNetTranslator(12, 3, 12, blocks=1, width=2, upsample=True)],
)
def test_networks_make_what_plain_layers_make(network: nn.Module) -> None:
    network = network.double()
    twin = plain(network)
    assert sum(isinstance(layer, nn.Upsample) for layer in twin.modules()) == 2
    shape = (3, 12) if isinstance(network, ResizeGenerator) else (3, 12, 12, 12)
    inputs = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    results = [outputs_and_gradients(each, inputs) for each in (network, twin)]
    torch.testing.assert_close(*results, atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 30}, r"size is 30; expected a multiple of 4 from 8 up"),
        ({"size": 4}, r"size is 4; expected a multiple of 4 from 8 up"),
        ({"channels": 0}, r"channels is 0"),
        ({"latent_dim": 0}, r"latent_dim is 0"),
        ({"width": 0}, r"width is 0"),
    ],
)
def test_bad_arguments_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ResizeGenerator(**{"channels": 1, "size": 28, **kwargs})
