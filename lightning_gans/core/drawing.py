"""Drawing of images: grids with titles, animations and videos.

Images of 1 channel are drawn in gray, of 3 in color. The last of 2 or 4 channels is alpha: single images keep it in
their files, grids and animations show them on white. Of images with more channels all are drawn, each in gray, side by
side in rows of about the square root of their number; files of single ones are ``.npy`` files, as
:func:`.array_files.read_array` reads them.

Imports neither Lightning nor torchvision, because commands that only use a trained model write images too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from colorsys import hsv_to_rgb
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from lightning_gans.core.images import on_white

BORDER = 2
"""Pixels around each image of a grid."""

GAP = 10
"""Further pixels between the groups of a grid's columns."""

COLUMNS = 8
"""Largest number of images in a row, unless another is chosen."""

LEAST_WIDTH = 512
"""Least width in pixels of what is enlarged by default."""

MOST_HEIGHT = 8192
"""A grid is enlarged by default only as far as it is not higher than this."""

EMPTY = 128
"""Gray level of a place in a grid without an image: a black one would pass for an image."""

FONT_SIZES = range(20, 8, -1)
"""Sizes of titles in pixels, the preferred one first."""


MOST_CHANNELS = 4
"""Largest number of channels of an image that is one picture."""


def is_picture(size: tuple[int, int]) -> bool:
    """Whether images of a size, (height, width), are drawn; those of a single pixel are points in the plane."""
    return size != (1, 1)


def one_picture(images: Tensor) -> Tensor:
    """Put the channels of images beside each other if there are too many for one picture.

    Args:
        images: (N, C, H, W) uint8.

    Returns:
        ``images`` if C is at most 4; else (N, 1, h * H, w * W) uint8, where w is the square root of C, rounded up.
    """
    count, channels, height, width = images.shape
    if channels <= MOST_CHANNELS:
        return images
    columns = math.ceil(math.sqrt(channels))
    rows = math.ceil(channels / columns)
    tiles = images.new_full((count, rows * columns, height, width), EMPTY)
    tiles[:, :channels] = images
    tiles = tiles.view(count, rows, columns, height, width).transpose(2, 3)
    return tiles.reshape(count, 1, rows * height, columns * width)


def mixed_colors(images: Tensor) -> Tensor:
    """Draw each of many channels in a color of its own, as the classes of a label map.

    Args:
        images: (N, C, H, W) uint8.

    Returns:
        ``images`` if C is at most 4; else RGB images (N, 3, H, W) uint8, the mean of the channels' colors with the
        channels as weights, and black where all are 0.
    """
    channels = images.shape[1]
    if channels <= MOST_CHANNELS:
        return images
    # Hues that differ by the golden ratio are far from each other, whatever their number.
    hues = [(number * (5**0.5 - 1) / 2) % 1 for number in range(channels)]
    colors = torch.tensor([hsv_to_rgb(hue, 0.6, 1 - 0.4 * (number % 2)) for number, hue in enumerate(hues)])
    weights = images.float()
    mixed = torch.einsum("nchw,ck->nkhw", weights, colors) / weights.sum(dim=1, keepdim=True).clamp(min=1)
    return mixed.mul(255).round().to(torch.uint8)


def to_pil(image: Tensor) -> Image.Image:
    """Convert one uint8 image (C, H, W) to a Pillow image, with alpha if C is 2 or 4; see :func:`one_picture`."""
    pixels = one_picture(image[None])[0].permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def write_image(image: Tensor, stem: Path) -> None:
    """Write one uint8 image (C, H, W) to a file: PNG, or ``.npy`` if it has more than 4 channels.

    Args:
        image: the image.
        stem: path of the file without its extension.
    """
    if len(image) > MOST_CHANNELS:
        np.save(stem.with_suffix(".npy"), image.permute(1, 2, 0).cpu().numpy(), allow_pickle=False)
    else:
        to_pil(image).save(stem.with_suffix(".png"))


def upscale_nearest(images: Tensor, scale: int) -> Tensor:
    """Enlarge ``images`` (N, C, H, W) by a whole number, each pixel to a square: (N, C, scale * H, scale * W)."""
    return images.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


def fit_scale(height: int, width: int, columns: int = 1, rows: int = 1, border: int = BORDER) -> int:
    """The whole number by which images are enlarged by default.

    It is the smallest with which the drawing is at least 512 pixels wide, or a smaller one if the drawing would be
    higher than 8192 pixels.

    Args:
        height: of an image.
        width: of an image.
        columns: images in a row.
        rows: number of rows.
        border: pixels around each image; 0 for a single image that has none.
    """
    wanted = math.ceil(((LEAST_WIDTH - border) / columns - border) / width)
    highest = int(((MOST_HEIGHT - border) / rows - border) / height)
    return max(1, min(wanted, highest))


