"""Normalisation of a picture that goes through a network in tiles: by the statistics of the whole."""

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
    """Mean and variance of each channel over maps that come one after the other, in double precision.

    Each part's own mean and sum of squared deviations are combined (Chan, Golub and LeVeque, 1983), so that nothing
    cancels out as it would between sums of squares.

    Attributes:
        count: pixels so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros((), dtype=torch.float64)
        self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, maps: Tensor) -> None:
        """Take in maps (N, C, H, W)."""
        parts = torch.var_mean(maps.float(), dim=(0, 2, 3), correction=0)
        var, mean = (part.cpu().double() for part in parts)
        count = maps.numel() // maps.shape[1]
        total = self.count + count
        apart = mean - self._mean
        self._squares = self._squares + count * var + apart.square() * (self.count * count / total)
        self._mean = self._mean + apart * (count / total)
        self.count = total

    @property
    def mean(self) -> Tensor:
        """Of each channel, (C,) float64."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """Of each channel, (C,) float64: of these pixels, not an estimate beyond them."""
        return self._squares / self.count


class _Reached(Exception):  # noqa: N818 (it says what has happened)
    """The layer is reached, and what comes after it is not needed."""


def norms_in(network: nn.Module) -> list[Norm]:
    """The layers that normalise."""
    return [layer for layer in network.modules() if isinstance(layer, Norm)]


def passed_by(network: nn.Module, tile: Tensor, least: int = 1) -> tuple[list[Norm], Tensor]:
    """The fixable layers in the order in which a tile (N, C, H, W) passes them, and what is made of it.

    Args:
        network: what it goes through.
        tile: any.
        least: leave out layers whose maps have fewer pixels.
    """
    passed: list[Norm] = []

    def note(layer: Norm, given: tuple[Any, ...]) -> None:
        if layer.supports_fixed_statistics and given[0][0, 0].numel() >= least:
            passed.append(layer)

    hooks = [layer.register_forward_pre_hook(note) for layer in norms_in(network)]
    try:
        made: Tensor = network(tile)
    finally:
        for hook in hooks:
            hook.remove()
    return passed, made


def freeze(network: nn.Module, layer: Norm, tiles: Iterable[tuple[Tensor, Box]]) -> None:
    """Let a layer take the statistics of all that it is given, over all tiles, from now on.

    What a layer is given depends on those before it: they come first. Nothing less than one pass for each layer will
    do. To take statistics of all layers in each pass and to begin again with these until they no longer move looks
    faster, but errors grow from layer to layer: in a trained CycleGAN they became a hundred standard deviations and
    vanished only when all layers had had their pass (``docs/using.md``).

    Args:
        network: what the tiles go through, as far as the layer.
        layer: one that is :attr:`~lightning_gans.networks.layers.Norm.supports_fixed_statistics`, in evaluation mode.
        tiles: each (1, C, H, W), with the part of it that counts, whose edges lie between two pixels of the layer's
            maps too.
    """
    moments = Moments()
    part: tuple[torch.Size, Box] = torch.Size(), (slice(0), slice(0))

    def collect(_: nn.Module, given: tuple[Any, ...]) -> None:
        moments.add(scaled(given[0], *part))
        raise _Reached

    hook = layer.register_forward_pre_hook(collect)
    try:
        for tile, own in tiles:
            part = tile.shape[2:], own
            try:
                network(tile)
            except _Reached:
                continue
    finally:
        hook.remove()
    like = next(network.parameters())
    layer.fixed_statistics = moments.mean.to(like), moments.variance.to(like)


def scaled(maps: Tensor, sides: torch.Size, own: Box) -> Tensor:
    """The part of maps (N, C, H, W) that belongs to part ``own`` of what they were made of, which has these sides."""
    rows, columns = (
        slice(part.start * side // whole, part.stop * side // whole)
        for part, side, whole in zip(own, maps.shape[2:], sides, strict=True)
    )
    return maps[:, :, rows, columns]


@contextmanager
def thawed_in_the_end(network: nn.Module) -> Iterator[None]:
    """Let all layers go back to the statistics of what they are given."""
    try:
        yield
    finally:
        for layer in norms_in(network):
            layer.fixed_statistics = None
