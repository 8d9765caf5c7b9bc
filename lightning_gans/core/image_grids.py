"""From images to pictures: one each, grids, animations, films."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.core.errors import InputError

BORDER = 2
"""Pixels around each image of a grid."""


def upscale_nearest(images: Tensor, scale: int) -> Tensor:
    """Images (N, C, scale * H, scale * W), in which each pixel of ``images`` (N, C, H, W) is a square."""
    return images.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


def to_pil(image: Tensor) -> Image.Image:
    """One uint8 image (C, H, W), C = 1 or 3, as a picture.

    Raises:
        InputError: if the image has neither one channel nor three.
    """
    channels = image.shape[0]
    if channels not in (1, 3):
        raise InputError(f"the images have {channels} channels, which make no pictures; expected 1 or 3")
    pixels = image.permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def grid(images: Tensor, columns: int) -> Image.Image:
    """Uint8 images (N, C, H, W), C = 1 or 3, in RGB, with ``columns`` in a row, a black border of 2 pixels around each.

    As torchvision's ``make_grid`` draws them, which takes more than a second to load.
    """
    count, channels, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    cells = F.pad(images, (BORDER, 0, BORDER, 0, 0, 0, 0, rows * columns - count))
    cells = cells.view(rows, columns, channels, BORDER + height, BORDER + width)
    sheet = cells.permute(2, 0, 3, 1, 4).reshape(channels, rows * (BORDER + height), columns * (BORDER + width))
    return to_pil(F.pad(sheet, (0, BORDER, 0, BORDER))).convert("RGB")


def write_gif(frames: list[Image.Image], path: Path, frame_ms: int) -> None:
    """Write an animation that goes on forever."""
    colours = [frame.convert("P") for frame in frames]
    colours[0].save(path, save_all=True, append_images=colours[1:], duration=frame_ms, loop=0)


def write_mp4(frames: list[Image.Image], path: Path, frame_ms: int) -> None:
    """Write a film in H.264; a side of an odd number of pixels gets one more, as the format knows even ones alone."""
    import av

    width, height = (side + side % 2 for side in frames[0].size)
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(1000, frame_ms))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            pixels = np.asarray(frame.convert("RGB"))
            missing = ((0, height - frame.height), (0, width - frame.width), (0, 0))
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.pad(pixels, missing, mode="edge"), format="rgb24")))
        film.mux(stream.encode())
