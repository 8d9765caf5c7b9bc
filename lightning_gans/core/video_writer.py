"""Writing of video files: translated frames at the times of the original, and its sound as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from lightning_gans.core.video_files import VideoFrame, VideoReader, ffmpeg_error

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

H264, VP9 = "libx264", "libvpx-vp9"

ENCODERS = {
    # Without frames that refer to later ones, packets are in the order of their times, and every player knows when the
    # last frame ends.
    H264: {"crf": "16", "bf": "0"},
    VP9: {"crf": "16", "cpu-used": "4"},
}
"""Encoders and their options: a quality at which losses are hardly visible."""

WRITTEN = {
    ".mp4": ("mp4", H264),
    ".m4v": ("mp4", H264),
    ".mov": ("mov", H264),
    ".mkv": ("matroska", H264),
    ".webm": ("webm", VP9),
}
"""For each extension the format and the encoder of the files that are written."""

BT709, LIMITED_RANGE = 1, 1
"""FFmpeg's numbers for the conversion from RGB to YCbCr, and for levels from 16 to 235."""


def written_extension(extension: str) -> str:
    """The extension of the file that a video becomes: its own, or that of Matroska for AVI, which has no times."""
    return extension if extension in WRITTEN else ".mkv"


class VideoWriter:
    """Writes a video file frame by frame; a context manager.

    The frames have the times, the shape of pixels and the meaning of colors of another video, and the file its sound.
    An odd side is extended by one pixel, as the format requires.

    Args:
        path: the file to write; its extension is one of :data:`WRITTEN`.
        like: the other video.

    Raises:
        ValueError: if the format cannot hold such frames or such sound.
        OSError: if the file cannot be written.
    """

    def __init__(self, path: Path, like: VideoReader) -> None:
        import av

        kind, encoder = WRITTEN[path.suffix.lower()]
        with ExitStack() as stack:
            self._container = stack.enter_context(av.open(stack.enter_context(path.open("wb")), "w", format=kind))
            stream = self._container.add_stream(encoder, rate=like.rate, options=ENCODERS[encoder])
            self._stream = cast("VideoStream", stream)
            self._stream.height, self._stream.width = (side + side % 2 for side in like.size)
            self._stream.pix_fmt = "yuv420p"
            context = self._stream.codec_context
            context.time_base, context.sample_aspect_ratio = like.time_base, like.aspect
            context.colorspace, context.color_range = BT709, LIMITED_RANGE
            context.color_primaries, context.color_trc = like.color
            self._time_base = like.time_base
            try:
                self._sounds = {each.index: self._container.add_stream_from_template(each) for each in like.sounds}
            except (ValueError, ffmpeg_error()) as error:
                raise ValueError(f"its sound cannot be copied to a {path.suffix} file: {error}") from error
            self._files = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            with suppress(Exception):  # the file is not kept
                self._files.close()
            return
        with encoding(), self._files:
            self._container.mux(self._stream.encode())

    def write(self, frame: VideoFrame, pixels: NDArray[np.uint8]) -> None:
        """Write a frame.

        Args:
            frame: the frame of the other video in whose place it is.
            pixels: (H, W, 3) uint8, RGB.

        Raises:
            ValueError: if it cannot be encoded.
            OSError: if the file cannot be written.
        """
        import av

        missing = [(0, side - given) for side, given in zip(self._size, pixels.shape, strict=False)]
        padded = np.pad(pixels, (*missing, (0, 0)), mode="edge")
        made = av.VideoFrame.from_ndarray(padded, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        made.pts, made.time_base, made.duration = frame.pts, self._time_base, frame.duration
        with encoding():
            self._container.mux(self._stream.encode(made))

    def copy(self, sound: av.Packet[Any]) -> None:
        """Write a packet of sound of the other video; errors as of :meth:`write`."""
        sound.stream = self._sounds[sound.stream.index]
        with encoding():
            self._container.mux(sound)

    @property
    def _size(self) -> tuple[int, int]:
        return self._stream.height, self._stream.width


@contextmanager
def encoding() -> Iterator[None]:
    """A context in which FFmpeg's errors become a ValueError, except those of the file system."""
    try:
        yield
    except OSError:
        raise
    except ffmpeg_error() as error:
        raise ValueError(f"it cannot be encoded: {error.strerror}") from error
