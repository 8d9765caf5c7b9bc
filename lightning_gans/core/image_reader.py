"""The reader of image files: all that people's images go through, in training, evaluation, translation and the page."""

from __future__ import annotations

import io
import math
import stat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.image_metadata import FORMATS, Stripped, exif_orientation, strip_metadata
from lightning_gans.core.images import has_alpha

READABLE = f"whole {FORMATS} files with at most 16 bits per channel"
"""What error messages expect files to be."""

ARRAY = ".npy"
"""Extension of files of NumPy, which hold one array each."""

READABLE_ARRAYS = f"{READABLE}, or {ARRAY} files of (height, width, channels) of 8 or 16 bits"
"""What error messages expect files to be where arrays are read too."""

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's names of images by their number of channels."""

MAX_BYTES = 2**31
"""Largest file that is read."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What restores an image of each orientation."""


class TooManyPixelsError(ValueError):
    """An image has more pixels than allowed, or a longer side.

    Args:
        size: its width and height.
        most: the largest number of pixels.
        side: the longest side that is allowed; None for any.

    Attributes:
        size: its width and height.
    """

    def __init__(self, size: tuple[int, int], most: int, side: int | None = None) -> None:
        self.size = size
        if side is not None and max(size) > side:
            super().__init__(f"{size[0]} x {size[1]} pixels; expected sides of at most {side:,}")
        else:
            super().__init__(f"{size[0]} x {size[1]} = {size[0] * size[1]:,} pixels; expected at most {most:,}")


def failure_reason(error: Exception) -> str:
    """Why a file cannot be read, without its path, which is part of Pillow's messages."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def image_format(content: bytes) -> str | None:
    """Pillow's name of the format of a file's content; None if it is none of those that are read."""
    starts = {
        "JPEG": (b"\xff\xd8",),
        "PNG": (b"\x89PNG\r\n\x1a\n",),
        "GIF": (b"GIF87a", b"GIF89a"),
        "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        "BMP": (b"BM",),
        "PPM": (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
        "JPEG2000": (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
    }
    for name, prefixes in starts.items():
        if content.startswith(prefixes):
            return name
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if is_heif(content, b"avif", b"avis"):
        return "AVIF"
    return None


def is_heif(content: bytes, *brands: bytes) -> bool:
    """Whether a file is of the family of AVIF and HEIC, and of one of these brands."""
    if content[4:8] != b"ftyp":
        return False
    header = content[: min(int.from_bytes(content[:4], "big"), 512)]
    return any(header[place : place + 4] in brands for place in (8, *range(16, len(header), 4)))


def read_file(path: Path) -> bytes:
    """The content of a regular file: a pipe might never end.

    Raises:
        ValueError: if it is not a regular file, or too large.
        OSError: if it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file")
    if status.st_size > MAX_BYTES:
        raise ValueError(f"a file of {status.st_size:,} bytes, more than {MAX_BYTES:,}")
    return path.read_bytes()


def open_rgb(path: Path) -> Image.Image:
    """Read an image file as 8-bit RGB, as :func:`open_with_alpha` does."""
    return open_with_alpha(path)[0]


def open_with_alpha(
    path: Path | bytes, max_pixels: int | None = None, max_side: int | None = None
) -> tuple[Image.Image, Image.Image | None]:
    """Read an image file as 8-bit RGB, composited on white where it is transparent, and its alpha channel.

    Arguments and errors are those of :func:`open_image`.

    Returns:
        The image, and its alpha channel in 8 bits, which is None if the image has none.
    """
    image = open_image(path, max_pixels, max_side)
    if image.mode == "RGB":
        return image, None
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return flat, image.getchannel("A")


def open_image(path: Path | bytes, max_pixels: int | None = None, max_side: int | None = None) -> Image.Image:
    """Read an image file as 8-bit RGB, or RGBA if it is transparent.

    The format is recognized by the content, not by the name. The image is rotated according to the EXIF data; all other
    metadata are ignored, so that no error in them matters. Of an animation and of several pages the first is taken.

    Args:
        path: the file, or its content.
        max_pixels: largest number of pixels, checked before they are decoded; None for Pillow's own limit, which is
            twice ``Image.MAX_IMAGE_PIXELS``.
        max_side: longest side in pixels, checked with ``max_pixels``; None for any.

    Raises:
        UnidentifiedImageError: if the file is no image in one of the ``FORMATS``.
        TooManyPixelsError: if there are too many pixels, or a side is too long.
        ValueError: if it is not a regular file, too large, or its pixels have a range that is not known.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    content = path if isinstance(path, bytes) else read_file(path)
    kind = image_format(content)
    if kind is None:
        if is_heif(content, b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
            raise ValueError("HEIC, which is not supported; convert it to JPEG or PNG")
        raise UnidentifiedImageError("not an image")
    stripped = strip_metadata(kind, content)
    try:
        file = Image.open(io.BytesIO(stripped.content), formats=[kind])
    except (UnidentifiedImageError, KeyError) as error:
        raise ValueError(f"a {kind} file that is damaged or of a kind that Pillow cannot read") from error
    with file:
        if max_pixels is not None and (
            file.width * file.height > max_pixels or (max_side is not None and max(file.size) > max_side)
        ):
            raise TooManyPixelsError(file.size, max_pixels, max_side)
        image = to_rgb(file, stripped)
        # AVIF has its own property of the orientation, which Pillow gives as EXIF data.
        turn = TURNS.get(stripped.orientation or exif_orientation(file.info.get("exif", b"")) or 1)
    return image if turn is None else image.transpose(turn)


def to_rgb(file: Image.Image, stripped: Stripped) -> Image.Image:
    """Convert an image of any mode with up to 16 bits to 8-bit RGB, or RGBA if it is transparent.

    Raises:
        ValueError: if pixels have a sign or more than 16 bits: their range is not known.
    """
    # Pillow reads PGM files of 16 bits, and in earlier versions PNG files too, with 32 bits.
    if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
        raise ValueError("pixels with a sign or of more than 16 bits")
    if file.mode.startswith("I"):
        values = np.asarray(file).astype(np.int64)
        image, clear = scale_gray(file, values, stripped.negative), stripped.transparent
    else:
        file.load()
        image, clear = file, stripped.transparent
        if clear is not None:
            image = file.convert("L")
            values, clear = np.asarray(image), clear * 255 // (2 ** stripped.content[24] - 1)
    if clear is not None:
        alpha = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
        image = image.copy()
        image.putalpha(alpha)
    elif not image.has_transparency_data:
        return image.convert("RGB")
    return image.convert("RGBA")


def scale_gray(file: Image.Image, values: NDArray[Any], negative: bool) -> Image.Image:
    """Gray values of 12 or 16 bits as 8 bits, rounded to the nearest level; Pillow's own conversion clips at 255."""
    top = 2**16 - 1
    if file.format == "TIFF" and file.tag_v2.get(258) in (12, (12,)):  # type: ignore[attr-defined]  # of its class
        top = 2**12 - 1
    if negative:
        values = top - values
    return Image.fromarray(to_8_bits(values, top))


