"""Animated GIF files: their frames one after the other, and how long each is shown."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from PIL import Image

from lightning_gans.core.errors import UnreadableError
from lightning_gans.core.image_reader import TooManyPixelsError, failure_reason, image_format, read_file

GIF = ".gif"
"""Extension of GIF files."""

COLORS = 256
"""Most colors of a frame."""

OPAQUE = 128
"""Least alpha of a pixel that is shown: a GIF's pixels are shown or not."""

KEEP, CLEAR = 1, 2
"""What happens to a frame before the next one is drawn."""

HEADER_BYTES, DESCRIPTOR_BYTES = 13, 10


class GifFrame(NamedTuple):
    """A frame of an animation.

    Attributes:
        image: RGB, or RGBA where it is transparent.
        hundredths: for how many hundredths of a second it is shown.
    """

    image: Image.Image
    hundredths: int


class GifReader:
    """Reads a GIF file with the memory of the file and of two frames; a context manager.

    Args:
        path: the file.
        max_pixels: largest number of pixels of a frame; None for any.

    Attributes:
        size: width and height.
        count: number of frames.
        loops: how many times the animation is repeated, 0 for without end; None if it is played once.

    Raises:
        UnreadableError: if the file is no GIF, has too many pixels or cannot be read.
    """

    def __init__(self, path: Path, max_pixels: int | None = None) -> None:
        try:
            content = read_file(path)
            if image_format(content) != "GIF":
                raise ValueError("not a GIF")
            self._file = Image.open(io.BytesIO(content), formats=["GIF"])
            self.size = self._file.size
            if max_pixels is not None and self.size[0] * self.size[1] > max_pixels:
                raise TooManyPixelsError(self.size, max_pixels)
            self.count: int = getattr(self._file, "n_frames", 1)
        except Exception as error:  # Pillow's decoders raise exceptions of many types on damaged files
            raise UnreadableError(failure_reason(error)) from error
        self.loops: int | None = self._file.info.get("loop")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def frames(self) -> Iterator[GifFrame]:
        """All frames, in order, each as it looks after those before it.

        Raises:
            UnreadableError: if a frame is damaged.
        """
        for number in range(self.count):
            try:
                self._file.seek(number)
                image = self._file.convert("RGBA" if self._file.has_transparency_data else "RGB")
            except Exception as error:  # as above
                raise UnreadableError(f"frame {number}: {failure_reason(error)}") from error
            yield GifFrame(image, round(self._file.info.get("duration", 0) / 10))


def is_animated(path: Path) -> bool:
    """Whether a file is a GIF of several frames; False if it cannot be read."""
    try:
        with GifReader(path) as file:
            return file.count > 1
    except UnreadableError:  # who reads the file gets the reason
        return False


class GifWriter:
    """Writes a GIF file frame by frame with the memory of one; a context manager.

    Each frame has the 256 colors that suit it best.

    Args:
        path: the file.
        size: width and height.
        loops: as :attr:`GifReader.loops`.

    Raises:
        OSError: if it cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], loops: int | None) -> None:
        self._file = path.open("wb")
        self._size = size
        self._file.write(b"GIF89a" + struct.pack("<HHBBB", *size, 0x70, 0, 0))
        if loops is not None:
            self._file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loops, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.write(b"\x3b")

    def write(self, image: Image.Image, hundredths: int) -> None:
        """Write a frame.

        Args:
            image: of the size of the file; with alpha, pixels of less than half opacity are transparent.
            hundredths: for how many hundredths of a second it is shown.
        """
        alpha = image.getchannel("A") if "A" in image.getbands() else None
        colors = COLORS if alpha is None else COLORS - 1
        indexed = image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=colors)
        palette = bytes(indexed.getpalette() or ())[: 3 * COLORS].ljust(3 * COLORS, b"\0")
        if alpha is not None:
            indexed.paste(COLORS - 1, mask=alpha.point(lambda value: 255 * (value < OPAQUE)))
        flags = (KEEP if alpha is None else CLEAR) << 2 | (alpha is not None)
        self._file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, hundredths, COLORS - 1, 0))
        self._file.write(b"\x2c" + struct.pack("<HHHHB", 0, 0, *self._size, 0x87) + palette + compressed(indexed))


def compressed(image: Image.Image) -> bytes:
    """The compressed pixels of an image with a palette, as in a GIF file."""
    buffer = io.BytesIO()
    # By default Pillow leaves out colors that are not used, gives the others new numbers, and interlaces the rows.
    image.save(buffer, "GIF", optimize=False, interlace=0)
    content = buffer.getvalue()
    place = HEADER_BYTES + _table_bytes(content[10])
    while content[place] == 0x21:  # an extension: its kind, and blocks
        place = _after_blocks(content, place + 2)
    start = place + DESCRIPTOR_BYTES + _table_bytes(content[place + DESCRIPTOR_BYTES - 1])
    return content[start : _after_blocks(content, start + 1)]


def _table_bytes(flags: int) -> int:
    """The length of the table of colors that flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(content: bytes, place: int) -> int:
    """The place after blocks, which begin with their length; the last one is empty."""
    while content[place]:
        place += content[place] + 1
    return place + 1
