"""Arrays of any size are translated as the command ``translate`` translates files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.inference import ImageTranslator, load
from tests.support import checkpoint_files
from tests.support.translated import noise, pixels, save, untranslated


def translator(path: Path) -> ImageTranslator:
    model = load(path)
    assert isinstance(model, ImageTranslator)
    return model


def test_pixels_are_those_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = checkpoint_files.both_ways(Path("model.ckpt"))
    model = translator(path)
    channels = model.network("a_to_b").channels_in
    save("a.png", noise(70, 45, channels))
    command_line("translate", [str(path), "a.png", "--out", "out", "--direction", "a_to_b", "--tile", "40"])
    made = model.translate_array(noise(70, 45, channels), "a_to_b", tile=40)
    assert made.dtype == np.uint8
    assert np.array_equal(made, pixels("out/a.png"))


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(9, 70, 3), (2, 9, 70, 3)])
def test_type_shape_and_values_are_kept(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    values: Any = np.random.default_rng(0).random(shape)
    values = values * 2 - 1 if kind.startswith("float") else np.rint(values * np.iinfo(kind).max)
    values = values.astype(kind)
    made = translator(untranslated(tmp_path / "same.ckpt")).translate_array(values)
    assert (made.dtype, made.shape) == (values.dtype, shape)
    assert np.allclose(made, values, atol=0 if kind.startswith("uint") else 1e-6, rtol=0)


def test_gray_images_need_no_axis_of_channels(tmp_path: Path) -> None:
    model = translator(untranslated(tmp_path / "gray.ckpt", channels=1))
    assert model.translate_array(noise(8, 9, 1)).shape == (8, 9)
    assert model.translate_array(noise(8, 9, 1)[:, :, None]).shape == (8, 9, 1)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((8, 8), np.uint8), r"array has shape \(8, 8\); expected \(H, W, 3\)"),
        (np.zeros((0, 8, 3), np.uint8), r"array has shape \(0, 8, 3\)"),
        (np.zeros((8, 8, 3), np.int32), "array has type int32; expected uint8, uint16 or float"),
        (np.full((8, 8, 3), 200.0), r"array has values from 200 to 200; expected \[-1, 1\]"),
        (np.full((8, 8, 3), np.nan), r"expected \[-1, 1\]"),
    ],
)
def test_other_arrays_are_refused(array: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        translator(untranslated(tmp_path / "same.ckpt")).translate_array(array)


def test_the_caller_s_array_is_not_changed(tmp_path: Path) -> None:
    values = np.asarray(Image.new("RGB", (8, 8), "red"))  # read-only
    model = translator(untranslated(tmp_path / "same.ckpt"))
    assert np.array_equal(model.translate_array(values), values)
    assert torch.is_grad_enabled()
