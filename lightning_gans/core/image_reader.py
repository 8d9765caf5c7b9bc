"""The reader of image files: all that people's images go through, in training, evaluation, translation and the page."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lightning_gans.core.image_metadata import FORMATS, Stripped, exif_orientation, strip_metadata

READABLE = f"whole {FORMATS} files with at most 16 bits per channel"
"""What error messages expect files to be."""

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

    Arguments and errors are those of :func:`open_described`.

    Returns:
        The image, and its alpha channel in 8 bits, which is None if the image has none.
    """
    image = open_image(path, max_pixels, max_side)
    return flatten(image), image.getchannel("A") if image.mode == "RGBA" else None


def flatten(image: Image.Image) -> Image.Image:
    """An RGB or RGBA image as RGB, composited on white where it is transparent."""
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


class FileFacts(NamedTuple):
    """What an image file holds.

    Attributes:
        width: width in pixels, after the image is rotated.
        height: height in pixels, after the image is rotated.
        channels: 1 for gray, 2 for gray with transparency, 3 for color, 4 for color with transparency; those of an
            array.
        bits: bits of each channel, 8 for less and 16 for more.
    """

    width: int
    height: int
    channels: int
    bits: int


def open_image(path: Path | bytes, max_pixels: int | None = None, max_side: int | None = None) -> Image.Image:
    """Read an image file as 8-bit RGB, or RGBA if it is transparent; see :func:`open_described`."""
    return open_described(path, max_pixels, max_side)[0]


def open_described(
    path: Path | bytes, max_pixels: int | None = None, max_side: int | None = None
) -> tuple[Image.Image, FileFacts]:
    """Read an image file as 8-bit RGB, or RGBA if it is transparent, and say what it holds.

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
    file, stripped = open_stripped(content)
    with file:
        if max_pixels is not None and (
            file.width * file.height > max_pixels or (max_side is not None and max(file.size) > max_side)
        ):
            raise TooManyPixelsError(file.size, max_pixels, max_side)
        channels, bits = channels_of(file), 16 if has_16_bits(file, content) else 8
        image = to_rgb(file, stripped)
        turn = TURNS.get(orientation_of(file, stripped))
    image = image if turn is None else image.transpose(turn)
    return image, FileFacts(*image.size, channels + (channels % 2 and image.mode == "RGBA"), bits)


def describe_image(content: bytes) -> FileFacts:
    """Say what an image file holds, from its header: its pixels are not decoded, so damage in them is not noticed.

    Args:
        content: the file.

    Raises:
        UnidentifiedImageError: if the file is no image in one of the ``FORMATS``.
        ValueError: if its pixels have a range that is not known.
    """
    file, stripped = open_stripped(content)
    with file:
        check_range(file)
        width, height = file.size if orientation_of(file, stripped) < 5 else file.size[::-1]
        channels, bits = channels_of(file), 16 if has_16_bits(file, content) else 8
        transparent = file.has_transparency_data or stripped.transparent is not None
    return FileFacts(width, height, channels + (channels % 2 and transparent), bits)


def open_stripped(content: bytes) -> tuple[Image.Image, Stripped]:
    """Open an image file without its metadata; the pixels are not decoded yet.

    Raises:
        UnidentifiedImageError: if the file is no image in one of the ``FORMATS``.
        ValueError: if it is HEIC or damaged.
    """
    kind = image_format(content)
    if kind is None:
        if is_heif(content, b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
            raise ValueError("HEIC, which is not supported; convert it to JPEG or PNG")
        raise UnidentifiedImageError("not an image")
    stripped = strip_metadata(kind, content)
    try:
        return Image.open(io.BytesIO(stripped.content), formats=[kind]), stripped
    except (UnidentifiedImageError, KeyError) as error:
        raise ValueError(f"a {kind} file that is damaged or of a kind that Pillow cannot read") from error


def orientation_of(file: Image.Image, stripped: Stripped) -> int:
    """The orientation of an image file, 1 to 8 as in EXIF."""
    # AVIF has its own property of the orientation, which Pillow gives as EXIF data.
    return stripped.orientation or exif_orientation(file.info.get("exif", b"")) or 1


def check_range(file: Image.Image) -> None:
    """Check that pixels have up to 16 bits.

    Raises:
        ValueError: if they have a sign or more bits: their range is not known.
    """
    # Pillow reads PGM files of 16 bits, and in earlier versions PNG files too, with 32 bits.
    if file.mode == "F" or (file.mode == "I" and file.format not in ("PNG", "PPM")):
        raise ValueError("pixels with a sign or of more than 16 bits")


def channels_of(file: Image.Image) -> int:
    """Number of channels of an image file: 1 or 2 if it is gray, 3 or 4 if it is in color or has a palette."""
    if file.mode in ("LA", "La"):
        return 2
    if file.mode in ("1", "L", "F") or file.mode.startswith("I"):
        return 1
    return 4 if file.mode in ("RGBA", "RGBa", "PA") else 3


def has_16_bits(file: Image.Image, content: bytes) -> bool:
    """Whether the channels of an image file have more than 8 bits. Pillow reads those of colors with 8 bits."""
    if file.format == "PNG":
        return content[24] > 8  # of the first chunk
    if file.format == "TIFF":
        bits = file.tag_v2.get(258, 1)  # type: ignore[attr-defined]  # of its class
        return bool(max((1, *bits) if isinstance(bits, tuple) else (bits,)) > 8)
    return file.mode.startswith("I")


def to_rgb(file: Image.Image, stripped: Stripped) -> Image.Image:
    """Convert an image of any mode with up to 16 bits to 8-bit RGB, or RGBA if it is transparent.

    Raises:
        ValueError: if pixels have a sign or more than 16 bits: their range is not known.
    """
    check_range(file)
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
