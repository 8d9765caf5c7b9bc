"""``translate --answers``, and the Python API, of a model that gives many answers to one image."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.components.noise import NormalNoise, latents
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.demo.pictures import translate_image
from lightning_gans.inference import ImageTranslator, load
from lightning_gans.inference.translation_jobs import Job, Kind, answered_jobs
from tests.support import checkpoint_files
from tests.support.exports import assert_to_one_level, onnx_images, session
from tests.support.translated import ended, files, noise, pixels, save, untranslated


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageTranslator:
    monkeypatch.chdir(tmp_path)
    loaded = load(checkpoint_files.many_answers(Path("many.ckpt")))
    assert isinstance(loaded, ImageTranslator)
    return loaded


def test_answers_have_the_codes_of_a_seed(model: ImageTranslator) -> None:
    images = torch.rand(2, 1, 64, 64) * 2 - 1
    codes = latents(NormalNoise(), 3, 5, range(2))
    assert model.latent_dim() == 3
    for answer, code in enumerate(codes):
        with torch.inference_mode():
            expected = model.network()(images, code.expand(2, -1))
        torch.testing.assert_close(model.translate(images, seed=5, answer=answer), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model.translate(images, seed=5), model.translate(images))
    assert "latent codes of 3 numbers" in model.input_description
    with pytest.raises(ValueError, match="answer is -1; expected at least 0"):
        model.translate(images, answer=-1)
    with pytest.raises(ValueError, match="seed is -1; expected at least 0"):
        model.translate_array(noise(64, 64, 1), seed=-1)


def test_the_command_writes_each_answer_and_the_page_shows_them_side_by_side(model: ImageTranslator) -> None:
    values = noise(64, 64, 1)
    save("in/a.b.png", values)
    save("true/a.b.png", noise(64, 64))
    command = ["many.ckpt", "in", "--compare", "--truth", "true", "--seed", "5", "--answers", "2", "--out", "out"]
    command_line("translate", command)
    names = [f"images/a.b_fake_B_answer{answer}.png" for answer in range(2)]
    assert files() == [*names, "images/a.b_real_A.png", "images/a.b_real_B.png", "index.html"]
    page = Path("out/index.html").read_text()
    assert re.findall(r"img src=\"([^\"]+)\"", page) == ["images/a.b_real_A.png", *names, "images/a.b_real_B.png"]
    assert "1 translation by" in page
    assert "answer 1" in page
    given = to_float(torch.from_numpy(values))[None, None]
    for answer, name in enumerate(names):
        made = to_uint8(model.translate(given, seed=5, answer=answer))[0].permute(1, 2, 0).numpy()
        assert np.abs(pixels(f"out/{name}").astype(int) - made.astype(int)).max() <= 1
    command_line("translate", ["many.ckpt", "in", "--out", "one"])
    command_line("translate", ["many.ckpt", "in", "--out", "two", "--answers", "2"])
    assert np.array_equal(pixels("one/a.b.png"), pixels("two/a.b_answer0.png"))
    assert not np.array_equal(pixels("one/a.b.png"), pixels("two/a.b_answer1.png"))


def test_the_page_gives_the_first_answer_of_a_seed(model: ImageTranslator) -> None:
    values = noise(64, 64, 1)
    _, made = translate_image(model, Image.fromarray(values), seed=7)
    expected = model.translate_array(values, seed=7)
    assert np.array_equal(np.asarray(made), expected)
    assert not np.array_equal(np.asarray(made), model.translate_array(values))


@pytest.mark.slow
def test_onnx_takes_images_and_codes(model: ImageTranslator, capsys: pytest.CaptureFixture[str]) -> None:
    command_line("export", ["many.ckpt", "--format", "onnx", "--out", "x.onnx"])
    assert "random images and latent codes" in capsys.readouterr().out
    assert [given.name for given in session(Path("x.onnx")).get_inputs()] == ["images", "latent"]
    images, codes = torch.rand(4, 1, 64, 64) * 2 - 1, torch.randn(4, 3)
    with torch.inference_mode():
        expected: Any = model.network()(images, codes)
    assert_to_one_level(expected, onnx_images(Path("x.onnx"), images=images, latent=codes))


def test_names_of_answers_must_differ(tmp_path: Path) -> None:
    jobs = [
        Job(tmp_path / name, tmp_path / "out" / name, Kind.IMAGE, Path(name).with_suffix(""))
        for name in ("a.png", "b.gif")
    ]
    assert answered_jobs(jobs, 1) == jobs
    assert [job.target.name for job in answered_jobs(jobs, 2)] == [
        *("a_answer0.png", "a_answer1.png"),
        *("b_answer0.gif", "b_answer1.gif"),
    ]
    twice = [*jobs, jobs[0]._replace(source=tmp_path / "other.png")]
    with pytest.raises(InputError, match=r"would both become .*a_answer0\.png"):
        answered_jobs(twice, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--answers", "0"], "--answers is 0; expected at least 1"),
        (["--seed", "-1"], "--seed is -1; expected at least 0"),
        (["--answers", "2"], "--answers is 2, but the model gives one answer to an image; expected a model that takes"),
        (["--seed", "3"], "--seed is 3, but the model gives one answer to an image; .* such as BicycleGAN"),
    ],
)
def test_bad_options_are_named(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    untranslated(Path("same.ckpt"))
    save("a.png", noise(8, 8))
    assert ended("same.ckpt", "a.png", *options) == 2
    assert re.search(message, capsys.readouterr().err)
    with pytest.raises(ValueError, match="answer is 1, but IdentityTranslator takes no latent codes and gives one"):
        load("same.ckpt").translate(torch.zeros(1, 3, 8, 8), answer=1)
