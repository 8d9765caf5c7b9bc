"""The state of a foreign network, from which tensors are taken one after the other, so that none is overlooked."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lightning_gans.core.arguments import short_text

WRAPPERS = ("module.", "_orig_mod.")
"""What data-parallel and compiled networks put in front of all names."""

SPECTRAL = (
    ("weight_orig", "weight_u", "weight_v"),
    ("parametrizations.weight.original", "parametrizations.weight.0._u", "parametrizations.weight.0._v"),
)
"""Names of a weight with spectral normalization and of its singular vectors, in PyTorch's older and newer form."""


class State:
    """The tensors of a network by name.

    Args:
        tensors: the state of the network; the prefixes of data-parallel and compiled networks are left out.

    Attributes:
        left: tensors that have not been taken.
        spectral: number of weights whose spectral normalization was computed.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.left = dict(tensors)
        self.spectral = 0
        for prefix in WRAPPERS:
            if all(name.startswith(prefix) for name in self.left):
                self.left = {name.removeprefix(prefix): value for name, value in self.left.items()}

    def has(self, name: str) -> bool:
        """Whether a tensor is left."""
        return name in self.left

    def has_part(self, prefix: str) -> bool:
        """Whether a tensor is left whose name begins with a prefix."""
        return any(name.startswith(prefix) for name in self.left)

    def weight_shape(self, layer: str) -> tuple[int, ...]:
        """The shape of the weight of a convolution.

        Raises:
            ValueError: if there is none, or it is not that of a convolution.
        """
        for name in ("weight", *(names[0] for names in SPECTRAL)):
            if self.has(f"{layer}.{name}"):
                shape = tuple(self.left[f"{layer}.{name}"].shape)
                if len(shape) != 4 or 0 in shape:
                    raise ValueError(f"{layer}.{name} has shape {shape}; expected that of a convolution")
                return shape
        raise ValueError(f"{layer}.weight is missing")

    def take(self, name: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """Take a tensor as float32.

        Args:
            name: of the tensor.
            shape: that it must have; None for any.

        Raises:
            ValueError: if it is missing, or has another shape or type.
        """
        if name not in self.left:
            raise ValueError(f"{name} is missing")
        value = self.left.pop(name)
        if shape is not None and tuple(value.shape) != shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}; expected {shape}")
        if not value.is_floating_point():
            raise ValueError(f"{name} has type {value.dtype}; expected numbers with a fraction")
        return value.detach().float()

    def drop(self, name: str) -> bool:
        """Take a tensor that is not used; returns whether it was there."""
        return self.left.pop(name, None) is not None

    def take_weight(self, layer: str, shape: tuple[int, ...], transposed: bool) -> Tensor:
        """Take the weight of a convolution; with spectral normalization, the weight divided by its singular value.

        Args:
            layer: name of the layer.
            shape: that the weight must have.
            transposed: whether the layer is a transposed convolution, whose output channels are the second axis.

        Raises:
            ValueError: if it is missing or has another shape.
        """
        for original, left, right in SPECTRAL:
            if not self.has(f"{layer}.{original}"):
                continue
            weight = self.take(f"{layer}.{original}", shape)
            rows = (weight.transpose(0, 1) if transposed else weight).flatten(1)
            u = self.take(f"{layer}.{left}", (rows.shape[0],))
            v = self.take(f"{layer}.{right}", (rows.shape[1],))
            sigma = torch.dot(u, rows @ v)
            if not sigma > 0:
                raise ValueError(f"{layer} has singular vectors that do not fit its weight")
            self.drop(f"{layer}.weight")  # the older form may have the result of the last step as well
            self.spectral += 1
            return weight / sigma
        return self.take(f"{layer}.weight", shape)

    def check_all_taken(self, network: str) -> None:
        """Check that no tensor is left.

        Args:
            network: name of the network, for the message.

        Raises:
            ValueError: if one is.
        """
        if self.left:
            raise ValueError(f"{short_text(next(iter(self.left)))[1:-1]} is no tensor of {network}")
