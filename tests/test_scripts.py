"""Training in a script, as a newcomer writes it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image

import lightning_gans
from lightning_gans import (
    CGAN,
    DCGAN,
    CycleGAN,
    DigitsDataModule,
    ImageFolderDataModule,
    MNISTDataModule,
    Pix2Pix,
    datamodules,
    default_callbacks,
    variants,
)
from lightning_gans.callbacks import EMA, Evaluation
from lightning_gans.callbacks.run_folder import SettingsFile
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator
from lightning_gans.runs.folder import RunFolder
from tests.support.command_line import SHORT, scores

QUIET: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def tiny() -> DCGAN:
    L.seed_everything(0, verbose=False)
    return DCGAN(DCGANGenerator(1, 28, width=2), DCGANDiscriminator(1, 28, width=2))


@pytest.fixture(scope="module")
def script_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[DCGAN, RunFolder]:
    """Two epochs of one step in a script."""
    model = tiny()
    data = DigitsDataModule(batch_size=256, eval_batch_size=100)
    folder = tmp_path_factory.mktemp("script")
    run = lightning_gans.train(
        model, data, max_epochs=2, save_dir=folder / "runs", limit_train_batches=1, limit_val_batches=2, **QUIET
    )
    return model, run


def test_the_package_offers_all_variants_and_data_modules() -> None:
    for module in (variants, datamodules):
        for name in module.__all__:
            assert getattr(lightning_gans, name) is getattr(module, name)
            assert name in dir(lightning_gans)
    with pytest.raises(AttributeError, match="no attribute 'DCGANN'"):
        _ = lightning_gans.DCGANN


@pytest.mark.parametrize("name", ["CGAN", "DCGAN", "GAN", "LSGAN", "R3GAN", "SNGAN", "StyleGAN2", "WGANGP"])
def test_a_variant_without_arguments_is_that_of_the_command_line(name: str, tmp_path: Path) -> None:
    made = getattr(lightning_gans, name)()
    data = MNISTDataModule(tmp_path)
    fitted = getattr(lightning_gans, name).for_data(data)
    shapes = [{key: tuple(value.shape) for key, value in model.state_dict().items()} for model in (made, fitted)]
    assert shapes[0] == shapes[1]


def test_translation_models_need_no_arguments() -> None:
    with torch.device("meta"):
        assert (Pix2Pix().channels_a, Pix2Pix().size) == (3, (256, 256))
        assert CycleGAN().channels_b == 3


def test_a_model_is_made_for_the_shape_of_the_data(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        Image.new("RGB", (40, 40), "red").save(tmp_path / label / "a.png")
    data = ImageFolderDataModule(tmp_path, size=64)
    model = CGAN.for_data(data)
    assert (model.generator.channels, model.generator.size, model.generator.num_classes) == (3, (64, 64), 2)
    with pytest.raises(InputError, match="Pix2Pix expects two"):
        Pix2Pix.for_data(data)


def test_a_script_leaves_a_complete_run(script_run: tuple[DCGAN, RunFolder]) -> None:
    _, run = script_run
    assert run.path.parent.name == "dcgan-digits"
    assert [row["step"] for row in scores(run.path)] == [1, 2]
    for path in (run.last_checkpoint, run.checkpoint("best"), run.curves, run.metrics, run.config):
        assert path.is_file()
    assert [grid.step for grid in run.grids("val")] == [0, 1, 2]


def test_a_model_in_training_samples_what_its_checkpoint_does(script_run: tuple[DCGAN, RunFolder]) -> None:
    model, run = script_run
    model.train()
    images = model.sample(4, seed=1)
    assert model.generator.training
    assert torch.equal(images, lightning_gans.load(run.last_checkpoint).sample(4, seed=1))
    assert torch.equal(images[:2], model.sample(2, seed=1))
    assert torch.equal(lightning_gans.load(run).sample(2), lightning_gans.load(run.checkpoint("best")).sample(2))


def test_the_config_of_a_script_describes_its_run(script_run: tuple[DCGAN, RunFolder]) -> None:
    _, run = script_run
    config = yaml.safe_load(run.config.read_text())
    assert config["model"]["class_path"] == "lightning_gans.variants.dcgan.DCGAN"
    assert config["model"]["init_args"]["generator"]["init_args"]["width"] == 2
    assert config["data"]["init_args"]["batch_size"] == 256
    assert config["trainer"]["max_epochs"] == 2
    assert config["seed_everything"] == 0
    assert config["ema"] == {"decay": 0.999}


def test_a_script_continues_a_run_in_its_folder(script_run: tuple[DCGAN, RunFolder]) -> None:
    _, run = script_run
    data = DigitsDataModule(batch_size=256, eval_batch_size=100)
    again = lightning_gans.train(
        tiny(), data, resume=run, max_epochs=3, limit_train_batches=1, limit_val_batches=2, **QUIET
    )
    assert again.path == run.path.resolve()
    assert [row["step"] for row in scores(run.path)] == [1, 2, 3]
    with pytest.raises(InputError, match=r"resume is .*, which has no last.ckpt; expected the folder of a run"):
        lightning_gans.train(tiny(), data, resume=run.samples, **QUIET)


def test_default_callbacks_are_those_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli = build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.fast_dev_run", "true"])
    kinds = {type(callback) for callback in default_callbacks()}
    of_command_line = {type(callback) for callback in cli.trainer.callbacks}  # type: ignore[attr-defined]
    assert kinds - {SettingsFile} <= of_command_line | {ModelCheckpoint}  # a fast_dev_run has no checkpoints
    ours = {kind for kind in of_command_line if kind.__module__.startswith("lightning_gans.callbacks")}
    assert ours <= kinds


def test_default_callbacks_can_be_replaced_and_left_out() -> None:
    callbacks = default_callbacks(ema=EMA(0.5), evaluation=None)
    assert [callback.decay for callback in callbacks if isinstance(callback, EMA)] == [0.5]
    assert not any(isinstance(callback, Evaluation) for callback in callbacks)
    with pytest.raises(ValueError, match="emma is not a callback's key; expected one of ema, evaluation"):
        default_callbacks(emma=None)


def test_images_are_shown_as_a_grid_and_saved_as_a_tensor(tmp_path: Path) -> None:
    images = ImageBatch(torch.linspace(-1, 1, 3 * 64).view(3, 1, 8, 8))
    shown = Image.open(io.BytesIO(images._repr_png_() or b""))
    assert shown.width == 512
    assert type(images[0]) is torch.Tensor
    assert type(images[:2]) is ImageBatch
    assert type(images + 1) is torch.Tensor
    torch.save(images, tmp_path / "images.pt")
    assert torch.equal(torch.load(tmp_path / "images.pt"), images)
    assert ImageBatch(torch.empty(0, 1, 8, 8))._repr_png_() is None
    side_by_side = Image.open(io.BytesIO(ImageBatch(torch.zeros(2, 2, 8, 8))._repr_png_() or b""))
    assert side_by_side.width == pytest.approx(2 * side_by_side.height, rel=0.01)
