"""From image files of any kind to pixels, and the refusal of files that cannot be used.

Light, as commands that only use a model read pictures too: neither Lightning nor torchvision is loaded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from lightning_gans.core.errors import InputError

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Those of torchvision."""

SHOWN = 3
"""How many names an error message lists before it counts the rest."""

READABLE = "whole images with 8 or 16 bits per channel"
"""What every file is expected to be."""


def check_channels(key: str, channels: int) -> None:
    """Refuse images that are neither grey nor RGB.

    Raises:
        InputError: if ``channels``, the value of ``key``, is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise InputError(f"{key} is {channels}; expected 1 (grey) or 3 (RGB)")


def check_folder(key: str, folder: Path, expected: str = "a folder") -> None:
    """Refuse what is no folder.

    Raises:
        InputError: if ``folder``, the value of ``key``, is a file or not there.
    """
    if not folder.is_dir():
        state = "a file" if folder.exists() else "not there"
        raise InputError(f"{key} is {folder}, which is {state}; expected {expected}")


def image_files(folder: Path) -> Iterator[Path]:
    """All image files in ``folder`` and below, sorted within each folder, without hidden ones."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from image_files(path)
        elif path.suffix.lower() in IMG_EXTENSIONS:
            yield path


def find_images(key: str, root: Path) -> list[Path]:
    """The files of :func:`image_files` in ``root``, at least one.

    Raises:
        InputError: if ``root``, the value of ``key``, is no folder, cannot be read, or holds no images.
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
    """The first names and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def reject_unusable(
    key: str, root: Path, bad: Iterable[tuple[Path, str]], count: int, expected: str = READABLE
) -> None:
    """Report files that cannot be used, all at once.

    Args:
        key: the setting whose value is ``root``.
        root: the folder from which files are named.
        bad: each such file and why it cannot be used.
        count: how many files there are.
        expected: what they were expected to be.

    Raises:
        InputError: if there is one; it counts them and names the first.
    """
    if names := sorted(f"{path.relative_to(root)} ({why})" for path, why in bad):
        raise InputError(
            f"{key} is {root}, where {len(names)} of {count} files cannot be used: {list_names(names)}; "
            f"expected {expected}"
        )


def reason(error: Exception) -> str:
    """Why a file cannot be used, without the path, which Pillow repeats."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def load_square(path: Path, channels: int, size: int) -> Tensor:
    """One image file as pixels (channels, size, size) uint8: :func:`open_rgb`, then :func:`center_square`."""
    return center_square(open_rgb(path), channels, size)


def open_rgb(path: Path) -> Image.Image:
    """Open one image file as 8-bit RGB, composited on white where it is transparent.

    The same as :func:`open_upright` followed by :func:`to_rgb`.
    """
    return to_rgb(open_upright(path))


def open_upright(path: Path) -> Image.Image:
    """One image file, turned as its EXIF data say; of an animation the first frame.

    Raises:
        ValueError: if its pixels have 32 bits.
        Exception: whatever Pillow raises on a damaged file.
    """
    with Image.open(path) as file:
        # Pillow reads 16 bits from PGM, and earlier versions from PNG too, into 32.
        if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
            raise ValueError("pixels of 32 bits")
        return ImageOps.exif_transpose(file)


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode with 8 or 16 bits in RGB with 8, on white where it is transparent."""
    if image.mode.startswith("I"):
        # Pillow's own conversion would cut off at 255. 65535 is 257 * 255, so this rounds to the nearest level.
        levels = (np.asarray(image).astype(np.int64) + 128) // 257
        image = Image.fromarray(levels.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def center_square(image: Image.Image, channels: int, size: int) -> Tensor:
    """The middle of an image whose shorter side was resized to ``size``: pixels (channels, size, size) uint8."""
    image = image.convert("L" if channels == 1 else "RGB")
    shorter = min(image.size)
    left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
    # With a box, Pillow resizes the whole image and computes the crop only: a long strip needs no more memory.
    box = (left, top, left + shorter, top + shorter)
    return pixels_of(image.resize((size, size), Image.Resampling.BICUBIC, box))


def pixels_of(image: Image.Image) -> Tensor:
    """An image of grey values or in RGB as pixels (C, H, W) uint8."""
    values = np.array(image)
    pixels = torch.from_numpy(values[:, :, None] if values.ndim == 2 else values)
    return pixels.permute(2, 0, 1).contiguous()


def open_with_alpha(path: Path) -> tuple[Image.Image, Image.Image | None]:
    """A picture in RGB on white, turned as its EXIF data say, and its alpha channel where it has one.

    Raises:
        Exception: whatever Pillow raises on a file that it cannot read, or that is said to be too large.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd but readable data
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = open_upright(path)
        alpha = None
        if image.has_transparency_data and not image.mode.startswith("I"):  # Pillow converts no more of 16 bits
            alpha = image.convert("RGBA").getchannel("A")
        return to_rgb(image), alpha
