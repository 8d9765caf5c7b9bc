"""Files of points of a latent space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lightning_gans.inference import LatentSampler, load
from lightning_gans.inference.latent_file import SavedPoints, concat_points, points_to_bytes, read_points, sample_points
from tests.support import checkpoint_files


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LatentSampler]:
    folder = tmp_path_factory.mktemp("models")
    paths = {
        "plain": checkpoint_files.latent(folder / "plain.ckpt"),
        "conditional": checkpoint_files.latent(folder / "conditional.ckpt", conditional=True),
        "styled": checkpoint_files.styles(folder / "styled.ckpt"),
    }
    found = {name: load(path) for name, path in paths.items()}
    assert all(isinstance(model, LatentSampler) for model in found.values())
    return found  # type: ignore[return-value]


def test_points_are_read_as_they_were_written(models: dict[str, LatentSampler], tmp_path: Path) -> None:
    model = models["conditional"]
    points = SavedPoints(model.latents(range(3)), torch.tensor([4, 5, 6]))
    path = tmp_path / "a.safetensors"
    path.write_bytes(points_to_bytes(points, {"psnr": 30.5}))
    again = read_points(path, model)
    assert torch.equal(again.latent, points.latent)
    assert again.labels is not None
    assert again.labels.tolist() == [4, 5, 6]
    assert torch.equal(sample_points(model, again), model.generate(points.latent, points.labels))
    assert torch.equal(sample_points(model, again, [1]), model.generate(points.latent, torch.tensor([1, 1, 1])))


def test_arrays_have_no_classes(models: dict[str, LatentSampler], tmp_path: Path) -> None:
    latent = models["plain"].latents(range(2))
    np.save(tmp_path / "many.npy", latent.double().numpy())
    np.save(tmp_path / "one.npy", latent[0].numpy())
    assert torch.equal(read_points(tmp_path / "many.npy", models["plain"]).latent, latent)
    assert torch.equal(read_points(tmp_path / "one.npy", models["plain"]).latent, latent[:1])
    points = read_points(tmp_path / "one.npy", models["conditional"])
    with pytest.raises(ValueError, match="labels is not given, and latent names no classes"):
        sample_points(models["conditional"], points)
    assert len(sample_points(models["conditional"], points, [3])) == 1


def test_a_class_is_part_of_w(models: dict[str, LatentSampler], tmp_path: Path) -> None:
    model = models["styled"]
    styles = model.points(model.latents([0, 1]), torch.tensor([0, 1]))
    np.save(tmp_path / "w.npy", styles.numpy())
    points = read_points(tmp_path / "w.npy", model)
    torch.testing.assert_close(sample_points(model, points), model.sample(2))
    with pytest.raises(ValueError, match="labels is given, but latent holds w, which the class is part of"):
        sample_points(model, points, [0])
    with pytest.raises(ValueError, match="latent is given z and w; expected points of one space"):
        concat_points([points, SavedPoints(model.latents([0]), None)])
    assert concat_points([points, points]).labels is None


NUMBERS = np.zeros((1, 3), np.float32)
HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }"
LONG = b"\x93NUMPY\x01\x00v\x00" + HEADER.ljust(117) + b"\n"
"""The header of an array of 40 GB, without the array."""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npy", None, "which does not exist; expected a .safetensors or .npy file of points"),
        ("a.txt", b"0 0 0", "expected a name that ends in .safetensors or .npy"),
        ("a.safetensors", b"no weights", "cannot be read as safetensors"),
        ("a.safetensors", {"z": torch.zeros(1, 3)}, "which has no tensor named latent"),
        ("a.safetensors", {"latent": torch.zeros(1, 4)}, r"which has shape \(1, 4\) of torch.float32; expected"),
        ("a.safetensors", {"latent": torch.full((1, 3), torch.nan)}, "NaN or infinite"),
        (
            "a.safetensors",
            {"latent": torch.zeros(1, 3), "labels": torch.zeros(2, dtype=torch.int64)},
            "labels are",
        ),
        ("a.safetensors", {"latent": torch.zeros(1, 3), "labels": torch.tensor([10])}, "expected 0 to 9"),
        ("a.npy", NUMBERS.astype(int), "which cannot be read (an array of int64); expected an array of floats"),
        ("a.npy", np.array([None]), "which cannot be read"),
        ("a.npy", np.zeros((0, 3)), r"which has shape \(0, 3\)"),
        ("a.npy", np.zeros((2, 2, 3)), r"which has shape \(2, 2, 3\)"),
        (
            "a.npy",
            LONG,
            "cannot be read",
        ),
        ("a.npy", b"PK\x03\x04", "cannot be read"),
    ],
)
def test_what_is_no_file_of_points_is_named(
    name: str, content: Any, message: str, models: dict[str, LatentSampler], tmp_path: Path
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        save_file(content, path)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(ValueError, match=message.replace("(an array of int64)", r"\(an array of int64\)")) as caught:
        read_points(path, models["conditional"])
    assert str(caught.value).startswith(f"latent is {path}")
