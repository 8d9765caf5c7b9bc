"""Pictures that somebody else has made: looked at before they are decoded, refused in one sentence."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import open_with_alpha, reason

MB = 2**20
"""As browsers and Gradio count."""

CANVAS_PIXELS = 1_000_000
"""No canvas of the page has more."""


@dataclass(frozen=True)
class Limits:
    """What the page takes.

    Attributes:
        upload_mb: largest file, in megabytes.
        pixels: most pixels of a picture, width times height.
    """

    upload_mb: float = 10
    pixels: int = 4_000_000

    @property
    def upload_bytes(self) -> int:
        """Largest file."""
        return int(self.upload_mb * MB)


def uploaded(path: str | Path, limits: Limits) -> Image.Image:
    """A picture from a file of any kind, as `translate` reads it: upright, with 8 bits, on white where transparent.

    Returns:
        RGB, or where there is transparency RGBA, whose colours are nevertheless those on white.

    Raises:
        InputError: if it is too large, or no picture that can be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if not size:
        raise InputError("the file is empty; expected a picture such as a PNG or a JPEG")
    if size > limits.upload_bytes:
        raise InputError(f"the file has {size / MB:.1f} MB; expected at most {limits.upload_mb:g}")
    with warnings.catch_warnings():
        # The limit here is exact.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            # This reads no more than the header.
            with Image.open(path) as file:
                width, height = file.size
            refuse_large(width, height, limits)
            image, alpha = open_with_alpha(path)
        except Image.DecompressionBombError as error:
            raise InputError(f"the picture has too many pixels; expected at most {limits.pixels:,}") from error
        except InputError:
            raise
        except Exception as error:  # a damaged file makes Pillow raise whatever it likes
            raise InputError(
                f"the file is no picture that can be read ({reason(error)}); expected a whole PNG, JPEG or the like"
            ) from error
    if alpha:
        image.putalpha(alpha)
    return image


def refuse_large(width: int, height: int, limits: Limits) -> None:
    """Refuse a picture with too many pixels.

    Raises:
        InputError: if it has more than allowed.
    """
    if width * height > limits.pixels:
        raise InputError(
            f"the picture has {width} x {height} = {width * height:,} pixels; expected at most {limits.pixels:,}"
        )


def guard_pillow(limits: Limits) -> None:
    """Let Pillow refuse bombs in this process, wherever a picture is opened.

    What is drawn on the page is decoded by Gradio, before anything here sees it.
    """
    # Pillow refuses above twice this number. The page's own canvases have to pass.
    Image.MAX_IMAGE_PIXELS = max(limits.pixels, CANVAS_PIXELS)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
