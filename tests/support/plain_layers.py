"""Networks with plain layers in place of UpsampleConv, and what is compared between the two."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.autograd import grad

from lightning_gans.networks.layers import UpsampleConv


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