def fit_columns(count: int, most: int | None = None, group: int = 1) -> int:
    """The number of images in a row of a grid.

    Args:
        count: number of images.
        most: images in a full row; None for the number of 4 to 8 with which the fewest places are empty.
        group: number of images that belong together and are never in different rows; a divisor of ``count``.
    """
    groups = count // group
    full = min(groups, max(1, (most or COLUMNS) // group))
    if most is None:
        full = min(range(math.ceil(full / 2), full + 1), key=lambda width: (-groups % width, -width))
    return group * full


def grid(
    images: Tensor,
    columns: int,
    scale: int | None = 1,
    titles: Sequence[str] = (),
    groups: Sequence[int] = (),
) -> Image.Image:
    """Draw images in a grid, in RGB, with a black border of 2 pixels around each.

    Without titles and empty places the result is that of torchvision's ``make_grid``, which takes more than a second
    to import. Places without an image are gray.

    Args:
        images: (N, C, H, W), uint8, N at least 1.
        columns: images in a row.
        scale: each pixel becomes a square of ``scale`` pixels; None for the number of :func:`fit_scale`.
        titles: of the columns, drawn above them; left out if the images are too narrow for them.
        groups: numbers of columns between which there is a wider gap.
    """
    images = on_white(one_picture(images))
    count = len(images)
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    if scale is None:
        scale = fit_scale(images.shape[2], images.shape[3], columns, rows)
    pixels = np.stack([np.asarray(to_pil(image).convert("RGB")) for image in upscale_nearest(images, scale)])
    height, width = pixels.shape[1:3]
    starts = {sum(groups[:index]) for index in range(1, len(groups))}
    lefts = [
        BORDER + column * (width + BORDER) + GAP * sum(start <= column for start in starts) for column in range(columns)
    ]
    head = draw_titles(titles, lefts, width)
    sheet = np.zeros((head.height + rows * (height + BORDER) + BORDER, lefts[-1] + width + BORDER, 3), np.uint8)
    sheet[: head.height] = np.asarray(head)
    for place in range(rows * columns):
        top, left = head.height + BORDER + place // columns * (height + BORDER), lefts[place % columns]
        sheet[top : top + height, left : left + width] = pixels[place] if place < count else EMPTY
    return Image.fromarray(sheet)


def draw_titles(titles: Sequence[str], lefts: Sequence[int], width: int) -> Image.Image:
    """The strip above a grid with the titles of its columns, white on black; without height if they do not fit.

    Args:
        titles: of the columns.
        lefts: left edge of each column.
        width: of the columns.
    """
    total = lefts[-1] + width + BORDER
    for size in FONT_SIZES if titles else ():
        font = ImageFont.load_default(size)
        if max(map(font.getlength, titles)) <= width:
            strip = Image.new("RGB", (total, round(1.5 * size)))
            draw = ImageDraw.Draw(strip)
            for title, left in zip(titles, lefts, strict=False):
                draw.text((left + width / 2, strip.height / 2 + 1), title, "white", font, anchor="mm")
            return strip
    return Image.new("RGB", (total, 0))


def as_frames(images: Tensor, scale: int | None = None) -> list[Image.Image]:
    """Images (N, C, H, W) uint8 as frames of an animation, without a border.

    Args:
        images: the images.
        scale: each pixel becomes a square of ``scale`` pixels; None for the number of :func:`fit_scale`.
    """
    images = on_white(one_picture(images))
    scale = scale or fit_scale(images.shape[2], images.shape[3], border=0)
    return [to_pil(image) for image in upscale_nearest(images, scale)]


def write_gif(frames: Sequence[Image.Image], path: Path, frame_ms: int | Sequence[int]) -> None:
    """Write an animation that repeats forever.

    Args:
        frames: at least one, all of one size.
        path: of the GIF file.
        frame_ms: milliseconds for which each frame is shown, or those of each.
    """
    # Each frame has the 256 colors that suit it best; Pillow's default palette is the same for all pictures.
    colors = [frame.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE) for frame in frames]
    colors[0].save(path, save_all=True, append_images=colors[1:], duration=frame_ms, loop=0)


def write_mp4(frames: Sequence[Image.Image], path: Path, frame_ms: int) -> None:
    """Write a video in H.264; each frame is shown for ``frame_ms`` milliseconds.

    The format requires even height and width: an odd side is extended by one pixel.
    """
    import av

    width, height = (side + side % 2 for side in frames[0].size)
    with av.open(str(path), "w", format="mp4") as video:
        stream = video.add_stream("libx264", rate=Fraction(1000, frame_ms))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            pixels = np.asarray(frame.convert("RGB"))
            missing = ((0, height - frame.height), (0, width - frame.width), (0, 0))
            video.mux(stream.encode(av.VideoFrame.from_ndarray(np.pad(pixels, missing, mode="edge"), format="rgb24")))
        video.mux(stream.encode())
