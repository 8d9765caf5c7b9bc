"""Images of more than 8 bits per channel, which Pillow's own images have no modes for, except in gray."""

from __future__ import annotations

import io
import struct
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lightning_gans.core.image_metadata import Stripped
from lightning_gans.core.images import has_alpha
from lightning_gans.core.tiff_samples import SampleLayout, read_samples, sample_layout

TOP = 2**16 - 1
"""Largest level."""

LUMA = np.array([19595, 38470, 7471], np.int64)
"""Weights of red, green and blue in gray (ITU-R BT.601), in units of 2^-16, as in Pillow."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of an image."""


class DeepImage(NamedTuple):
    """An image of 16 bits per channel.

    Attributes:
        levels: (height, width, channels) uint16, 1 channel for gray, 2 for gray and alpha, 3 for RGB, 4 for RGB and
            alpha.
    """

    levels: NDArray[np.uint16]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.levels.shape[1], self.levels.shape[0]

    def columns(self, first: int, stop: int) -> DeepImage:
        """The part with the columns from ``first`` up to ``stop``."""
        return DeepImage(self.levels[:, first:stop])

    def turned(self, orientation: int) -> DeepImage:
        """The image as it is to be seen; the orientation is 1 to 8 as in EXIF."""
        levels = self.levels.swapaxes(0, 1) if orientation >= 5 else self.levels
        levels = levels[:, ::-1] if orientation in (2, 3, 6, 7) else levels
        return DeepImage(levels[::-1] if orientation in (3, 4, 7, 8) else levels)

    def converted(self, channels: int) -> DeepImage:
        """The image with other channels, 1 to 4; without alpha it is composited on white."""
        colors = self.levels
        alpha: NDArray[np.uint16] | None = None
        if has_alpha(colors.shape[2]):
            colors, alpha = colors[:, :, :-1], colors[:, :, -1:]
        if not has_alpha(channels) and alpha is not None:
            opaque = colors.astype(np.int64) * alpha + TOP * (TOP - alpha.astype(np.int64))
            colors = ((opaque + TOP // 2) // TOP).astype(np.uint16)
        if channels < 3 and colors.shape[2] == 3:
            colors = ((colors @ LUMA + 2**15) >> 16).astype(np.uint16)[:, :, None]
        elif channels >= 3:
            colors = np.broadcast_to(colors, (*colors.shape[:2], 3))
        if has_alpha(channels):
            alpha = np.full((*colors.shape[:2], 1), TOP, np.uint16) if alpha is None else alpha
            colors = np.concatenate([colors, alpha], axis=2)
        return DeepImage(colors)

    def resized(self, channels: int, size: tuple[int, int], box: Box) -> Tensor:
        """Cut and resize (bicubic, antialiased), as images of 8 bits are.

        Args:
            channels: 1 to 4. What is fully transparent becomes black.
            size: (height, width) of the result.
            box: the part to take.

        Returns:
            Pixels (channels, height, width) uint16.
        """
        levels = self.converted(channels).levels
        if not has_alpha(channels):
            return resized_levels(levels, size, box)
        # Multiplied by alpha, so that colors of what is transparent do not bleed.
        alpha = levels[:, :, -1] / np.float32(TOP)
        colors = [resized_plane(levels[:, :, each] * alpha, size, box) for each in range(channels - 1)]
        alpha = resized_plane(alpha, size, box).clip(0, 1)
        shown = alpha > 0.5 / TOP
        colors = [np.divide(each, alpha, out=np.zeros_like(alpha), where=shown) for each in colors]
        planes = [*colors, np.where(shown, alpha * TOP, 0)]
        return torch.from_numpy(np.stack(planes).round().clip(0, TOP).astype(np.uint16))


def resized_levels(levels: NDArray[np.uint16], size: tuple[int, int], box: Box) -> Tensor:
    """Cut and resize each channel of levels (H, W, C) on its own, to (C, height, width) uint16."""
    planes = [resized_plane(levels[:, :, channel], size, box) for channel in range(levels.shape[2])]
    return torch.from_numpy(np.stack(planes))


def resized_plane(values: NDArray[Any], size: tuple[int, int], box: Box) -> NDArray[Any]:
    """Cut and resize one channel (H, W), uint16 or float32, to (height, width)."""
    image = Image.fromarray(np.ascontiguousarray(values))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC, box))


