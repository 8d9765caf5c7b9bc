"""Image files: reading of all kinds as pixels, and writing of images, grids, animations and videos.

Imports neither Lightning nor torchvision, because commands that only use a trained model read and write images too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.core.errors import InputError

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Extensions of image files, as in torchvision."""

SHOWN = 3
"""Number of names that a message lists; it counts the others."""

READABLE = "whole images with 8 or 16 bits per channel"
"""What error messages expect files to be."""


def check_channels(name: str, channels: int) -> None:
    """Check that images are gray or RGB.

    Args:
        name: the argument's name, for the error message.
        channels: the argument.

    Raises:
        ValueError: if ``channels`` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise ValueError(f"{name} is {channels}; expected 1 (gray) or 3 (RGB)")


def check_folder(key: str, folder: Path, expected: str = "a folder") -> None:
    """Check that a folder exists.

    Args:
        key: name of the setting whose value is ``folder``, for the error message.
        folder: the folder.
        expected: what the setting should be, for the error message.

    Raises:
        InputError: if ``folder`` does not exist or is a file.
    """
    if not folder.is_dir():
        state = "a file" if folder.exists() else "not there"
        raise InputError(f"{key} is {folder}, which is {state}; expected {expected}")


def image_files(folder: Path) -> Iterator[Path]:
    """All image files in ``folder`` and its subfolders, sorted within each folder, without hidden files and folders."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from image_files(path)
        elif path.suffix.lower() in IMG_EXTENSIONS:
            yield path


def find_images(key: str, root: Path) -> list[Path]:
    """The files of :func:`image_files` in ``root``, at least one.

    Args:
        key: name of the setting whose value is ``root``, for error messages.
        root: the folder.

    Raises:
        InputError: if ``root`` is not a folder, cannot be read, or holds no images.
    """
    check_folder(key, root)
    try:
        files = list(image_files(root))
    except OSError as error:
        raise InputError(f"{key} is {root}, where {error.filename} cannot be read ({error.strerror})") from error
    if not files:
        raise InputError(f"{key} is {root}, which holds no images; expected files named {', '.join(IMG_EXTENSIONS)}")
    return files


def list_names(names: Sequence[str]) -> str:
    """The first names, and the number of the others, as text."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def reject_unusable(
    key: str, root: Path, bad: Iterable[tuple[Path, str]], count: int, expected: str = READABLE
) -> None:
    """Report all files that cannot be used in one error.

    Args:
        key: name of the setting whose value is ``root``.
        root: the folder relative to which files are named.
        bad: the files that cannot be used, each with the reason.
        count: number of all files.
        expected: what the files should be.

    Raises:
        InputError: if ``bad`` is not empty; it counts the files and names the first ones.
    """
    if names := sorted(f"{path.relative_to(root)} ({why})" for path, why in bad):
        raise InputError(
            f"{key} is {root}, where {len(names)} of {count} files cannot be used: {list_names(names)}; "
            f"expected {expected}"
        )


def failure_reason(error: Exception) -> str:
    """Why a file cannot be read, without its path, which is part of Pillow's messages."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def load_square(path: Path, channels: int, size: int) -> Tensor:
    """Load the center square of an image file as pixels (channels, size, size) uint8; see :func:`center_square`."""
    return center_square(open_rgb(path), channels, size)


def open_rgb(path: Path) -> Image.Image:
    """Open one image file as 8-bit RGB, composited on white where it is transparent.

    The same as :func:`open_upright` followed by :func:`to_rgb`.
    """
    return to_rgb(open_upright(path))


def open_upright(path: Path) -> Image.Image:
    """Open an image file and rotate the image according to its EXIF data; of an animation take the first frame.

    Raises:
        ValueError: if its pixels have 32 bits.
        Exception: any error of Pillow, if the file is damaged.
    """
    with Image.open(path) as file:
        # Pillow reads PGM files of 16 bits, and in earlier versions PNG files too, with 32 bits.
        if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
            raise ValueError("pixels of 32 bits")
        return ImageOps.exif_transpose(file)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode with 8 or 16 bits to 8-bit RGB, composited on white where it is transparent."""
    if image.mode.startswith("I"):
        # Pillow's own conversion clips at 255. 65535 is 257 * 255, so this rounds to the nearest level.
        levels = (np.asarray(image).astype(np.int64) + 128) // 257
        image = Image.fromarray(levels.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def center_square(image: Image.Image, channels: int, size: int) -> Tensor:
    """Resize an image until its shorter side is ``size``, and crop its center: pixels (channels, size, size) uint8."""
    image = image.convert("L" if channels == 1 else "RGB")
    shorter = min(image.size)
    left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
    # With a box, Pillow computes only the crop of the resized image: a long strip needs no more memory.
    box = (left, top, left + shorter, top + shorter)
    return pixels_of(image.resize((size, size), Image.Resampling.BICUBIC, box))


def pixels_of(image: Image.Image) -> Tensor:
    """The pixels (C, H, W) uint8 of a gray or RGB image."""
    values = np.array(image)
    pixels = torch.from_numpy(values[:, :, None] if values.ndim == 2 else values)
    return pixels.permute(2, 0, 1).contiguous()


def open_with_alpha(path: Path) -> tuple[Image.Image, Image.Image | None]:
    """Open an image file as :func:`open_rgb` does, and its alpha channel, which is None if the image has none.

    Raises:
        Exception: any error of Pillow, if the file is damaged or the image too large.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of unusual data that it can read
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = open_upright(path)
        alpha = None
        if image.has_transparency_data and not image.mode.startswith("I"):  # Pillow cannot convert 16 bits to RGBA
            alpha = image.convert("RGBA").getchannel("A")
        return to_rgb(image), alpha


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
