"""The base class of generators that map the latent vector to styles first, as StyleGAN does."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_gans.networks.base import Generator

PARTS = {"coarse": (0, 3), "middle": (1, 3), "fine": (2, 3)}
"""Thirds of the layers that are given a w, from those of the smallest feature maps on."""


def part_of_layers(part: str, count: int) -> list[int]:
    """Return the numbers of the layers of one of :data:`PARTS`.

    Args:
        part: "coarse", "middle" or "fine".
        count: number of all layers.

    Raises:
        ValueError: if there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"layers is {part!r}; expected one of {', '.join(PARTS)}")
    place, of = PARTS[part]
    return list(range(round(count * place / of), round(count * (place + 1) / of)))


def check_layers(layers: Sequence[int], count: int) -> list[int]:
    """Return the numbers of layers in order, each once.

    Args:
        layers: the numbers, from 0.
        count: number of all layers.

    Raises:
        ValueError: if there are none, or not all are layers.
    """
    found = sorted(set(layers))
    if not found or not 0 <= found[0] <= found[-1] < count:
        raise ValueError(f"layers is {list(layers)}; expected numbers from 0 to {count - 1}")
    return found


def mix_styles(rows: Tensor, columns: Tensor, layers: Sequence[int]) -> Tensor:
    """Return the styles of each row with those of each column in some layers (Karras et al., 2019, figure 3).

    Args:
        rows: w of each layer (R, L, style_dim).
        columns: w of each layer (C, L, style_dim).
        layers: numbers of the layers that are given the w of the column, from 0.

    Returns:
        Styles (R, C, L, style_dim).

    Raises:
        ValueError: if there are none, or not all are layers.
    """
    mixed = rows[:, None].repeat(1, len(columns), 1, 1)
    chosen = check_layers(layers, rows.shape[1])
    mixed[:, :, chosen] = columns[:, chosen]
    return mixed


class StyleGenerator(Generator):
    r"""Base class of generators with a mapping network from z to w, whose layers are each given a w.

    Truncation towards the mean, style mixing, directions and projection work with any such generator.

    Attributes:
        style_mean: running mean (style_dim,) of w in training, :math:`\bar w`.
        style_layers: number L of layers that are given a w, those of the smallest feature map first.
    """

    style_mean: Tensor
    style_layers: int

    @abstractmethod
    def map_latent(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return w of each layer, (N, L, style_dim); in evaluation mode that of all layers of an image is the same.

        Args:
            latent: z (N, latent_dim).
            labels: as in :meth:`.Generator.forward`.
        """

    @abstractmethod
    def synthesize(self, styles: Tensor) -> Tensor:
        """Return images (N, channels, height, width), in evaluation mode in [-1, 1].

        Args:
            styles: w of each layer, (N, L, style_dim). What labels decide is part of it.
        """

    def styles(self, latent: Tensor, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        r"""Return w of each layer, (N, L, style_dim), moved towards the mean of w.

        Args:
            latent: z (N, latent_dim).
            labels: as in :meth:`.Generator.forward`.
            truncation: :math:`\psi`, see :meth:`truncate`.
        """
        return self.truncate(self.map_latent(latent, labels), truncation)

    def truncate(self, styles: Tensor, truncation: float) -> Tensor:
        r"""Return :math:`\bar w + \psi (w - \bar w)` (Karras et al., 2019, appendix B).

        Args:
            styles: w, of any shape that ends in style_dim.
            truncation: :math:`\psi`: 1 for ``styles`` themselves, 0 for the mean.
        """
        return styles if truncation == 1 else torch.lerp(self.style_mean, styles, truncation)
