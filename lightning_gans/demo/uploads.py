"""Reading of uploaded images, whose sizes are checked before they are decoded."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_reader import FORMATS, TooManyPixelsError, failure_reason, open_with_alpha

MB = 2**20
"""Bytes of a megabyte, as browsers and Gradio count."""

CANVAS_PIXELS = 1_000_000
"""Upper bound of the pixels of the page's canvases."""


@dataclass(frozen=True)
class Limits:
    """Limits of uploads.

    Attributes:
        upload_mb: largest file in megabytes.
        pixels: largest number of pixels, width times height.
    """

    upload_mb: float = 10
    pixels: int = 4_000_000

    @property
    def upload_bytes(self) -> int:
        """Largest file in bytes."""
        return int(self.upload_mb * MB)


def read_upload(path: str | Path, limits: Limits) -> Image.Image:
    """Read an uploaded image as the command ``translate`` does: upright, with 8 bits, transparent parts on white.

    Returns:
        RGB, or RGBA if it is transparent; the colors are those on white in either case.

    Raises:
        InputError: if the file is too large or not a readable image.
    """
    path = Path(path)
    size = path.stat().st_size
    if not size:
        raise InputError("the file is empty; expected an image such as a PNG or a JPEG")
    if size > limits.upload_bytes:
        raise InputError(f"the file has {size / MB:.1f} MB; expected at most {limits.upload_mb:g}")
    try:
        image, alpha = open_with_alpha(path, limits.pixels)
    except TooManyPixelsError as error:
        check_pixels(*error.size, limits)
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"the image has too many pixels; expected at most {limits.pixels:,}") from error
    except Exception as error:  # Pillow raises exceptions of many types on damaged files
        raise InputError(
            f"the file is not a readable image ({failure_reason(error)}); expected a complete {FORMATS} file"
        ) from error
    if alpha:
        image.putalpha(alpha)
    return image


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Check the number of pixels of an image.

    Raises:
        InputError: if there are too many.
    """
    if width * height > limits.pixels:
        raise InputError(
            f"the image has {width} x {height} = {width * height:,} pixels; expected at most {limits.pixels:,}"
        )


def set_pillow_limit(limits: Limits) -> None:
    """Make Pillow reject images with too many pixels in the whole process.

    Gradio decodes drawings before this package can check them.
    """
    # Pillow rejects more than twice this number. The page's own canvases must be accepted.
    Image.MAX_IMAGE_PIXELS = max(limits.pixels, CANVAS_PIXELS)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
