"""Layouts of folders of two domains: which are recognized, and what does not look like pairs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightning_gans.datamodules import PairedImageDataModule, UnpairedImageDataModule
from lightning_gans.datamodules.domain_folders import ImageDomainsDataModule
from lightning_gans.datamodules.layouts import held_out_size
from tests.support.image_trees import SMALL, images, noise, refusal, save, seeds, side_by_side

LAYOUTS = {"trainA": "{}A {}B", "train/A": "{}/A {}/B", "A/train": "A/{} B/{}"}
MODULES: list[type[ImageDomainsDataModule]] = [PairedImageDataModule, UnpairedImageDataModule]


def fill(root: Path, layout: str, split: str, count: int = 4) -> None:
    """Images with the seeds from 0 on in a, from 100 on in b."""
    a, b = LAYOUTS[layout].format(split, split).split()
    images(root / a, count)
    images(root / b, count, first=100)


def loaded(kind: type[ImageDomainsDataModule], root: Path, **kwargs: Any) -> ImageDomainsDataModule:
    data = kind(root, **{**SMALL, "size": 10, **kwargs})
    data.setup("fit")
    data.setup("test")
    return data


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_separate_images_are_found_in_each_layout_and_the_log_names_the_folders(
    tmp_path: Path, kind: type[ImageDomainsDataModule], layout: str, caplog: pytest.LogCaptureFixture
) -> None:
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        fill(tmp_path, layout, split, count)
    with caplog.at_level("INFO"):
        data = loaded(kind, tmp_path)
    assert {split: len(data.splits[split]) for split in ("train", "val", "test")} == {"train": 5, "val": 3, "test": 2}
    assert seeds(data.splits["test"].a[[0, 1]]) == [0, 1]
    assert seeds(data.splits["test"].b[[0, 1]]) == [100, 101]
    a, b = LAYOUTS[layout].format("val", "val").split()
    counts = "3 pairs" if kind is PairedImageDataModule else "3 and 3 images"
    assert f"data: val is {counts} of {a} and {b} (one image in each file)" in caplog.text


@pytest.mark.parametrize(("train", "val", "test"), [("Train", "valid", "TEST"), ("training", "Validation", "testing")])
def test_split_folders_are_found_by_their_usual_names_in_any_case(
    tmp_path: Path, train: str, val: str, test: str
) -> None:
    for name, count in ((train, 5), (val, 3), (test, 2)):
        side_by_side(tmp_path / name, count)
    data = loaded(PairedImageDataModule, tmp_path)
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [5, 3, 2]


@pytest.mark.parametrize("kind", MODULES)
def test_domains_without_splits_are_training_images(
    tmp_path: Path, kind: type[ImageDomainsDataModule], caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path / "A", 6)
    images(tmp_path / "B", 6)
    with caplog.at_level("INFO"):
        data = loaded(kind, tmp_path)
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [4, 2, 2]
    assert "of A and B (one image in each file, of all splits), held out of training" in caplog.text


def test_joined_pairs_in_subfolders_are_still_joined(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train" / "monday", 3)
    side_by_side(tmp_path / "train" / "tuesday", 3)
    assert len(loaded(PairedImageDataModule, tmp_path).splits["train"]) == 4


@pytest.mark.parametrize("shape", [(10, 10), (9, 9), (12, 9), (12, 8), (9, 16), (16, 9)])
def test_images_that_are_not_joined_are_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    width, height = shape
    for index in range(4):
        save(tmp_path / "train" / f"{index}.png", noise(index, width, height))
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, where 4 of 4 images in train do not look like two images side by side, such as "
        f"train/0.png ({width} x {height} pixels); expected files that are about twice as wide as high, or more; or "
        "one image in each file, in train/A and train/B; or narrow_joined to be true, for pairs of upright images"
    )


@pytest.mark.parametrize("split", ["val", "test"])
def test_images_of_other_splits_that_are_not_joined_are_refused(tmp_path: Path, split: str) -> None:
    side_by_side(tmp_path / "train", 4)
    images(tmp_path / split, 3)
    message = refusal(PairedImageDataModule(tmp_path, **SMALL), {"val": "fit", "test": "test"}[split])
    assert f"3 of 3 images in {split} do not look" in message


@pytest.mark.parametrize("half", [(10, 10), (12, 8), (10, 10.4)])
def test_joined_pairs_of_squares_and_of_wide_images_are_read(tmp_path: Path, half: tuple[int, float]) -> None:
    width, height = half[0], int(half[1])
    for index in range(4):
        save(tmp_path / "train" / f"{index}.png", np.concatenate([noise(index, width, height)] * 2, axis=1))
    assert len(loaded(PairedImageDataModule, tmp_path).splits["train"]) == 2


def test_joined_pairs_of_upright_images_need_a_key(tmp_path: Path) -> None:
    for index in range(4):
        save(tmp_path / "train" / f"{index}.png", np.concatenate([noise(index, 8, 12)] * 2, axis=1))
    assert "narrow_joined to be true" in refusal(PairedImageDataModule(tmp_path, **SMALL))
    assert len(loaded(PairedImageDataModule, tmp_path, narrow_joined=True).splits["train"]) == 2


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (["train/A"], "train/A;"),
        (["A/train", "B/val"], "B/val;"),
        (["trainA", "trainB", "train/A", "train/B"], "trainA, trainB, train/A and 1 more;"),
        (["trainA", "trainB", "trainingA", "trainingB"], "trainA, trainB, trainingA and 1 more;"),
    ],
)
def test_incomplete_and_ambiguous_layouts_are_refused(
    tmp_path: Path, kind: type[ImageDomainsDataModule], folders: list[str], named: str
) -> None:
    for folder in folders:
        images(tmp_path / folder, 3)
    message = refusal(kind(tmp_path, **SMALL))
    assert f"root is {tmp_path}, which holds {named} expected a folder that holds" in message
    assert re.search(r"(train|val)A and \1B, or \1/A and \1/B, or A/\1 and B/\1$", message)


@pytest.mark.parametrize("kind", MODULES)
def test_images_beside_the_folders_of_both_domains_are_refused(
    tmp_path: Path, kind: type[ImageDomainsDataModule]
) -> None:
    fill(tmp_path, "train/A", "train")
    save(tmp_path / "train" / "stray.png", noise(0))
    assert refusal(kind(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, which holds train/A and train/B, but also train/stray.png; expected one of both"
    )


# Validation images by default.


@pytest.mark.parametrize(
    ("count", "expected"), [(4, 2), (5, 2), (12, 6), (20, 10), (60, 10), (400, 40), (9999, 999), (10**6, 1000)]
)
def test_a_share_of_the_images_is_held_out_by_default(count: int, expected: int) -> None:
    assert held_out_size(None, count, most=1000) == expected


def test_too_few_images_to_hold_some_out_are_refused(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 3)
    assert refusal(PairedImageDataModule(tmp_path, **{**SMALL, "val_size": None})) == (
        "val_size is null, which holds out a part of the 3 training image(s); "
        "expected at least 4 images, or a validation split"
    )
