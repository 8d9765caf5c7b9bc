"""Translation of images of any size in tiles, without seams and with bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import at_least
from lightning_gans.core.images import Size, height_width
from lightning_gans.inference.tiled.statistics import (
    crop_core,
    fix_statistics,
    norm_layers,
    norms_in_call_order,
    restored_statistics,
)
from lightning_gans.inference.tiled.tiles import (
    Canvas,
    FeatureMapFile,
    ReflectPadded,
    Source,
    Tiles,
    blend_weights,
    every_other,
    round_up,
    tile_spans,
    window_spans,
)
from lightning_gans.networks.base import Stage, Translator

DEFAULT_TILE = 512
"""Side of a tile in pixels."""

MIN_TILE = 32
"""Smallest side of a tile in pixels, at which margins take as much space as the core."""

MOST_PADDING = 2**26
"""Largest number of pixels that padding may add, far more than for any photo."""

MIN_PIXELS = 64
"""Layers whose feature maps of a window have fewer pixels keep local statistics.

Normalized by their own statistics, few pixels cannot deviate far from their mean. Normalized by the statistics of all
windows some deviated further than the following layers had seen in training, which caused blots in images of the U-Net.
"""

Progress = Callable[[int, int], None]
"""Called with the number of finished steps and their total; a tile takes several steps."""


@torch.inference_mode()
def translate_picture(
    network: Translator, image: Tensor, size: Size, tile: int | None = None, progress: Progress | None = None
) -> Tensor:
    """Translate an image of any size with the memory that one tile needs.

    An image that fits into one tile is translated as a whole, as in evaluation. A larger one is cut into overlapping
    tiles, and every layer normalizes by the statistics of the whole image. A network that can be cut into stages, see
    :meth:`.Translator.stages`, then gives the same result as on the whole image, up to rounding; feature maps between
    stages are kept in a temporary file. Other networks, such as the U-Net, whose output pixels depend on all input
    pixels, run on windows of the size they were trained on, which overlap by half and are blended: there are no seams,
    but the result differs from that on the whole image. Sizes that the network does not accept are padded by
    reflection, and the result is cropped.

    Args:
        network: in evaluation mode, on any device.
        image: (C, H, W), uint8, or float in [-1, 1].
        size: (height, width) in pixels that the network was trained on, or one number for a square; others are not
            supported yet.
        tile: largest height and width of a tile, for a network with stages; None for 512 pixels, or ``size`` if that is
            larger.
        progress: called after each step.

    Returns:
        (C', H, W) on the CPU, of the image's type.

    Raises:
        ValueError: if the image has another number of channels, is so long and narrow that it would be mostly padding,
            or ``tile`` is not possible.
        OSError: if the temporary file cannot be written.
    """
    if image.ndim != 3 or image.shape[0] != network.channels_in or not image.numel():
        raise ValueError(f"image has shape {tuple(image.shape)}; expected ({network.channels_in}, H, W)")
    window = height_width(size)
    stages, tile = fixable_stages(network), tile_size(network, size, tile)
    multiple = stages[0].multiple if stages else 1
    # In a network with stages, feature maps of a single pixel would have no statistics and could not be reflected.
    least = (2 * multiple, 2 * multiple) if stages else window
    height, width = image.shape[1:]
    padded = round_up(max(height, least[0]), multiple), round_up(max(width, least[1]), multiple)
    if padded[0] * padded[1] - height * width > MOST_PADDING:
        short = least[0] if height < width else least[1]
        raise ValueError(
            f"image is {width} pixels wide and {height} high, which {type(network).__name__} pads to {padded[1]} x "
            f"{padded[0]}; expected sides of at least {short} pixels for an image of this length"
        )
    source, canvas = ReflectPadded(image, padded), Canvas(network.channels_out, padded, image.dtype)
    with restored_statistics(network):
        if max(padded) <= tile if stages else padded == window:
            whole = slice(padded[0]), slice(padded[1])
            canvas.write(*whole, network(source.read(*whole).to(device_of(network)))[0])
            if progress:
                progress(1, 1)
        elif stages:
            translate_in_stages(stages, source, canvas, tile, progress)
        else:
            translate_in_windows(network, source, canvas, window, progress)
    return canvas.pixels[:, :height, :width]


def fixable_stages(network: Translator) -> list[Stage]:
    """The stages of a network if the statistics that its layers need can all be fixed, else an empty list."""
    needed = [layer for layer in norm_layers(network) if layer.uses_input_statistics]
    return network.stages() if all(layer.supports_fixed_statistics for layer in needed) else []


def tile_size(network: Translator, size: Size, tile: int | None = None) -> int:
    """Largest height or width of what the network is run on at once.

    Args:
        network: the network.
        size: (height, width) in pixels that it was trained on, or one number for a square.
        tile: the requested size; None for the default.

    Raises:
        ValueError: if ``tile`` is too small, or the network has no stages and ``tile`` is not None.
    """
    height, width = height_width(size)
    longer = max(height, width)
    if not fixable_stages(network):
        if tile is not None:
            shape = longer if height == width else f"{height} x {width}"
            raise ValueError(
                f"tile is {tile}, but {type(network).__name__} runs on windows of {shape} pixels, its trained size; "
                "expected None"
            )
        return longer
    if tile is None:
        return max(DEFAULT_TILE, longer)
    at_least("tile", tile, MIN_TILE)
    return tile


def device_of(network: nn.Module) -> torch.device:
    """The device of a network's parameters."""
    return next(network.parameters()).device


class Steps:
    """Counts steps, and calls ``progress`` after each."""

    def __init__(self, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, 0, progress

    def __call__(self) -> None:
        """Count one finished step."""
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)


def fix_all_statistics(network: nn.Module, tiles: Tiles) -> int:
    """Fix the statistics of every layer to those over all tiles.

    Returns:
        The number of channels of the network's output.
    """
    layers, output = norms_in_call_order(network, tiles.first())
    for layer in layers:
        fix_statistics(network, layer, tiles)
    return output.shape[1]


def translate_in_stages(
    stages: list[Stage], source: Source, canvas: Canvas, tile_side: int, progress: Progress | None
) -> None:
    """Run one stage after the other, each on all tiles."""
    steps, plan = Steps(progress), []
    size, scale = source.size, Fraction(1)
    for stage in stages:
        margin = round_up(stage.margin, stage.multiple)
        most = max(int(tile_side * scale) // stage.multiple * stage.multiple, 2 * margin + stage.multiple)
        plan.append([tile_spans(side, most, margin, stage.multiple) for side in size])
        # One pass for the statistics of each layer, and one for the translation.
        passes = sum(layer.supports_fixed_statistics for layer in norm_layers(stage.module)) + 1
        steps.total += passes * len(plan[-1][0]) * len(plan[-1][1])
        size, scale = (int(size[0] * stage.scale), int(size[1] * stage.scale)), scale * stage.scale
    device = device_of(stages[0].module)
    with ExitStack() as files:
        for stage, (rows, columns) in zip(stages, plan, strict=True):
            tiles = Tiles(source, rows, columns, device, steps)
            channels = fix_all_statistics(stage.module, tiles)
            size = int(source.size[0] * stage.scale), int(source.size[1] * stage.scale)
            sink = canvas if stage is stages[-1] else files.enter_context(FeatureMapFile(channels, size))
            for place, (tile, core) in zip(tiles.places, tiles, strict=True):
                output = crop_core(stage.module(tile), tile.shape[2:], core)[0]
                top, left = (int(axis.core_start * stage.scale) for axis in place)
                sink.write(slice(top, top + output.shape[1]), slice(left, left + output.shape[2]), output)
            if isinstance(source, FeatureMapFile):
                source.close()
            if isinstance(sink, FeatureMapFile):
                source = sink


def translate_in_windows(
    network: Translator, source: Source, canvas: Canvas, window: tuple[int, int], progress: Progress | None
) -> None:
    """Run the network on overlapping windows (height, width), and blend them."""
    rows, columns = (window_spans(side, part) for side, part in zip(source.size, window, strict=True))
    device, steps = device_of(network), Steps(progress)
    # As many windows as fit into one tile.
    batch_size = max(1, DEFAULT_TILE // window[0]) * max(1, DEFAULT_TILE // window[1])
    # Every second window is enough to cover each pixel.
    covering = Tiles(source, every_other(rows), every_other(columns), device, steps, batch_size)
    tiles = Tiles(source, rows, columns, device, steps, batch_size)
    layers, _ = norms_in_call_order(network, tiles.first(), MIN_PIXELS)
    steps.total = len(layers) * len(covering) + len(tiles)
    for layer in layers:
        fix_statistics(network, layer, covering)
    outputs = (part.cpu().float() for batch, _ in tiles for part in network(batch))
    # A band as high as a window; rows that the next windows do not reach are finished.
    band = torch.zeros(network.channels_out, window[0], source.size[1])
    below = [*(row.start for row in rows[1:]), source.size[0]]
    for row, down, start in zip(rows, blend_weights(rows), below, strict=True):
        for column, across in zip(columns, blend_weights(columns), strict=True):
            band[:, :, column.start : column.stop] += next(outputs) * down[:, None] * across
        done = start - row.start
        canvas.write(slice(row.start, start), slice(0, source.size[1]), band[:, :done])
        band = torch.cat([band[:, done:], torch.zeros_like(band[:, :done])], dim=1)
    next(outputs, None)  # so that the last step is counted
