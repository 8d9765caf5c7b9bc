"""Animations are read frame by frame, and written with the same durations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_gans.core.gif_files import GifReader, GifWriter, is_animated
from tests.support.films import animation


def copied(source: Path) -> Path:
    """The file that an animation becomes if nothing is done to its frames."""
    target = source.with_name("copy.gif")
    with GifReader(source) as reader, GifWriter(target, reader.size, reader.loops) as writer:
        for frame in reader.frames():
            writer.write(frame.image, frame.hundredths)
    return target


@pytest.mark.parametrize("loops", [None, 0, 3])
def test_frames_durations_and_loops_are_kept(loops: int | None, tmp_path: Path) -> None:
    source = animation(tmp_path / "a.gif", (10, 3, 200), loops)
    with GifReader(source) as given, GifReader(copied(source)) as made:
        assert (made.size, made.count, made.loops) == (given.size, 3, loops)
        for theirs, ours in zip(given.frames(), made.frames(), strict=True):
            assert ours.hundredths == theirs.hundredths
            assert np.array_equal(np.asarray(ours.image.convert("RGB")), np.asarray(theirs.image.convert("RGB")))


def test_transparent_pixels_stay_transparent(tmp_path: Path) -> None:
    source = animation(tmp_path / "a.gif", clear=True)
    with GifReader(copied(source)) as made:
        for frame in made.frames():
            alpha = np.asarray(frame.image.convert("RGBA"))[:, :, 3]
            assert (alpha[:, :20] == 0).all()
            assert (alpha[:, 20:] == 255).all()


def test_every_color_of_a_frame_with_few_is_kept(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    with GifWriter(tmp_path / "a.gif", (20, 12), 0) as writer:
        writer.write(Image.fromarray(pixels), 4)
        writer.write(Image.fromarray(pixels[::-1].copy()), 4)
    with GifReader(tmp_path / "a.gif") as made:
        first, second = (np.asarray(frame.image) for frame in made.frames())
    assert np.array_equal(first, pixels)
    assert np.array_equal(second, pixels[::-1])


def test_damaged_animations_are_refused(tmp_path: Path) -> None:
    content = animation(tmp_path / "a.gif").read_bytes()
    path = tmp_path / "b.gif"
    path.write_bytes(content[: len(content) - 30])
    with GifReader(path) as reader, pytest.raises(ValueError, match="frame 2: "):
        list(reader.frames())
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a GIF"):
        GifReader(path)
    with pytest.raises(ValueError, match="1,440 pixels; expected at most 99"):
        GifReader(tmp_path / "a.gif", max_pixels=99)


def test_what_is_animated(tmp_path: Path) -> None:
    assert is_animated(animation(tmp_path / "a.gif"))
    assert not is_animated(animation(tmp_path / "b.gif", (10,)))
    assert not is_animated(tmp_path / "nowhere.gif")
