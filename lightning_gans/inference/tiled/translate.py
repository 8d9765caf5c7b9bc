"""Pictures of any size through a translator, in tiles that leave no seam and bound the memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError, at_least
from lightning_gans.inference.tiled.grid import Tiles, every_other, shares, spans, up_to_multiple, windows
from lightning_gans.inference.tiled.statistics import freeze, norms_in, passed_by, scaled, thawed_in_the_end
from lightning_gans.inference.tiled.storage import Canvas, Mirrored, Parked, Source
from lightning_gans.networks.base import Stage, Translator

TILE = 512
"""Pixels of a tile's side, where it is left open."""

LEAST = 32
"""The smallest tile's side, whose margins are already as large as what is left of it."""

FEW = 64
"""Pixels of a window's maps below which they keep their own statistics.

Normalised among few pixels, none can be far from the rest; by the statistics of all windows some were, further than the
layers behind had ever seen, and the U-Net's pictures had blots there.
"""

Progress = Callable[[int, int], None]
"""Told how many steps are done, and how many there will be; every tile takes several."""


@torch.inference_mode()
def translate_picture(
    network: Translator, picture: Tensor, size: int, tile: int | None = None, progress: Progress | None = None
) -> Tensor:
    """A picture of any size, translated with the memory that a tile takes.

    What fits into one tile is run whole, as in evaluation. A larger picture is cut into tiles that overlap, and every
    layer normalises by the statistics of the whole picture. Then a network that says how it can be cut, by
    :meth:`.Translator.stages`, makes what it would make of the whole, up to the rounding of floats; maps between stages
    lie in a temporary file. One that cannot, such as the U-Net, whose pixels each depend on all others, is run on
    windows of the size it was trained on, which overlap by half and are blended: no seam shows, but there is no whole
    that the result could be equal to. Sides that the network does not take are reflected up to the next that it does,
    and cut off in the end.

    Args:
        network: in evaluation mode, on any device.
        picture: (C, H, W), uint8, or float in [-1, 1].
        size: height and width in pixels that the network was trained on.
        tile: largest height and width of what is run at once, of a network that can be cut (default: 512 pixels, or
            ``size`` where that is more).
        progress: called after each step.

    Returns:
        (C', H, W) on the CPU, of the picture's type.

    Raises:
        InputError: if the picture has other channels, or ``tile`` cannot be had.
        OSError: if the temporary file cannot be written.
    """
    if picture.ndim != 3 or picture.shape[0] != network.channels_in or not picture.numel():
        raise InputError(f"the picture is {tuple(picture.shape)}; expected ({network.channels_in}, H, W)")
    stages, at_once = stages_of(network), tile_of(network, size, tile)
    multiple = stages[0].multiple if stages else 1
    # Of a network that is cut, maps of a single pixel would have neither statistics nor anything to reflect.
    least = 2 * multiple if stages else size
    height, width = picture.shape[1:]
    sides = up_to_multiple(max(height, least), multiple), up_to_multiple(max(width, least), multiple)
    source, canvas = Mirrored(picture, sides), Canvas(network.channels_out, sides, picture.dtype)
    with thawed_in_the_end(network):
        if max(sides) <= at_once:
            whole = slice(sides[0]), slice(sides[1])
            canvas.write(*whole, network(source.read(*whole).to(device_of(network)))[0])
            if progress:
                progress(1, 1)
        elif stages:
            in_stages(stages, source, canvas, at_once, progress)
        else:
            in_windows(network, source, canvas, size, progress)
    return canvas.pixels[:, :height, :width]


def stages_of(network: Translator) -> list[Stage]:
    """The stages of a network in which the statistics of all layers can be fixed; none of others."""
    return network.stages() if all(layer.supports_fixed_statistics for layer in norms_in(network)) else []


