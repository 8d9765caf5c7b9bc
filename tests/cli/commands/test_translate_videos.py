"""``translate`` on animations and videos."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.gif_files import GifReader
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.inference import ImageTranslator, load
from tests.support import checkpoint_files
from tests.support.films import COLORS, TIMES, animation, read, write
from tests.support.translated import ended, files, noise, save, untranslated


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    untranslated(Path("same.ckpt"))


def test_a_folder_of_all_kinds_in_one_bar(capsys: pytest.CaptureFixture[str]) -> None:
    save("in/a.png", noise(8, 8))
    write(Path("in/film.mp4"))
    write(Path("in/sub.v2.avi"), sound=False)
    animation(Path("in/moving.gif"))
    animation(Path("in/still.gif"), (10,))
    command_line("translate", ["same.ckpt", "in", "--out", "out", "--progress"])
    told = capsys.readouterr()
    assert told.out == "files: out (5 by raw weights of step 7)\n"
    assert "17/17" in told.err  # frames: 1 + 6 + 6 + 3 + 1
    assert files() == ["a.png", "film.mp4", "moving.gif", "still.png", "sub.v2.mkv"]
    made, given = read(Path("out/film.mp4")), read(Path("in/film.mp4"))
    assert made.times == pytest.approx(list(TIMES), abs=0.001)
    assert made.sounds == given.sounds
    assert np.abs(np.array(made.colors) - COLORS).max() <= 12


def test_each_frame_of_an_animation_is_translated_as_an_image() -> None:
    model = checkpoint_files.both_ways(Path("model.ckpt"))
    animation(Path("a.gif"), (10, 3, 200), loops=2)
    command_line("translate", [str(model), "a.gif", "--out", "out", "--direction", "a_to_b"])
    trained = load(model)
    assert isinstance(trained, ImageTranslator)
    with GifReader(Path("out/a.gif")) as made, GifReader(Path("a.gif")) as given:
        assert (made.size, made.loops) == (given.size, 2)
        for ours, theirs in zip(made.frames(), given.frames(), strict=True):
            assert ours.hundredths == theirs.hundredths
            image = theirs.image.convert("L" if trained.network("a_to_b").channels_in == 1 else "RGB")
            expected = to_uint8(trained.translate(to_float(pixels_of(image))[None], "a_to_b"))[0]
            drawn = np.asarray(ours.image.convert("RGB")).transpose(2, 0, 1).astype(int)
            assert np.abs(drawn - expected.numpy()).mean() <= 4  # 256 colors a frame


def test_a_gray_model_translates_a_video() -> None:
    model = untranslated(Path("gray.ckpt"), channels=1)
    write(Path("a.mp4"), sound=False)
    command_line("translate", [str(model), "a.mp4", "--out", "out"])
    expected = [Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0)) for color in COLORS]
    assert np.abs(np.array(read(Path("out/a.mp4")).colors)[:, 0] - np.array(expected, int)).max() <= 6


def test_files_that_cannot_be_read_are_named_and_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    whole = write(Path("whole.mp4")).read_bytes()
    Path("cut.mp4").write_bytes(whole[:2000])
    Path("list.mkv").write_text("#EXTM3U\nwhole.mp4\n")
    content = animation(Path("whole.gif")).read_bytes()
    Path("cut.gif").write_bytes(content[:-30])
    assert ended("same.ckpt", "cut.mp4", "list.mkv", "cut.gif", "whole.mp4") == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("lightning-gans: cut.mp4 cannot be read (damaged: ")
    assert told[1] == "lightning-gans: list.mkv cannot be read (not a video; expected MP4, MOV, Matroska, WebM or AVI)"
    assert told[2].startswith("lightning-gans: cut.gif cannot be read (frame 2: ")
    assert told[3] == "lightning-gans: 3 of 4 files could not be translated"
    assert files() == ["whole.mp4"]


def test_nothing_is_overwritten_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("a.mp4"))
    command_line("translate", ["same.ckpt", "a.mp4", "--out", "out"])
    before = Path("out/a.mp4").read_bytes()
    assert ended("same.ckpt", "a.mp4") == 2
    assert "--out is out, which is a folder that is not empty" in capsys.readouterr().err
    assert Path("out/a.mp4").read_bytes() == before
    command_line("translate", ["same.ckpt", "a.mp4", "--out", "out", "--overwrite"])
    assert ended("same.ckpt", "out/a.mp4", "--overwrite") == 2
    assert "out/a.mp4 would be replaced by its translation" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_does_not_depend_on_the_length() -> None:
    def peak(frames: int) -> int:
        name = f"film{frames}.mp4"
        with av.open(name, "w") as out:
            stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
            for number in range(frames):
                pixels = np.full((240, 320, 3), number % 256, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode())
        command = [sys.executable, "-m", "lightning_gans", "translate", "same.ckpt", name, "--out", f"out{frames}"]
        code = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        printed = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
        return int(printed.stdout.split()[-1])

    # 300 frames of 230 kB are 69 MB.
    assert peak(360) - peak(60) < 30_000
