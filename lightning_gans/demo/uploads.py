"""Reading of uploaded images, whose sizes are checked before they are decoded."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_metadata import FORMATS
from lightning_gans.core.image_reader import TooManyPixelsError, failure_reason, open_with_alpha
from lightning_gans.demo.limits import CANVAS_PIXELS, MB, Limits


def read_upload(file: str | Path | bytes, limits: Limits) -> Image.Image:
    """Read an image as the command ``translate`` does: upright, with 8 bits, transparent parts on white.

    Args:
        file: an uploaded file, or its content.
        limits: are checked before the image is decoded.

    Returns:
        RGB, or RGBA if it is transparent; the colors are those on white in either case.

    Raises:
        InputError: if the file is gone, too large or not a readable image.
    """
    file = Path(file) if isinstance(file, str) else file
    try:
        size = len(file) if isinstance(file, bytes) else file.stat().st_size
    except OSError as error:
        raise InputError("the file is no longer there; upload it again") from error
    if not size:
        raise InputError("the file is empty; expected an image such as a PNG or a JPEG")
    if size > limits.upload_bytes:
        raise InputError(f"the file has {size / MB:.1f} MB; expected at most {limits.upload_mb:g}")
    try:
        image, alpha = open_with_alpha(file, limits.pixels, limits.side)
    except TooManyPixelsError as error:
        raise InputError(f"the image has {error}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"the image has too many pixels; expected at most {limits.pixels:,}") from error
    except Exception as error:  # Pillow raises exceptions of many types on damaged files
        raise InputError(
            f"the file is not a readable image ({failure_reason(error)}); expected a complete {FORMATS} file"
        ) from error
    if alpha:
        image.putalpha(alpha)
    return image


def set_pillow_limit(limits: Limits) -> None:
    """Make Pillow reject images with too many pixels in the whole process.

    The page's images are checked before they are decoded; this is for what Gradio might decode.
    """
    # Pillow rejects more than twice this number. The page's own canvases must be accepted.
    Image.MAX_IMAGE_PIXELS = max(limits.pixels, CANVAS_PIXELS)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
