"""Videos are read frame by frame, and written at the same times with the same sound."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import pytest

from lightning_gans.core.video_files import VideoFrame, VideoReader, video_format
from lightning_gans.core.video_writer import VideoWriter, written_extension
from tests.support.films import COLORS, FORMATS, TIMES, read, write


def copied(source: Path) -> Path:
    """The file that a video becomes if nothing is done to its frames."""
    target = source.with_name(f"copy{written_extension(source.suffix)}")
    with VideoReader(source) as reader, VideoWriter(target, reader) as writer:
        for part in reader.parts():
            if isinstance(part, VideoFrame):
                writer.write(part, part.pixels)
            else:
                writer.copy(part)
    return target


FAST = (".mp4", ".avi")


@pytest.mark.parametrize(
    "extension", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in FORMATS]
)
def test_frames_times_colors_and_sound_are_kept(extension: str, tmp_path: Path) -> None:
    source = write(tmp_path / f"film{extension}")
    made, given = read(copied(source)), read(source)
    times = [number / 25 for number in range(6)] if extension == ".avi" else list(TIMES)
    assert made.times == pytest.approx(times, abs=0.001)
    assert made.sounds == given.sounds
    assert made.sounds
    assert made.seconds == pytest.approx(given.seconds if extension == ".avi" else 0.36, abs=0.03)
    assert np.abs(np.array(made.colors) - COLORS).max() <= 8


def test_upright_frames_of_a_turned_video(tmp_path: Path) -> None:
    source = write(tmp_path / "film.mp4", sound=False, turned=90)
    with VideoReader(source) as reader:
        assert reader.size == (64, 48)
    assert read(copied(source)).size == (64, 48)


def test_a_turned_frame_is_turned_counterclockwise(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.set_display_rotation(90)
        pixels = np.zeros((32, 48, 3), np.uint8)
        pixels[:, 32:] = 255  # the right, which is then at the top
        out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    with VideoReader(path) as reader:
        part = next(reader.parts())
    assert isinstance(part, VideoFrame)
    assert part.pixels[:14].mean() > 240
    assert part.pixels[18:].mean() < 15


def test_odd_sides_are_extended_by_one_pixel(tmp_path: Path) -> None:
    source = write(tmp_path / "film.webm", size=(35, 41), sound=False)
    with VideoReader(source) as reader:
        assert reader.size == (35, 41)
    assert read(copied(source)).size == (36, 42)


def test_files_that_are_no_whole_videos_are_refused(tmp_path: Path) -> None:
    def reason(content: bytes) -> str:
        path = tmp_path / "bad.mp4"
        path.write_bytes(content)
        with pytest.raises(ValueError) as error, VideoReader(path) as reader:  # noqa: PT011 (the message is)
            list(reader.parts())
        return str(error.value)

    whole = write(tmp_path / "film.mp4").read_bytes()
    assert reason(b"") == "not a video; expected MP4, MOV, Matroska, WebM or AVI"
    # FFmpeg would read the files that a play list names.
    assert reason(b"#EXTM3U\n#EXTINF:1,\nsecret.mp4\n").startswith("not a video")
    assert reason(whole[: len(whole) // 2]).startswith("damaged: ")
    broken = bytearray(write(tmp_path / "silent.mp4", sound=False).read_bytes())
    place = broken.find(b"mdat") + 4
    end = place + int.from_bytes(broken[place - 8 : place - 4], "big") - 8
    place += int.from_bytes(broken[place : place + 4], "big") + 4  # the encoder's settings
    place += int.from_bytes(broken[place : place + 4], "big") + 4  # the first frame
    broken[place:end] = bytes([250]) * (end - place)
    assert re.match(r"frame \d: |damaged: ", reason(bytes(broken)))  # the decoder reads ahead
    matroska = write(tmp_path / "film.mkv", sound=False).read_bytes()
    assert video_format(matroska) == "matroska"
    assert reason(matroska[:40]).startswith("damaged: ")


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=2)
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        values = np.random.default_rng(0)
        for _ in range(12):
            pixels = values.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader, pytest.raises(ValueError, match=r"ends after \d.\d of 6.0 seconds"):
        list(reader.parts())


def test_large_frames_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    write(tmp_path / "film.mp4", sound=False)
    with pytest.raises(ValueError, match=r"64 x 48 = 3,072 pixels; expected at most 3,000"):
        VideoReader(tmp_path / "film.mp4", max_pixels=3000)
