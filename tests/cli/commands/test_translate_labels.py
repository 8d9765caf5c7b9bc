"""``lightning-gans translate`` of label maps, whose classes are the channels of the network's input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import lightning_gans
from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.errors import InputError
from lightning_gans.demo.page import check_channels
from lightning_gans.inference import ImageTranslator
from lightning_gans.networks import ResNetTranslator
from tests.support import checkpoint_files
from tests.support.translated import ended, noise, pixels, save

CLASSES = 7


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageTranslator:
    """A model from label maps to pictures, trained on rectangles, whose checkpoint is labels.ckpt."""
    monkeypatch.chdir(tmp_path)
    arguments: dict[str, Any] = {"blocks": 1, "width": 2}
    settings = {
        "_class_path": "lightning_gans.variants.Pix2Pix",
        "generator": {"class_path": "lightning_gans.networks.ResNetTranslator", "init_args": arguments},
        "channels_a": CLASSES,
        "channels_b": 3,
        "size": [16, 24],
    }
    torch.manual_seed(0)
    network = ResNetTranslator(CLASSES, 3, (16, 24), **arguments)
    loaded = lightning_gans.load(checkpoint_files.write(Path("labels.ckpt"), settings, {"generator": network}))
    assert isinstance(loaded, ImageTranslator)
    return loaded


def test_gray_levels_and_places_in_a_palette_are_the_classes(model: ImageTranslator) -> None:
    labels = noise(20, 28, 1) % CLASSES
    labels[0, 0] = 255
    save("gray.png", labels)
    colored = Image.fromarray(labels, mode="P")
    colored.putpalette([level for color in range(256) for level in (255 - color, color, 9)])
    colored.save("palette.png")
    command_line("translate", ["labels.ckpt", "gray.png", "palette.png", "--out", "out"])
    one_hot = 255 * (labels[:, :, None] == np.arange(CLASSES)).astype(np.uint8)
    expected = model.translate_array(one_hot)
    assert expected.shape == (20, 28, 3)
    for name in ("gray", "palette"):
        assert np.array_equal(pixels(f"out/{name}.png"), expected)


def test_other_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    save("good.png", noise(8, 8, 1) % CLASSES)
    save("color.png", noise(8, 8, 3))
    save("high.png", np.full((8, 8), CLASSES, dtype=np.uint8))
    assert ended("labels.ckpt", "good.png", "color.png", "high.png") == 1
    told = capsys.readouterr().err
    assert "color.png cannot be read (pixels of mode RGB; expected a label map: gray levels of 8 bits" in told
    assert "high.png cannot be translated (a label map with class 7; expected 0 to 6 for 7 channels" in told
    assert pixels("out/good.png").shape == (8, 8, 3)


def test_the_page_has_no_label_maps(model: ImageTranslator) -> None:
    with pytest.raises(InputError, match=r"the model's input has 7 channels; the page expects 1 \(gray\) or 3 \(RGB\)"):
        check_channels(model)


@pytest.mark.slow
def test_rectangles_are_exported(capsys: pytest.CaptureFixture[str]) -> None:
    command_line("export", ["labels.ckpt", "--format", "onnx"])
    assert "batches of 1, 3 and 8 at 16 x 24 pixels, and 2 of 24 x 36" in capsys.readouterr().out