def tile_of(network: Translator, size: int, tile: int | None = None) -> int:
    """The largest height and width of what is run at once.

    Args:
        network: the network.
        size: height and width in pixels that it was trained on.
        tile: what the user asks for.

    Raises:
        InputError: if that cannot be had.
    """
    if not stages_of(network):
        if tile is not None:
            raise InputError(
                f"the tile is {tile}, but {type(network).__name__} works in windows of the {size} pixels that it was "
                "trained on; expected none"
            )
        return size
    if tile is None:
        return max(TILE, size)
    at_least("the tile", tile, LEAST)
    return tile


def device_of(network: nn.Module) -> torch.device:
    """Where a network is."""
    return next(network.parameters()).device


class Steps:
    """Counts steps, and tells of them."""

    def __init__(self, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, 0, progress

    def __call__(self) -> None:
        """One more is done."""
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)


def freeze_all(network: nn.Module, tiles: Tiles) -> int:
    """Let every layer normalise by the statistics of all tiles.

    Returns:
        Channels of what the network makes of a tile.
    """
    layers, made = passed_by(network, tiles.first())
    for layer in layers:
        freeze(network, layer, tiles)
    return made.shape[1]


def in_stages(stages: list[Stage], source: Source, canvas: Canvas, at_once: int, progress: Progress | None) -> None:
    """Translate in tiles, one stage after the other."""
    steps, plan = Steps(progress), []
    sides, shrunk = source.sides, Fraction(1)
    for stage in stages:
        margin = up_to_multiple(stage.margin, stage.multiple)
        most = max(int(at_once * shrunk) // stage.multiple * stage.multiple, 2 * margin + stage.multiple)
        plan.append([spans(side, most, margin, stage.multiple) for side in sides])
        # Once for each layer whose statistics are to be found, and once to be translated.
        steps.total += (len(norms_in(stage.module)) + 1) * len(plan[-1][0]) * len(plan[-1][1])
        sides, shrunk = (int(sides[0] * stage.scale), int(sides[1] * stage.scale)), shrunk * stage.scale
    device = device_of(stages[0].module)
    with ExitStack() as files:
        for stage, (rows, columns) in zip(stages, plan, strict=True):
            tiles = Tiles(source, rows, columns, device, steps)
            channels = freeze_all(stage.module, tiles)
            sides = int(source.sides[0] * stage.scale), int(source.sides[1] * stage.scale)
            sink = canvas if stage is stages[-1] else files.enter_context(Parked(channels, sides))
            for place, (tile, own) in zip(tiles.places, tiles, strict=True):
                made = scaled(stage.module(tile), tile.shape[2:], own)[0]
                top, left = (int(axis.own_start * stage.scale) for axis in place)
                sink.write(slice(top, top + made.shape[1]), slice(left, left + made.shape[2]), made)
            if isinstance(source, Parked):
                source.close()
            if isinstance(sink, Parked):
                source = sink


def in_windows(network: Translator, source: Source, canvas: Canvas, size: int, progress: Progress | None) -> None:
    """Translate in windows that are blended."""
    rows, columns = (windows(side, size) for side in source.sides)
    device, steps = device_of(network), Steps(progress)
    together = max(1, (TILE // size) ** 2)  # as many as take no more than a tile
    # Every other window sees each pixel at least once.
    seen = Tiles(source, every_other(rows), every_other(columns), device, steps, together)
    tiles = Tiles(source, rows, columns, device, steps, together)
    layers, _ = passed_by(network, tiles.first(), FEW)
    steps.total = len(layers) * len(seen) + len(tiles)
    for layer in layers:
        freeze(network, layer, seen)
    made = (part.cpu().float() for batch, _ in tiles for part in network(batch))
    # As high as a window; what no window below reaches is done.
    band = torch.zeros(network.channels_out, size, source.sides[1])
    below = [*(row.start for row in rows[1:]), source.sides[0]]
    for row, down, start in zip(rows, shares(rows), below, strict=True):
        for column, across in zip(columns, shares(columns), strict=True):
            band[:, :, column.start : column.stop] += next(made) * down[:, None] * across
        done = start - row.start
        canvas.write(slice(row.start, start), slice(0, source.sides[1]), band[:, :done])
        band = torch.cat([band[:, done:], torch.zeros_like(band[:, :done])], dim=1)
    next(made, None)  # the last step is told of too
