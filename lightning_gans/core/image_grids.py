"""Images as files for people: single images, grids, animations and videos."""

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
    """Enlarge ``images`` (N, C, H, W) by a whole number, each pixel to a square: (N, C, scale * H, scale * W)."""
    return images.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


def to_pil(image: Tensor) -> Image.Image:
    """Convert one uint8 image (C, H, W), C = 1 or 3, to a Pillow image.

    Raises:
        InputError: if the image has neither one channel nor three.
    """
    channels = image.shape[0]
    if channels not in (1, 3):
        raise InputError(f"the images have {channels} channels; only 1 or 3 can be drawn")
    pixels = image.permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def grid(images: Tensor, columns: int) -> Image.Image:
    """Draw images in a grid, in RGB, with a black border of 2 pixels around each.

    The result is that of torchvision's ``make_grid``, which takes more than a second to import.

    Args:
        images: (N, C, H, W), uint8, C = 1 or 3.
        columns: images in a row.
    """
    count, channels, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    cells = F.pad(images, (BORDER, 0, BORDER, 0, 0, 0, 0, rows * columns - count))
    cells = cells.view(rows, columns, channels, BORDER + height, BORDER + width)
    sheet = cells.permute(2, 0, 3, 1, 4).reshape(channels, rows * (BORDER + height), columns * (BORDER + width))
    return to_pil(F.pad(sheet, (0, BORDER, 0, BORDER))).convert("RGB")


def write_gif(frames: list[Image.Image], path: Path, frame_ms: int) -> None:
    """Write an animation that repeats forever; each frame is shown for ``frame_ms`` milliseconds."""
    colors = [frame.convert("P") for frame in frames]
    colors[0].save(path, save_all=True, append_images=colors[1:], duration=frame_ms, loop=0)


def write_mp4(frames: list[Image.Image], path: Path, frame_ms: int) -> None:
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
