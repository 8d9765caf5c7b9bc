from __future__ import annotations

from pathlib import Path

import pytest
import torch

import lightning_gans
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_models import MOST_BYTES, folder_bytes, model_names, models_folder
from lightning_gans.inference import load
from lightning_gans.inference.facts import checkpoint_facts
from lightning_gans.runs.find_checkpoint import find_checkpoint
from lightning_gans.runs.trained_weights import read_trained_weights
from lightning_gans.runs.weights_file import WEIGHTS, read_safetensors
from tests.support import checkpoint_files
from tests.support.shipped import LATENT, TRANSLATION


def test_a_shipped_model_is_loaded_by_its_name(models: Path) -> None:
    model = lightning_gans.load(LATENT)
    assert model.metadata["shipped"]["license"] == "mit"
    assert torch.equal(model.sample(4), load(models / LATENT).sample(4))
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    assert {value.dtype for value in read_safetensors(models / LATENT / WEIGHTS, "").values()} == {torch.float16}
    difference = (model.sample(40) - load(models.parent / "a.ckpt").sample(40)).abs().max()
    assert 0 < difference < 4 / 255
    assert load(TRANSLATION).translate(torch.zeros(1, 1, 32, 32)).shape == (1, 3, 32, 32)


def test_everything_that_takes_a_checkpoint_takes_the_name(models: Path, tmp_path: Path) -> None:
    trained = read_trained_weights(Path(LATENT), "model.start_from")
    assert trained.network("generator") == "generator"
    assert trained.is_exported
    assert checkpoint_facts(find_checkpoint(Path(TRANSLATION)))["shipped"]["name"] == TRANSLATION
    # What is saved again keeps its numbers and their type.
    load(LATENT).save_pretrained(tmp_path / "again")
    weights = [read_safetensors(folder / WEIGHTS, "") for folder in (models / LATENT, tmp_path / "again")]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cgan/tinny", "path is cgan/tinny, which does not exist; did you mean cgan/tiny?"),
        ("gan/mnist", "or a shipped model: cgan/tiny, cyclegan/tiny"),
        ("tiny.ckpt", "path is tiny.ckpt, which does not exist; expected a checkpoint file"),
    ],
)
def test_a_wrong_name_is_refused_with_the_shipped_ones(name: str, message: str, models: Path) -> None:
    with pytest.raises(InputError) as refused:
        load(name)
    assert message in str(refused.value)


def test_changed_files_are_refused(models: Path) -> None:
    weights = models / LATENT / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match=rf"path is {LATENT}, whose file {weights} has been changed; install"):
        load(LATENT)
    weights.unlink()
    with pytest.raises(InputError, match="is missing; install lightning-gans again"):
        load(LATENT)
    assert load(TRANSLATION)  # the others are not read


def test_a_file_or_folder_of_that_name_comes_first(models: Path) -> None:
    checkpoint_files.latent(Path(LATENT) / "checkpoints" / "best.ckpt")
    assert load(LATENT).metadata["variant"] == "lightning_gans.variants.GAN"


def test_weights_beyond_float16_are_refused(tmp_path: Path) -> None:
    model = load(checkpoint_files.latent(tmp_path / "a.ckpt"))
    next(model.parameters()).data[0] = 1e5
    with pytest.raises(InputError, match="once rounded to float16, whose largest number is 65,504"):
        model.to_half()


def test_the_shipped_models_are_small_and_have_their_facts() -> None:
    """Holds for whatever ships."""
    assert folder_bytes(models_folder()) <= MOST_BYTES
    for name in model_names():
        model = load(name)
        folder, shipped = find_checkpoint(Path(name)), model.metadata["shipped"]
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert shipped["name"] == name
        assert model.is_half
        assert model.metadata["scores"], name
        assert all(text in card for text in (shipped["command"], shipped["terms"], f"license: {shipped['license']}"))
        assert "/tmp" not in card + (folder / "config.json").read_text(encoding="utf-8")
        assert list(folder.glob("*.png")) or list(folder.glob("samples/*.png"))
