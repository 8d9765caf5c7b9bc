"""Pairs of any channels and shapes: arrays, transparency, label maps and rectangles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.batches import Pair
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import PairedImageDataModule, UnpairedImageDataModule
from tests.support.image_trees import SMALL, save

Arrays = dict[str, np.ndarray[Any, Any]]


def write(folder: Path, arrays: Arrays) -> None:
    """Write arrays to ``.npy`` files, or to image files if their names have another extension."""
    for name, values in arrays.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            np.save(path, values)
        else:
            save(path, values)


def noise(seed: int, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def planes(values: np.ndarray[Any, Any]) -> torch.Tensor:
    return torch.from_numpy(values).permute(2, 0, 1)


def pairs(root: Path, **kwargs: Any) -> PairedImageDataModule:
    data = PairedImageDataModule(root, **{**SMALL, "size": 8, "load_size": 8, "val_size": 2, **kwargs})
    data.setup("fit")
    return data


@pytest.mark.parametrize("cache_gb", [0.0, 1.0])
def test_channels_of_the_domains_may_differ(tmp_path: Path, cache_gb: float) -> None:
    for index in range(4):
        write(tmp_path / "train" / "A", {f"{index}.npy": noise(index, 8, 8, 16)})
        write(tmp_path / "train" / "B", {f"{index}.png": noise(9 + index, 8, 8, 4)})
    data = pairs(tmp_path, channels_a=16, channels_b=4, cache_gb=cache_gb)
    batch = data.splits["train"][[0, 1]]
    kept = sorted({0, 1, 2, 3} - {int(path[0].stem) for path in data.splits["val"].a.files.paths})[:2]  # type: ignore[attr-defined]
    for place, index in enumerate(kept):
        assert torch.equal(batch.a[place], planes(noise(index, 8, 8, 16)))
        expected = planes(noise(9 + index, 8, 8, 4)).clone()
        expected[:3, expected[3] == 0] = 0
        assert torch.equal(batch.b[place], expected)


def test_16_bits_of_arrays_are_rounded_to_8_if_asked_for(tmp_path: Path) -> None:
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    for split, index in (("trainA", 0), ("trainB", 0), ("valA", 0), ("valB", 0)):
        write(tmp_path / split, {f"{index}.npy": deep})
    data = pairs(tmp_path, channels_a=1, channels_b=1, bits_a=8, bits_b=8)
    assert torch.equal(data.splits["val"][[0]].a[0, 0].float(), torch.from_numpy(np.rint(deep / 257)).float())


def test_label_maps_are_one_hot(tmp_path: Path) -> None:
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 7
    labels[0, 0] = 255
    for index in range(4):
        write(tmp_path / "trainB", {f"{index}.png": noise(index, 8, 8, 3)})
        write(tmp_path / "trainA", {f"{index}.png": labels} if index % 2 else {})
        if index % 2 == 0:
            picture = Image.fromarray(labels, mode="P")
            picture.putpalette([level for color in range(256) for level in (color, 255 - color, 7)])
            (tmp_path / "trainA").mkdir(exist_ok=True)
            picture.save(tmp_path / "trainA" / f"{index}.png")
    batch = pairs(tmp_path, channels_a=7).splits["train"][[0, 1]]
    expected = torch.from_numpy(labels) == torch.arange(7)[:, None, None]
    for channels in batch.a:
        assert torch.equal(channels, 255 * expected.to(torch.uint8))
    assert not batch.a[:, :, 0, 0].any()


def test_label_maps_are_resized_by_their_nearest_pixels(tmp_path: Path) -> None:
    labels = np.repeat(np.repeat(noise(0, 8, 8) % 5, 2, axis=0), 2, axis=1)
    for index in range(4):
        write(tmp_path / "trainA", {f"{index}.png": labels})
        write(tmp_path / "trainB", {f"{index}.png": noise(index, 16, 16, 3)})
    a = pairs(tmp_path, channels_a=5).splits["train"][[0]].a
    assert torch.equal(a[0].argmax(dim=0), torch.from_numpy(labels[::2, ::2]).long())
    assert set(a.flatten().tolist()) == {0, 255}


def test_rectangles_are_cropped_at_random_within_their_room(tmp_path: Path) -> None:
    rows, columns = np.meshgrid(np.arange(12), np.arange(20), indexing="ij")
    for domain, third in (("trainA", 0), ("trainB", 1)):
        picture = np.stack([10 * rows, 10 * columns, np.full_like(rows, third)], axis=2).astype(np.uint8)
        write(tmp_path / domain, {f"{index}.png": picture for index in range(6)})
    data = pairs(tmp_path, size=(8, 14), load_size=(12, 20))
    assert data.size == (8, 14)
    assert data.splits["val"][[0]].a.shape == (1, 3, 8, 14)
    given = data.splits["train"][[0, 1, 2, 3]]
    assert given.a.shape == (4, 3, 12, 20)
    corners = set()
    for step in range(40):
        made = data.augment(Pair(given.a, given.b, True), step, seed=0)
        assert made.a.shape == (4, 3, 8, 14)
        assert torch.equal(made.a[:, :2], made.b[:, :2])
        corners |= {(int(image[0, 0, 0]) // 10, int(image[1].min()) // 10) for image in made.a}
    assert {top for top, _ in corners} == set(range(5))
    assert {left for _, left in corners} == set(range(7))


@pytest.mark.parametrize(
    ("a", "channels", "message"),
    [
        ({"0.npy": noise(0, 8, 8, 3)}, 16, "trainA/0.npy (an array of 3 channel(s); expected 16); expected"),
        ({"0.png": noise(0, 8, 8, 3)}, 16, "trainA/0.png (pixels of mode RGB; expected a label map: gray levels of 8"),
        ({"0.png": noise(0, 8, 8)}, 16, "; expected 0 to 15 for 16 channels, or 255 for none)"),
    ],
)
def test_files_of_other_channels_are_named(tmp_path: Path, a: Arrays, channels: int, message: str) -> None:
    write(tmp_path / "trainA", {**a, "1.npy": noise(1, 8, 8, channels), "2.npy": noise(2, 8, 8, channels)})
    write(tmp_path / "trainB", {f"{index}.png": noise(index, 8, 8, 3) for index in range(3)})
    for cls in (PairedImageDataModule, UnpairedImageDataModule):
        with pytest.raises(InputError, match=rf"where 1 of \d files cannot be used: .*{re.escape(message)}"):
            cls(tmp_path, **{**SMALL, "channels_a": channels}).setup("fit")


def test_two_images_side_by_side_are_no_label_maps(tmp_path: Path) -> None:
    write(tmp_path / "train", {f"{index}.png": noise(index, 8, 16) % 5 for index in range(4)})
    with pytest.raises(InputError, match=r"0\.png \(an image file, which has at most 4 channels; expected \.npy files"):
        pairs(tmp_path, channels_a=7)


# Label maps whose classes are colors.

CLASSES = {"sky": "#0000ff", "wall": "#ff8000"}


def test_classes_of_label_maps_are_named_or_known(tmp_path: Path) -> None:
    colors = {"sky": (0, 0, 255), "wall": (255, 128, 0)}
    assert PairedImageDataModule(tmp_path).palettes == {}
    assert PairedImageDataModule(tmp_path, classes_a=CLASSES).palettes == {"a": colors}
    assert PairedImageDataModule(tmp_path, classes_b=CLASSES).palettes == {"b": colors}
    facades = PairedImageDataModule(tmp_path, dataset="facades").palettes
    assert list(facades) == ["b"]
    assert len(facades["b"]) == len(set(facades["b"].values())) == 12
    assert PairedImageDataModule(tmp_path, dataset="facades", classes_b=CLASSES).palettes == {"b": colors}
    assert PairedImageDataModule(tmp_path, dataset="facades", channels_b=1).palettes == {}
    assert PairedImageDataModule(tmp_path, dataset="maps").palettes == {}


@pytest.mark.parametrize(
    ("classes", "channels", "message"),
    [
        (CLASSES, 1, "classes_b is given, but channels_b is 1; expected 3, as classes are colors"),
        ({"sky": "#0000ff"}, 3, "classes_b has 1 classes; expected at least 2"),
        ({**CLASSES, "roof": "red"}, 3, "classes_b.roof is red; expected a color such as '#0080ff'"),
        ({**CLASSES, "roof": "#0000FF"}, 3, "classes_b.roof is #0000FF, as sky is; expected a color of its own"),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, classes: dict[str, str], channels: int, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        PairedImageDataModule(tmp_path, classes_b=classes, channels_b=channels)