def to_8_bits(values: NDArray[Any], top: int) -> NDArray[np.uint8]:
    """Values from 0 to ``top`` as levels from 0 to 255, rounded to the nearest."""
    return ((values.astype(np.int64) * 255 + top // 2) // top).astype(np.uint8)


def open_array(path: Path) -> NDArray[np.uint8]:
    """Read the pixels (height, width, channels) of a ``.npy`` file; those of 16 bits are scaled to 8.

    Nothing of the file is executed or trusted: its header is read with NumPy's own limit of size, and has to agree with
    the size of the file.

    Raises:
        ValueError: if the file holds anything else.
        OSError: if it cannot be read.
    """
    content = read_file(path)
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read_header(file)
    except (ValueError, EOFError) as error:
        raise ValueError("not an array of NumPy") from error
    if kind.kind != "u" or kind.itemsize > 2 or len(shape) not in (2, 3):
        raise ValueError(
            f"an array of {kind} of shape {shape}; expected uint8 or uint16 of (height, width, channels) or (height, "
            "width)"
        )
    if math.prod(shape) * kind.itemsize != len(content) - file.tell():
        raise ValueError(f"an array of shape {shape} whose file has another size")
    if not math.prod(shape):
        raise ValueError(f"an array of shape {shape}, which has no pixels")
    values = np.frombuffer(content, kind, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    values = values if values.ndim == 3 else values[:, :, None]
    return values if kind.itemsize == 1 else to_8_bits(values, 2**16 - 1)


def load_pixels(path: Path, channels: int, size: tuple[int, int]) -> Tensor:
    """Load an image file, or a ``.npy`` file, as pixels (channels, height, width) uint8; see :func:`center_crop`.

    Image files are converted to gray or RGB on white, or with alpha for 2 or 4 channels, where the color of what is
    fully transparent is black, since files may have any there. The channels of a ``.npy`` file are taken as they are.

    Args:
        path: the file.
        channels: number of channels; more than 4 are possible from ``.npy`` files only.
        size: (height, width).

    Raises:
        ValueError: if the file has another number of channels, or for the reasons of :func:`open_image`.
        Exception: any error of Pillow, if the pixels are damaged.
    """
    if path.suffix.lower() == ARRAY:
        values = open_array(path)
        if values.shape[2] != channels:
            raise ValueError(f"an array of {values.shape[2]} channel(s); expected {channels}")
        return torch.cat([center_crop(Image.fromarray(values[:, :, c]), 1, size) for c in range(channels)])
    if channels not in MODES:
        raise ValueError(f"an image file, which has at most 4 channels; expected {ARRAY} files for {channels}")
    if not has_alpha(channels):
        return center_crop(open_rgb(path), channels, size)
    pixels = center_crop(open_image(path), channels, size)
    pixels[:-1, pixels[-1] == 0] = 0
    return pixels


def center_crop(image: Image.Image, channels: int, size: tuple[int, int]) -> Tensor:
    """Resize an image until it covers ``size``, and crop its center.

    Args:
        image: gray or RGB; with alpha, if it has any, for 2 or 4 channels.
        channels: 1 to 4.
        size: (height, width).

    Returns:
        Pixels (channels, height, width) uint8.
    """
    # From RGB Pillow has no way to gray with alpha.
    image = image.convert("RGBA" if channels == 2 else MODES[channels]).convert(MODES[channels])
    height, width = size
    shown_width = min(image.width, image.height * width / height)
    shown_height = min(image.height, image.width * height / width)
    left, top = (image.width - shown_width) // 2, (image.height - shown_height) // 2
    # With a box, Pillow computes only the crop of the resized image: a long strip needs no more memory.
    box = (left, top, left + shown_width, top + shown_height)
    return pixels_of(image.resize((width, height), Image.Resampling.BICUBIC, box))
