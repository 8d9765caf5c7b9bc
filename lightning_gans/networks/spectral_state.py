"""Spectral normalization in the state of a network, which has a weight and two singular vectors for each such layer.

A trained generator that was normalized by :class:`.SpectralNorm` is used without it: its layers then have the weights
that normalization computed from these tensors in evaluation mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

SPECTRAL = re.compile(r"(?:(?P<layer>.*)\.)?parametrizations\.(?P<tensor>\w+)\.(?P<part>original|0\._u|0\._v)")
"""Names of the tensors of spectral normalization in the state of a network."""


def vectors_fit(layer: nn.Module, weight: Tensor, left: Tensor, right: Tensor) -> bool:
    """Whether two tensors may be singular vectors of the weight of a layer."""
    if not weight.is_floating_point() or not weight.dtype == left.dtype == right.dtype or weight.ndim < 2:
        return False
    rows = weight.shape[1 if isinstance(layer, nn.ConvTranspose2d) else 0]
    return left.shape == (rows,) and right.shape == (weight.numel() // max(1, rows),)


def singular_value(layer: nn.Module, weight: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """The largest singular value of the weight of a layer by its singular vectors, a scalar.

    Args:
        layer: the layer; the weight of a transposed convolution has one column for each output channel.
        weight: (M, ...).
        left: the left singular vector, with one entry for each output channel.
        right: the right one.
    """
    matrix = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
    return torch.dot(left, matrix.reshape(len(left), -1) @ right)


def plain_state(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network from that of one whose layers are normalized where its own are not.

    All other entries are returned as they are, among them those whose vectors do not fit their weight.

    Args:
        network: the network that will load the state.
        state: of the trained network.
    """
    plain, layers = dict(state), dict(network.named_modules())
    for name in state:
        match = SPECTRAL.fullmatch(name)
        layer = None if match is None else layers.get(match["layer"] or "")
        if match is None or layer is None or match["part"] != "original":
            continue
        tensor, stem = match["tensor"], name.removesuffix("original")
        parts = [state.get(f"{stem}{part}") for part in ("original", "0._u", "0._v")]
        if parametrize.is_parametrized(layer, tensor) or not all(isinstance(part, Tensor) for part in parts):
            continue
        weight, left, right = (part for part in parts if part is not None)
        if vectors_fit(layer, weight, left, right):
            for part in ("original", "0._u", "0._v"):
                del plain[f"{stem}{part}"]
            plain[f"{match['layer']}.{tensor}" if match["layer"] else tensor] = weight / singular_value(
                layer, weight, left, right
            )
    return plain
