"""Short videos and animations, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image

FORMATS = {
    ".mp4": ("mp4", "libx264", "aac", Fraction(1, 12800)),
    ".mov": ("mov", "libx264", "pcm_s16le", Fraction(1, 600)),
    ".mkv": ("matroska", "libx264", "flac", Fraction(1, 1000)),
    ".webm": ("webm", "libvpx-vp9", "libopus", Fraction(1, 1000)),
    ".avi": ("avi", "mpeg4", "pcm_s16le", Fraction(1, 25)),
}
"""For each extension the format, the codecs and the unit of times."""

TIMES = (0.0, 0.04, 0.08, 0.16, 0.2, 0.32)
"""Seconds at which the frames begin."""

COLORS = [(200, 40, 30), (20, 180, 60), (30, 60, 200), (128, 128, 128), (250, 240, 20), (10, 10, 10)]


class Film(NamedTuple):
    """What a video holds: the times of its frames, the color of the middle of each, and the packets of its sound."""

    times: list[float]
    colors: list[tuple[int, ...]]
    sounds: list[bytes]
    size: tuple[int, int]
    seconds: float


def write(path: Path, size: tuple[int, int] = (48, 64), sound: bool = True, turned: int = 0) -> Path:
    """Write a video of six frames of one color each, with times that are not even where the format has times."""
    kind, codec, voice, unit = FORMATS[path.suffix]
    with path.open("wb") as file, av.open(file, "w", format=kind) as out:
        stream: Any = out.add_stream(codec, rate=25, options={"crf": "10"} if codec != "mpeg4" else {})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = unit
        if codec == "mpeg4":
            stream.codec_context.bit_rate = 4_000_000
        if turned:
            stream.set_display_rotation(turned)
        heard: Any = out.add_stream(voice, rate=48000, layout="mono") if sound else None
        for number, (time, color) in enumerate(zip(TIMES, COLORS, strict=True)):
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), color, np.uint8), format="rgb24")
            frame.pts = number if kind == "avi" else round(time / unit)
            frame.time_base, frame.duration = unit, round(0.04 / unit)
            out.mux(stream.encode(frame))
            if sound:
                tone = np.sin(np.arange(1920) / 10 + number)[None] * 0.5
                wave = av.AudioFrame.from_ndarray((tone * 2**15).astype(np.int16), format="s16", layout="mono")
                wave.sample_rate, wave.pts, wave.time_base = 48000, number * 1920, Fraction(1, 48000)
                out.mux(heard.encode(wave))
        out.mux(stream.encode())
        if sound:
            out.mux(heard.encode())
    return path


def read(path: Path) -> Film:
    """Read a video."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        times, colors, sounds, size = list[float](), list[tuple[int, ...]](), list[bytes](), (0, 0)
        for packet in file.demux():
            if packet.stream.type == "audio" and packet.size:
                sounds.append(bytes(packet))
            shown: Any = packet.decode() if packet.stream.index == stream.index else ()
            for frame in shown:
                pixels = frame.to_ndarray(format="rgb24")
                times.append(round(float(frame.time or 0), 4))
                size = pixels.shape[0], pixels.shape[1]
                colors.append(tuple(pixels[size[0] // 2, size[1] // 2].tolist()))
        return Film(times, colors, sounds, size, (file.duration or 0) / 1e6)


def animation(path: Path, hundredths: Sequence[int] = (10, 3, 200), loops: int | None = 0, clear: bool = False) -> Path:
    """Write a GIF with a frame of another color for each duration; with ``clear``, its left half is transparent."""
    frames = []
    for color in COLORS[: len(hundredths)]:
        frame = Image.new("RGBA", (40, 36), (*color, 255))
        if clear:
            frame.paste((0, 0, 0, 0), (0, 0, 20, 36))
        frames.append(frame)
    options: dict[str, Any] = {} if loops is None else {"loop": loops}
    durations = [10 * each for each in hundredths]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, disposal=2, **options)
    return path
