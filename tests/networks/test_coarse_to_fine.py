"""pix2pixHD's coarse-to-fine generator, and SPADE's generator for label maps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.inference.tiled.translate import translate_picture
from lightning_gans.networks import (
    CoarseToFineTranslator,
    PlainBatchNorm,
    ResNetTranslator,
    SPADETranslator,
    Translator,
)
from lightning_gans.runs.trained_weights import read_trained_weights
from tests.support import checkpoint_files
from tests.support.exports import FORMATS, difference_of
from tests.support.tiny_translation import tiny_pix2pix

COARSE: dict[str, Any] = {"width": 4, "halvings": 2, "blocks": 1}
SMALL: list[tuple[type[Translator], dict[str, Any]]] = [
    (CoarseToFineTranslator, {**COARSE, "local_blocks": 1}),
    (CoarseToFineTranslator, {**COARSE, "local_blocks": 1, "upsample": True}),
    (SPADETranslator, {"width": 2, "hidden": 4}),
    (SPADETranslator, {"width": 2, "hidden": 4, "doublings": 6}),
]


@pytest.mark.parametrize(("network", "arguments"), SMALL)
def test_images_of_valid_sides_are_translated(network: Any, arguments: dict[str, Any]) -> None:
    translator = network(5, 3, (64, 128), **arguments)
    for size in ((64, 128), (128, 64)):
        translated = translator(torch.rand(2, 5, *size) * 2 - 1)
        assert translated.shape == (2, 3, *size)
        assert translated.abs().max() <= 1
    translated.square().sum().backward()
    assert [name for name, weight in translator.named_parameters() if weight.grad is None] == []


def test_seven_doublings_have_a_block_more() -> None:
    network = SPADETranslator(2, 3, 128, width=2, hidden=4, doublings=7)
    assert len(network.blocks) == 8
    assert network(torch.rand(2, 2, 128, 128)).shape == (2, 3, 128, 128)


def test_only_the_convolutions_of_blocks_are_divided_by_their_singular_value() -> None:
    network = SPADETranslator(2, 3, 32, width=2, hidden=4)
    normalized = {name for name, layer in network.named_modules() if parametrize.is_parametrized(layer)}
    assert normalized
    assert all(".convolutions." in name for name in normalized)
    assert not any(
        parametrize.is_parametrized(each) for each in SPADETranslator(2, 3, 32, spectral_norm=False).modules()
    )


def test_plain_batch_normalization_has_running_statistics_and_no_weights() -> None:
    layer, maps = PlainBatchNorm(3), 2 + 3 * torch.randn(4, 3, 8, 8)
    other = nn.BatchNorm2d(3, affine=False)
    assert list(layer.parameters()) == []
    torch.testing.assert_close(layer(maps), other(maps))
    torch.testing.assert_close(layer.eval()(maps), other.eval()(maps), rtol=1e-4, atol=1e-4)


def test_the_global_generator_starts_from_one_that_was_trained_alone(tmp_path: Path) -> None:
    coarse = ResNetTranslator(3, 3, 32, **COARSE)
    settings = {
        "_class_path": "lightning_gans.variants.Pix2Pix",
        "generator": {"class_path": "lightning_gans.networks.ResNetTranslator", "init_args": COARSE},
        "size": 32,
    }
    path = checkpoint_files.write(tmp_path / "coarse.ckpt", settings, {"generator": coarse})
    model = tiny_pix2pix(partial(CoarseToFineTranslator, local_blocks=1, **COARSE), size=64)
    model.take(read_trained_weights(path))
    network = model.generator
    assert isinstance(network, CoarseToFineTranslator)
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(network.layers(images), coarse.layers[:-2](images))


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        (CoarseToFineTranslator, {"size": 48, "halvings": 4}, "size is 48; expected a multiple of 32"),
        (CoarseToFineTranslator, {"size": 64, "enhancers": 0}, "enhancers is 0; expected at least 1"),
        (CoarseToFineTranslator, {"size": 64, "width": 3}, r"width is 3; expected a multiple of 2 for 1 enhancer\(s\)"),
        (ResNetTranslator, {"size": 36, "halvings": 3}, "size is 36; expected a multiple of 8"),
        (SPADETranslator, {"size": 48}, "size is 48; expected a multiple of 32"),
        (SPADETranslator, {"size": 64, "doublings": 4}, "doublings is 4; expected 5, 6 or 7"),
        (SPADETranslator, {"size": 128, "doublings": 7, "width": 3}, "width is 3; expected an even number for 7"),
    ],
)
def test_bad_arguments_are_named(network: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(3, 3, **arguments)


@pytest.mark.parametrize(("network", "arguments"), SMALL[::2])
def test_larger_images_are_translated_in_windows(network: Any, arguments: dict[str, Any]) -> None:
    translator = network(3, 3, 64, **arguments).eval()
    picture = torch.randint(0, 256, (3, 100, 150), dtype=torch.uint8)
    assert translate_picture(translator, picture, 64).shape == (3, 100, 150)
    whole = to_uint8(translator(to_float(picture[None, :, :64, :64])))[0]
    assert torch.equal(translate_picture(translator, picture[:, :64, :64], 64), whole)


@pytest.mark.slow
@pytest.mark.parametrize(("network", "arguments"), SMALL[::2])
@pytest.mark.parametrize("kind", ["onnx", "torch_export"])
def test_they_are_exported(
    network: Any,
    arguments: dict[str, Any],
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "_class_path": "lightning_gans.variants.Pix2Pix",
        "generator": {"class_path": f"lightning_gans.networks.{network.__name__}", "init_args": arguments},
        "channels_a": 5,
        "channels_b": 3,
        "size": [64, 128],
    }
    path = checkpoint_files.write(tmp_path / "a.ckpt", settings, {"generator": network(5, 3, (64, 128), **arguments)})
    command_line("export", [str(path), "--format", kind, "--out", f"x{FORMATS[kind]}"])
    assert difference_of(capsys.readouterr().out) < 1e-5
