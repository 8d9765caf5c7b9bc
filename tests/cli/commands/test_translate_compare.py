"""``translate --compare``: input, translation and truth as files, and a page that shows them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from tests.support import checkpoint_files
from tests.support.films import animation, write
from tests.support.translated import ended, files, noise, pixels, save, untranslated


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    untranslated(Path("same.ckpt"))


def shown() -> list[str]:
    """The files that the page shows, all of which are there."""
    page = Path("out/index.html").read_text()
    assert "http" not in re.sub(r"http-equiv", "", page)
    found = [unquote(address) for address in re.findall(r"<(?:img|video) src=\"([^\"]+)\"", page)]
    assert all((Path("out") / name).is_file() for name in found)
    return found


def test_input_translation_and_truth_have_the_names_of_pix2pix(capsys: pytest.CaptureFixture[str]) -> None:
    save("in/sub/a #1.v2.jpg", noise(8, 12))
    save("true/sub/a #1.v2.png", 255 - noise(8, 12))
    command_line("translate", ["same.ckpt", "in", "--out", "out", "--compare", "--truth", "true"])
    names = [f"images/sub/a #1.v2_{which}.png" for which in ("fake_B", "real_A", "real_B")]
    assert files() == ["images/" + name.partition("/")[2] for name in names] + ["index.html"]
    assert sorted(shown()) == names
    assert np.array_equal(pixels(f"out/{names[2]}"), 255 - noise(8, 12))
    assert np.array_equal(pixels(f"out/{names[0]}"), pixels(f"out/{names[1]}"))
    assert capsys.readouterr().out.endswith("page: out/index.html\n")


def test_without_a_truth_and_in_the_other_direction() -> None:
    model = checkpoint_files.both_ways(Path("model.ckpt"))
    save("<b>.png", noise(32, 32))
    command_line("translate", [str(model), "<b>.png", "--out", "out", "--compare", "--direction", "b_to_a"])
    assert files() == ["images/<b>_fake_A.png", "images/<b>_real_B.png", "index.html"]
    assert shown() == ["images/<b>_real_B.png", "images/<b>_fake_A.png"]
    assert "<h2>&lt;b&gt;</h2>" in Path("out/index.html").read_text()


def test_the_half_of_a_pair_is_translated_and_the_other_is_the_truth() -> None:
    checkpoint_files.one_way(Path("back.ckpt"), b_to_a=True)
    values = noise(64, 128)
    save("pair.png", values)
    command_line("translate", ["same.ckpt", "pair.png", "--out", "out", "--compare", "--joined"])
    assert shown() == [f"images/pair_{which}.png" for which in ("real_A", "fake_B", "real_B")]
    assert np.array_equal(pixels("out/images/pair_fake_B.png"), values[:, :64])
    assert np.array_equal(pixels("out/images/pair_real_B.png"), values[:, 64:])
    command_line("translate", ["back.ckpt", "pair.png", "--out", "back", "--compare", "--joined"])
    right = np.asarray(Image.fromarray(values[:, 64:]).convert("L"))
    assert np.array_equal(pixels("back/images/pair_real_B.png"), right)  # the input of this model is gray
    assert np.array_equal(pixels("back/images/pair_real_A.png"), values[:, :64])


def test_an_odd_width_has_no_halves(capsys: pytest.CaptureFixture[str]) -> None:
    save("pair.png", noise(8, 15))
    assert ended("same.ckpt", "pair.png", "--joined") == 1
    assert "pair.png cannot be translated (15 pixels wide; expected an even width" in capsys.readouterr().err


def test_videos_and_animations_are_copied_beside_their_translations() -> None:
    write(Path("film.mp4"), sound=False)
    animation(Path("moving.gif"))
    command_line("translate", ["same.ckpt", "film.mp4", "moving.gif", "--out", "out", "--compare"])
    names = [f"images/{name}" for name in ("film_real_A.mp4", "film_fake_B.mp4", "moving_real_A.gif")]
    assert shown() == [*names, "images/moving_fake_B.gif"]
    assert Path("out/images/film_real_A.mp4").read_bytes() == Path("film.mp4").read_bytes()
    assert Path("out/index.html").read_text().count("<video ") == 2


def test_partners_that_are_missing_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        save(f"in/{number}.png", noise(8, 8))
    save("true/5.jpg", noise(8, 8))
    assert ended("same.ckpt", "in", "--compare", "--truth", "true") == 2
    said = "--truth is true, which holds no partner of 5 of 6 files: in/0.png, in/1.png, in/2.png and 2 more; expected"
    assert said in capsys.readouterr().err


def test_a_file_that_fails_is_not_on_the_page() -> None:
    save("a.png", noise(8, 8))
    Path("b.png").write_text("no picture")
    assert ended("same.ckpt", "a.png", "b.png", "--compare") == 1
    assert shown() == ["images/a_real_A.png", "images/a_fake_B.png"]
