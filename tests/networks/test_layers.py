from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradgradcheck
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lightning_gans.networks import DCGANDiscriminator, R3GANDiscriminator
from lightning_gans.networks.layers import (
    BatchNorm,
    Conv3x3,
    DownsampleConv,
    InstanceNorm,
    UpsampleConv,
    apply_spectral_norm,
    dcgan_init,
)
from tests.support.plain_layers import outputs_and_gradients, plain


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


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sides", [(4, 4), (7, 5), (1, 1)])
def test_upsample_convs_output_and_gradients_are_the_plain_layers(sides: tuple[int, int], bias: bool) -> None:
    layer = nn.Sequential(UpsampleConv(3, 5, bias)).double()
    maps = torch.randn(2, 3, *sides, dtype=torch.float64, requires_grad=True)
    folded = outputs_and_gradients(layer, maps)
    assert len(folded) == 3 + bias
    assert folded[0].shape == (2, 5, 2 * sides[0], 2 * sides[1])
    torch.testing.assert_close(folded, outputs_and_gradients(plain(layer), maps), atol=1e-10, rtol=0)


def test_upsample_convs_gradients_have_gradients() -> None:
    layer = UpsampleConv(2, 2).double()
    maps = torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)

    def convolve(maps: Tensor, weight: Tensor) -> Tensor:
        outputs: Tensor = torch.func.functional_call(layer, {"weight": weight}, maps)
        return outputs

    weight = layer.weight.detach().requires_grad_()
    assert gradgradcheck(convolve, (maps, weight))


def test_upsample_conv_multiplies_16_times_where_the_plain_layers_do_36_times() -> None:
    layer = nn.Sequential(UpsampleConv(3, 5))
    counts = []
    for network in (layer, plain(layer)):
        with FlopCounterMode(display=False) as counter:
            network(torch.randn(2, 3, 6, 6))
        counts.append(counter.get_total_flops())
    assert counts[0] * 36 == counts[1] * 16 > 0


def test_upsample_convs_weights_are_the_plain_convolutions_by_the_same_names() -> None:
    layer, convolution = UpsampleConv(3, 5), nn.Conv2d(3, 5, 3, padding=1)
    layer.load_state_dict(convolution.state_dict())
    maps = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(layer(maps), convolution(F.interpolate(maps, scale_factor=2)))


def test_initialization_reaches_upsample_conv() -> None:
    layer = UpsampleConv(64, 64)
    dcgan_init(layer)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert layer.bias is not None
    assert not layer.bias.any()


@pytest.mark.parametrize(
    ("layer", "resample"),
    [
        (UpsampleConv, nn.Upsample(scale_factor=2)),
        (DownsampleConv, nn.AvgPool2d(2)),
    ],
)
def test_a_pass_is_one_step_of_spectral_normalization_as_in_the_plain_layers(
    layer: type[Conv3x3], resample: nn.Module
) -> None:
    network: Any = nn.Sequential(layer(3, 6))
    convolution: Any = nn.Conv2d(3, 6, 3, padding=1)
    plain_layers = nn.Sequential(
        *((resample, convolution) if isinstance(resample, nn.Upsample) else (convolution, resample))
    )
    convolution.load_state_dict(network[0].state_dict())
    for each in (network, plain_layers):
        torch.manual_seed(0)
        apply_spectral_norm(each)
    for _ in range(2):
        maps = torch.randn(1, 3, 4, 4)
        torch.testing.assert_close(network(maps), plain_layers(maps))
        with torch.no_grad():  # Other weights, whose singular values the power iteration has yet to find.
            changed = torch.randn(6, 3, 3, 3)
            for conv in (network[0], convolution):
                conv.parametrizations.weight.original.copy_(changed)
    torch.testing.assert_close(network[0].weight, convolution.weight)


def test_upsample_convs_maps_follow_the_weights_layout() -> None:
    layer, maps = UpsampleConv(3, 5), torch.randn(2, 3, 4, 4)
    outputs = layer(maps)
    assert outputs.is_contiguous()
    layer.to(memory_format=torch.channels_last)
    assert layer(maps).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(layer(maps), outputs)


def test_under_autocast_upsample_convs_weights_are_added_in_their_own_precision() -> None:
    layer, maps = UpsampleConv(3, 5), torch.randn(2, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.kernel().dtype == torch.float32
        outputs = layer(maps)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), layer(maps), atol=0.02, rtol=0.02)


def test_batch_norm_in_evaluation_is_that_of_a_batch_of_one() -> None:
    layer, maps = BatchNorm(3), torch.randn(4, 3, 5, 5)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    alone = torch.cat([layer(image[None]) for image in maps])
    torch.testing.assert_close(layer.eval()(maps), alone)


def test_instance_norm_has_no_weights_and_no_memory() -> None:
    layer = InstanceNorm(3)
    assert not layer.state_dict()
    maps = layer(5 + 3 * torch.randn(2, 3, 8, 8))
    torch.testing.assert_close(maps.mean(dim=(2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.var(dim=(2, 3), correction=0), torch.ones(2, 3), atol=1e-3, rtol=0)
