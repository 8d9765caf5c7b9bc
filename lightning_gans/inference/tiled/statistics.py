"""Normalization of tiles by the statistics of the whole image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.networks.layers import Norm

Box = tuple[slice, slice]
"""Rows and columns."""


class Moments:
    """Running mean and variance of each channel over feature maps, in double precision.

    The mean and the sum of squared deviations of each part are combined (Chan, Golub and LeVeque, 1983), which avoids
    the cancellation between sums of squares.

    Attributes:
        count: number of pixels so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros((), dtype=torch.float64)
        self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, maps: Tensor) -> None:
        """Add feature maps (N, C, H, W)."""
        parts = torch.var_mean(maps.float(), dim=(0, 2, 3), correction=0)
        var, mean = (part.cpu().double() for part in parts)
        count = maps.numel() // maps.shape[1]
        total = self.count + count
        delta = mean - self._mean
        self._squares = self._squares + count * var + delta.square() * (self.count * count / total)
        self._mean = self._mean + delta * (count / total)
        self.count = total

    @property
    def mean(self) -> Tensor:
        """Mean of each channel, (C,) float64."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """Biased variance of each channel, (C,) float64."""
        return self._squares / self.count


class _LayerReached(Exception):  # noqa: N818 (control flow, not an error)
    """Ends a forward pass at the layer whose input is needed."""


def norm_layers(network: nn.Module) -> list[Norm]:
    """The normalization layers of a network."""
    return [layer for layer in network.modules() if isinstance(layer, Norm)]


def norms_in_call_order(network: nn.Module, tile: Tensor, min_pixels: int = 1) -> tuple[list[Norm], Tensor]:
    """The layers that support fixed statistics, in the order in which they are called.

    Args:
        network: the network.
        tile: any tile (N, C, H, W).
        min_pixels: skip layers whose feature maps have fewer pixels.

    Returns:
        The layers, and the network's output for the tile.
    """
    called: list[Norm] = []

    def note(layer: Norm, given: tuple[Any, ...]) -> None:
        if layer.supports_fixed_statistics and given[0][0, 0].numel() >= min_pixels:
            called.append(layer)

    hooks = [layer.register_forward_pre_hook(note) for layer in norm_layers(network)]
    try:
        output: Tensor = network(tile)
    finally:
        for hook in hooks:
            hook.remove()
    return called, output


def fix_statistics(network: nn.Module, layer: Norm, tiles: Iterable[tuple[Tensor, Box]]) -> None:
    """Fix a layer's statistics to those of its input over all tiles.

    A layer's input depends on the layers before it, whose statistics have to be fixed first, so each layer needs a pass
    of its own. Collecting the statistics of all layers in one pass and iterating until they converge is not faster:
    errors grow from layer to layer. In a trained CycleGAN they reached a hundred standard deviations, and vanished only
    after as many passes as there are layers (``docs/translate.md``).

    Args:
        network: the network or stage that contains the layer.
        layer: a layer with :attr:`~lightning_gans.networks.layers.Norm.supports_fixed_statistics`, in evaluation mode.
        tiles: tiles (1, C, H, W) with their cores, whose edges must lie between two pixels of the layer's feature maps
            too.
    """
    moments = Moments()
    part: tuple[torch.Size, Box] = torch.Size(), (slice(0), slice(0))

    def collect(_: nn.Module, given: tuple[Any, ...]) -> None:
        moments.add(crop_core(given[0], *part))
        raise _LayerReached

    hook = layer.register_forward_pre_hook(collect)
    try:
        for tile, core in tiles:
            part = tile.shape[2:], core
            try:
                network(tile)
            except _LayerReached:
                continue
    finally:
        hook.remove()
    like = next(network.parameters())
    layer.fixed_statistics = moments.mean.to(like), moments.variance.to(like)


def crop_core(maps: Tensor, size: torch.Size, core: Box) -> Tensor:
    """The part of feature maps (N, C, H, W) that corresponds to the core of a tile of ``size`` (height, width)."""
    rows, columns = (
        slice(part.start * side // whole, part.stop * side // whole)
        for part, side, whole in zip(core, maps.shape[2:], size, strict=True)
    )
    return maps[:, :, rows, columns]


@contextmanager
def restored_statistics(network: nn.Module) -> Iterator[None]:
    """Context manager that removes fixed statistics from all layers at its end."""
    try:
        yield
    finally:
        for layer in norm_layers(network):
            layer.fixed_statistics = None