def read_deep(file: Image.Image, stripped: Stripped) -> NDArray[np.uint16] | None:
    """The levels (height, width, channels) of an image of more than 8 bits, as they are in the file, not turned.

    Args:
        file: the opened file.
        stripped: its content.

    Returns:
        None if they are not read with more than 8 bits.

    Raises:
        ValueError: if the file is damaged.
        Exception: any error of Pillow, if the file is damaged.
    """
    if file.mode.startswith("I"):
        return read_gray(file, stripped)
    if file.format == "PNG":
        return read_color_png(stripped.content)
    layout = sample_layout(stripped.content) if file.format == "TIFF" else None
    return read_color_tiff(stripped.content, layout) if layout is not None and layout.is_deep_color else None


def read_gray(file: Image.Image, stripped: Stripped) -> NDArray[np.uint16]:
    """Gray levels, those of 12 bits scaled to 16, and the alpha channel of a transparent value."""
    values, top = np.asarray(file).astype(np.int64), top_level(file)
    scaled = (((top - values if stripped.negative else values) * TOP + top // 2) // top).astype(np.uint16)
    if stripped.transparent is None:
        return scaled[:, :, None]
    alpha = np.where(values == stripped.transparent, 0, TOP).astype(np.uint16)
    return np.stack([scaled, alpha], axis=2)


def top_level(file: Image.Image) -> int:
    """The largest gray level of an image of 12 or 16 bits."""
    if file.format == "TIFF" and file.tag_v2.get(258) in (12, (12,)):  # type: ignore[attr-defined]  # of its class
        return 2**12 - 1
    return TOP


def read_color_png(content: bytes) -> NDArray[np.uint16]:
    """The levels of a PNG file of 16 bits in color, or with alpha, and the alpha channel of a transparent color."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as file:
        raw_mode = str(file.tile[0].args)
    if raw_mode == "LA;16B":
        # Four bytes per pixel: these are both bytes of gray, and both of alpha.
        pixels = decode_png(content, "RGBA").astype(np.uint16)
        high, low = pixels[:, :, 0::2], pixels[:, :, 1::2]
    else:
        # Pillow keeps one of both bytes: the first one, or, of little-endian samples, the second one.
        high = decode_png(content, raw_mode).astype(np.uint16)
        low = decode_png(content, f"{raw_mode[:-1]}L").astype(np.uint16)
    levels = high << np.uint16(8) | low
    place = content.find(b"tRNS", 33)  # the only chunk beside the critical ones, and before the pixels
    if levels.shape[2] != 3 or not 33 <= place < content.find(b"IDAT", 33):
        return levels
    clear = np.array(struct.unpack_from(">3H", content, place + 4), np.uint16)
    alpha = np.where((levels == clear).all(axis=2, keepdims=True), 0, TOP).astype(np.uint16)
    return np.concatenate([levels, alpha], axis=2)


def decode_png(content: bytes, raw_mode: str) -> NDArray[np.uint8]:
    """The pixels (height, width, channels) of a PNG file whose samples are taken as those of a raw mode of Pillow."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as file:
        file.tile = [file.tile[0]._replace(args=raw_mode)]
        return np.asarray(file)


def read_color_tiff(content: bytes, layout: SampleLayout) -> NDArray[np.uint16]:
    """The levels of a TIFF file of 16 bits in RGB, or with alpha."""
    levels: NDArray[np.uint16] = read_samples(content, layout)
    if not has_alpha(layout.samples):
        return levels
    if not layout.alpha:
        return np.ascontiguousarray(levels[:, :, :-1])
    if layout.premultiplied:
        alpha = levels[:, :, -1:].astype(np.int64)
        colors = (levels[:, :, :-1] * np.int64(TOP) + alpha // 2) // np.maximum(alpha, 1)
        levels = np.concatenate([colors.clip(0, TOP).astype(np.uint16), levels[:, :, -1:]], axis=2)
    return levels
