"""Rectangles with an alpha channel, and images of many channels, from a folder to the page of the trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.core.images import to_uint8
from lightning_gans.demo.pictures import Choice, film_strip, sample_grid
from lightning_gans.inference import LatentSampler, load
from tests.cli.test_resume import INTERRUPT
from tests.support.command_line import QUIET

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.filterwarnings("ignore:Validation will measure no scores"),
]

R3GAN = ["--model", "R3GAN", "--model.generator.blocks", "1", "--model.discriminator.blocks", "1"]
TINY = ["--model.generator.width", "8", "--model.discriminator.width", "8", "--model.generator.latent_dim", "4"]
DATA = ["--data", "ImageFolderDataModule", "--data.root", "stickers", "--data.channels", "4", "--data.val_size", "4"]
BATCHES = ["--data.batch_size", "4", "--data.eval_batch_size", "4", "--trainer.max_steps", "6"]
OTHERS = ["--evaluation.extractor", "null", "--seed_everything", "0", "--trainer.logger.name", "stickers"]
FIT = ["fit", *R3GAN, *TINY, *DATA, "--data.size", "[16, 24]", *BATCHES, *OTHERS, *QUIET]
RUN = Path("runs/stickers/version_0")


@pytest.fixture
def stickers(empty_folder: None) -> None:
    """Twelve pictures of 40 x 30 pixels with an alpha channel, in two class folders."""
    rng = np.random.default_rng(0)
    for index in range(12):
        path = Path("stickers") / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 40, 4), dtype=np.uint8)).save(path)


@pytest.mark.slow
@pytest.mark.usefixtures("stickers")
def test_rectangles_with_alpha_from_the_folder_to_the_page() -> None:
    cli = build(FIT)
    generator = cli.model.generator
    assert (generator.channels, generator.size) == (4, (16, 24))
    with Image.open(RUN / "samples" / "real.png") as grid:
        assert grid.mode == "RGB"
        assert (grid.width - 2) / 4 / (grid.height - 2) == pytest.approx(24 / 16, rel=0.02)  # four in a row

    command_line("sample", [str(RUN), "--n", "2", "--out", "out"])
    model = load(RUN)
    assert isinstance(model, LatentSampler)
    for index, expected in enumerate(to_uint8(model.sample(2))):
        with Image.open(f"out/{index:06d}.png") as picture:
            assert picture.mode == "RGBA"
            assert np.array_equal(np.asarray(picture), expected.permute(1, 2, 0))
    command_line("sample", [str(RUN), "--n", "2", "--out", "grid.png"])
    for name in ("way.png", "way.gif", "way.mp4"):
        command_line("interpolate", [str(RUN), "--steps", "3", "--out", name])
        assert Path(name).stat().st_size
    for form, name in (("safetensors", "a.safetensors"), ("onnx", "a.onnx"), ("huggingface", "hub")):
        command_line("export", [str(RUN), "--format", form, "--out", name])
    assert (Path("hub") / "samples.png").exists()
    assert sample_grid(model, Choice(0)).mode == "RGBA"
    assert film_strip(model, Choice(0), Choice(1)).mode == sample_grid(model, Choice(0), 4).mode == "RGB"
    assert model.sample(3)._repr_png_()


@pytest.mark.usefixtures("stickers")
def test_a_run_of_rectangles_that_was_interrupted_ends_with_the_same_bits() -> None:
    build(FIT)
    with pytest.raises(RunEnded):
        build([*FIT, INTERRUPT])
    build(["fit", "--resume", "runs/stickers/version_1"])
    whole, resumed = (
        torch.load(f"runs/stickers/version_{index}/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for index in range(2)
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.usefixtures("stickers")
def test_a_test_of_rectangles_analyzes_the_model() -> None:
    build(FIT)
    build(["test", "--config", str(RUN / "config.yaml"), "--analysis.rows", "2", "--ckpt_path", str(RUN), *QUIET])
    assert {path.name for path in (RUN / "analysis").glob("*.png")} >= {"neighbors.png", "interpolation.png"}


@pytest.mark.slow
def test_images_of_many_channels_are_predicted_as_arrays() -> None:
    rng = np.random.default_rng(0)
    Path("bands").mkdir()
    for index in range(12):
        np.save(f"bands/{index}.npy", rng.integers(0, 2**16, (24, 16, 6), dtype=np.uint16))
    networks = ["--model", "DCGAN", "--model.generator.width", "2", "--model.discriminator.width", "2"]
    bands = ["--data", "ImageFolderDataModule", "--data.root", "bands", "--data.channels", "6", "--data.val_size", "4"]
    fit = ["fit", *networks, *bands, "--data.size", "[24, 16]", *BATCHES, *OTHERS, *QUIET]
    build(fit)
    build(["predict", "--config", str(RUN / "config.yaml"), "--ckpt_path", str(RUN), *QUIET])
    written: list[Any] = [np.load(path) for path in sorted((RUN / "predictions").iterdir())]
    assert [values.shape for values in written] == [(24, 16, 6)] * 4
    with pytest.raises(InputError, match=r"already contains images; expected an empty folder"):
        build(["predict", "--config", str(RUN / "config.yaml"), "--ckpt_path", str(RUN), *QUIET])
    command_line("sample", [str(RUN), "--n", "1", "--out", "out"])
    command_line("sample", [str(RUN), "--n", "1", "--out", "out", "--overwrite"])
    assert np.load("out/000000.npy").shape == (24, 16, 6)
    with pytest.raises(InputError, match=r"takes images of 1, 2, 3 or 4 channel\(s\).*have 6; expected null"):
        build([*fit, "--evaluation.extractor", "EfficientNetFeatures"])
