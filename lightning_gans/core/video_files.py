"""Video files: their frames one after the other, their times, and their sound, which is copied.

Imports PyAV only when a video is opened, because most commands read none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray

from lightning_gans.core.errors import UnreadableError
from lightning_gans.core.image_reader import TooManyPixelsError, failure_reason

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

VIDEOS = "MP4, MOV, Matroska, WebM or AVI"
"""The formats that are read, as text."""

VIDEO_EXTENSIONS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""Extensions of the files that are taken for videos, in lower case."""

UNSPECIFIED = 2
"""H.273's number for a conversion between RGB and YCbCr that a file does not name."""

HIGH_DEFINITION = 720
"""Least height of frames that are in BT.709 if their file does not say so."""

DEFAULT_RATE = Fraction(25)
"""Frames a second of a file that does not say how many."""

MOST_MISSING = 1.0
"""Seconds that may be missing at the end of a file, since formats round durations."""


def video_format(start: bytes) -> str | None:
    """FFmpeg's name of the format of a file that begins with these bytes; None if it is none of those that are read.

    FFmpeg would also recognize play lists, which name other files and addresses.
    """
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    return "avi" if start.startswith(b"RIFF") and start[8:12] == b"AVI " else None


class VideoFrame(NamedTuple):
    """A frame of a video.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        pts: its time, in units of the video's time base.
        duration: for how long it is shown, in these units; 0 if this is not known.
    """

    pixels: NDArray[np.uint8]
    pts: int
    duration: int


class VideoReader:
    """Reads a video file with the memory that a few frames need; a context manager.

    The first frame is decoded when the file is opened, and again in its turn.

    Args:
        path: the file.
        max_pixels: largest number of pixels of a frame; None for any.

    Attributes:
        size: height and width of the frames, upright.
        count: number of frames; None if the file does not say it.
        time_base: the unit of times in seconds.
        rate: frames a second on average.
        aspect: width of a pixel by its height.
        color: numbers of H.273 for the primaries and the transfer function of the colors.
        sounds: the streams of sound.

    Raises:
        UnreadableError: if the file is no video that can be read.
    """

    def __init__(self, path: Path, max_pixels: int | None = None) -> None:
        try:
            if not path.is_file():  # a pipe might never end
                raise UnreadableError("not a regular file" if path.exists() else "No such file or directory")
            with path.open("rb") as file:
                kind = video_format(file.read(12))
        except OSError as error:
            raise UnreadableError(failure_reason(error)) from error
        if kind is None:
            raise UnreadableError(f"not a video; expected {VIDEOS}")
        self._kind = kind
        with open_container(path, kind) as container:
            if not container.streams.video:
                raise UnreadableError("a file without a video stream")
            stream = container.streams.video[0]
            height, width = stream.codec_context.height, stream.codec_context.width
            if max_pixels is not None and height * width > max_pixels:
                raise UnreadableError(str(TooManyPixelsError((width, height), max_pixels)))
            first = next(container.decode(stream), None)
            if first is None:
                raise UnreadableError("a video without frames")
            pixels = upright_pixels(first)
            self.size = pixels.shape[0], pixels.shape[1]
            aspect = stream.codec_context.sample_aspect_ratio or Fraction(1)
            self.aspect = 1 / aspect if quarter_turns(first) % 2 else aspect
            self.color = int(first.color_primaries), int(first.color_trc)
            self.count: int | None = stream.frames or None
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_RATE)
            # AVI files have a rate and no times.
            self.time_base = 1 / self.rate if kind == "avi" or not stream.time_base else stream.time_base
        self._files = ExitStack()
        self._container = self._files.enter_context(open_container(path, kind))
        self.sounds: list[Any] = list(self._container.streams.audio)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def parts(self) -> Iterator[VideoFrame | av.Packet[Any]]:
        """All frames, in order, and between them the packets of sound, in the order of the file.

        Raises:
            UnreadableError: if a frame cannot be decoded or has another size, or the file ends too early.
        """
        index = self._container.streams.video[0].index
        step = max(1, round(1 / (self.rate * self.time_base)))
        number, last, end = 0, -step, 0.0
        try:
            # All streams: the longest one determines the duration of the file.
            for packet in self._container.demux():
                if packet.pts is not None and packet.time_base:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream.type == "audio" and packet.dts is not None:
                    yield packet
                if packet.stream.index != index:
                    continue
                for decoded in packet.decode():
                    frame = cast("av.VideoFrame", decoded)
                    pixels = upright_pixels(frame)
                    if pixels.shape[:2] != self.size:
                        raise ValueError("it has another size than the first one")
                    given = None if self._kind == "avi" else frame.pts
                    following = last + step if given is None else given
                    last = max(following, last + 1) if number else following
                    yield VideoFrame(pixels, last, frame.duration or 0)
                    number += 1
        except (ValueError, ffmpeg_error()) as error:
            raise UnreadableError(f"frame {number}: {getattr(error, 'strerror', None) or error}") from error
        expected = (self._container.duration or 0) / 1_000_000
        if self._kind != "avi" and end < expected - MOST_MISSING:
            raise UnreadableError(f"a file that ends after {end:.1f} of {expected:.1f} seconds")


@contextmanager
def open_container(path: Path, kind: str) -> Iterator[InputContainer]:
    """A context with an open video file.

    Args:
        path: the file.
        kind: FFmpeg's name of its format.

    Raises:
        UnreadableError: if it is damaged.
    """
    import av

    # An open file and not its name, in which FFmpeg might see the address of a protocol.
    with path.open("rb") as file:
        try:
            with av.open(file, "r", format=kind) as container:
                yield container
        except ffmpeg_error() as error:
            raise UnreadableError(f"damaged: {error.strerror}") from error


def ffmpeg_error() -> type[av.FFmpegError]:
    """The class of FFmpeg's errors."""
    import av

    return av.FFmpegError


def quarter_turns(frame: av.VideoFrame) -> int:
    """How many times a frame is to be turned by 90 degrees, counterclockwise."""
    return round(frame.rotation / 90) % 4


def upright_pixels(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) uint8 of a frame in RGB, turned as the file says."""
    matrix = None
    if frame.colorspace == UNSPECIFIED:
        matrix = "ITU709" if frame.height >= HIGH_DEFINITION else "ITU601"
    pixels = frame.reformat(format="rgb24", src_colorspace=matrix).to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns(frame)), np.uint8)
