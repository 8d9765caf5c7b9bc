"""``lightning-gans translate`` with the borders of instances, which are the last channel of the network's input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lightning_gans
from lightning_gans.core.label_maps import borders
from lightning_gans.inference import ImageTranslator
from lightning_gans.networks import ResNetTranslator
from tests.support import checkpoint_files
from tests.support.translated import ended, noise, pixels, save

CLASSES = 6


def write(path: Path, **facts: Any) -> ImageTranslator:
    arguments: dict[str, Any] = {"blocks": 1, "width": 2}
    settings = {
        "_class_path": "lightning_gans.variants.Pix2Pix",
        "generator": {"class_path": "lightning_gans.networks.ResNetTranslator", "init_args": arguments},
        "channels_a": CLASSES + 1,
        "channels_b": 3,
        "size": 16,
    }
    torch.manual_seed(0)
    network = ResNetTranslator(CLASSES + 1, 3, 16, **arguments)
    loaded = lightning_gans.load(checkpoint_files.write(path, settings, {"generator": network}, **facts))
    assert isinstance(loaded, ImageTranslator)
    return loaded


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageTranslator:
    monkeypatch.chdir(tmp_path)
    return write(Path("bordered.ckpt"), borders=["a"])


def test_borders_are_computed_from_the_maps_of_instances(
    model: ImageTranslator, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, instances = noise(20, 28, 1) % CLASSES, noise(20, 28, 1) % 3
    for name in ("one", "two"):
        save(f"maps/{name}_ids.png", labels)
        save(f"objects/{name}_instances.png", instances)
    save("objects/two_instances.png", instances[:4])
    options = ["--instances", "objects", "--endings", "_ids", "_instances"]
    assert ended("bordered.ckpt", "maps", *options) == 1
    assert "two_ids.png cannot be translated (its map of instances is one of 28 x 4; expected one of 28 x 20" in (
        capsys.readouterr().err
    )
    one_hot = labels[:, :, None] == np.arange(CLASSES)
    given = np.concatenate([one_hot, borders(instances.astype(np.int32))[:, :, None]], axis=2)
    assert np.array_equal(pixels("out/one_ids.png"), model.translate_array(255 * given.astype(np.uint8)))


def test_maps_of_instances_are_asked_for_and_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("plain.ckpt"))
    save("maps/one.png", noise(8, 8, 1) % CLASSES)
    save("objects/other.png", noise(8, 8, 1))
    given = ["--instances", "objects"]
    for command, message in (
        (["bordered.ckpt", "maps"], "trained with the borders of instances; expected --instances, their maps"),
        (
            ["plain.ckpt", "maps", *given],
            "objects, but the model was trained without the borders of instances; expected",
        ),
        (["bordered.ckpt", "maps", *given], "objects, which holds no partner of 1 of 1 files: "),
    ):
        assert ended(*command) == 2
        assert message in capsys.readouterr().err


def test_exported_models_know_that_they_take_borders(model: ImageTranslator) -> None:
    model.save_pretrained(Path("folder"))
    loaded = lightning_gans.load("folder")
    assert isinstance(loaded, ImageTranslator)
    assert loaded.takes_borders("a_to_b")
    assert loaded.metadata["borders"] == ["a"]
