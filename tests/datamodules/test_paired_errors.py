"""Pairs by name, and pairs that are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightning_gans.core.image_reader import READABLE
from lightning_gans.datamodules import PairedImageDataModule, domain_folders
from lightning_gans.datamodules.archives import PAIRED, Archive
from tests.datamodules.test_paired import pairs
from tests.support.image_trees import SMALL, in_two_folders, noise, refusal, save, side_by_side

# Data sets by name.


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Archive, str, Path, bool]]:
    """What is fetched, by a stand-in that writes five pairs."""
    calls: list[tuple[Archive, str, Path, bool]] = []

    def fetch(archive: Archive, name: str, root: Path, *, unverified: bool) -> Path:
        calls.append((archive, name, root, unverified))
        return side_by_side(root / name / "train", 5)

    monkeypatch.setattr(domain_folders, "fetch", fetch)
    return calls


@pytest.mark.parametrize("unverified", [False, True])
def test_a_named_data_set_is_fetched_before_setup(tmp_path: Path, fetched: list[Any], unverified: bool) -> None:
    data = PairedImageDataModule(tmp_path, dataset="facades", unverified=unverified, **SMALL)
    assert not fetched
    data.prepare_data()
    data.setup("fit")
    assert fetched == [(PAIRED["facades"], "facades", tmp_path, unverified)]
    assert len(data.splits["train"]) == 3


@pytest.mark.parametrize("kwargs", [{"dataset": "facades", "download": False}, {}])
def test_nothing_is_fetched_without_a_name_or_leave(tmp_path: Path, fetched: list[Any], kwargs: dict[str, Any]) -> None:
    root = tmp_path if "dataset" in kwargs else tmp_path / "facades"
    side_by_side(tmp_path / "facades" / "train", 5)
    data = PairedImageDataModule(root, **kwargs, **SMALL)
    data.prepare_data()
    data.setup("fit")
    assert not fetched
    assert len(data.splits["train"]) == 3


def test_without_leave_to_download_a_missing_data_set_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = PairedImageDataModule(tmp_path, dataset="maps", download=False, **SMALL)
    data.prepare_data()
    assert refusal(data) == (
        f"dataset is maps, which is not in {tmp_path}, and download is false; expected download to be true, "
        f"or {tmp_path}/maps to be a folder that holds train, or trainA and trainB, or train/A and train/B, or A/train "
        "and B/train, or A and B"
    )


def test_an_unknown_data_set_is_refused_with_those_that_are_known() -> None:
    message = (
        "dataset is facade; expected one of cityscapes, edges2handbags, edges2shoes, facades, maps, night2day; "
        "did you mean facades?"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PairedImageDataModule(dataset="facade")

    with pytest.raises(ValueError, match=r"^dataset is zebras; expected one of .*, night2day$"):
        PairedImageDataModule(dataset="zebras")


# Refusals.


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    folders = (
        "a folder that holds train, or trainA and trainB, or train/A and train/B, or A/train and B/train, or A and B"
    )
    assert refusal(PairedImageDataModule(tmp_path / "no", **SMALL)) == (
        f"root is {tmp_path}/no, which is not there; expected {folders}"
    )
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, which holds no folders; expected {folders}"
    )
    side_by_side(tmp_path / "val", 1)
    side_by_side(tmp_path / "photos", 1)
    side_by_side(tmp_path / ".thumbnails", 1)
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, which holds photos, val; expected {folders}"
    )


def test_half_a_layout_and_two_layouts_are_refused(tmp_path: Path) -> None:
    in_two_folders(tmp_path, "train", 3)
    (tmp_path / "trainB").rename(tmp_path / "elsewhere")
    assert f"root is {tmp_path}, which holds trainA; expected" in refusal(PairedImageDataModule(tmp_path, **SMALL))
    side_by_side(tmp_path / "train", 3)
    assert "which holds train, trainA; expected" in refusal(PairedImageDataModule(tmp_path, **SMALL))


@pytest.mark.parametrize("empty", ["train", "val"])
def test_an_empty_folder_is_refused(tmp_path: Path, empty: str) -> None:
    side_by_side(tmp_path / "train", 0 if empty == "train" else 3)
    (tmp_path / empty).mkdir(exist_ok=True)
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)).startswith(
        f"{empty} of root is {tmp_path}/{empty}, which holds no images; expected files named .jpg, "
    )


def test_files_without_partners_are_named_in_both_directions(tmp_path: Path) -> None:
    in_two_folders(tmp_path, "train", 8)
    for index in range(4):
        (tmp_path / "trainB" / f"00{index}.bmp").unlink()
    (tmp_path / "trainA" / "007.png").unlink()
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, where trainB holds no partner of 4 of 7 files (trainA/000.png, trainA/001.png, "
        "trainA/002.png and 1 more) and trainA holds no partner of 1 of 4 files (trainB/007.bmp); expected the same "
        "names in both, up to the extension"
    )


def test_two_files_with_one_partner_are_refused(tmp_path: Path) -> None:
    in_two_folders(tmp_path, "train", 3)
    save(tmp_path / "trainA" / "001.bmp", noise(1))
    assert "trainA/001.bmp and trainA/001.png have the same partner" in refusal(
        PairedImageDataModule(tmp_path, **SMALL)
    )


@pytest.mark.parametrize("width", [1, 21])
def test_a_file_that_makes_no_two_halves_is_refused(tmp_path: Path, width: int) -> None:
    side_by_side(tmp_path / "train", 5)
    save(tmp_path / "train" / "odd.png", noise(0, width=width))
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, where 1 of 6 files cannot be used: train/odd.png ({width} pixels wide; cannot be cut "
        f"into equal halves); expected {READABLE}, both images of a pair with the same shape"
    )


def test_partners_of_different_shapes_and_unreadable_ones_are_refused(tmp_path: Path) -> None:
    in_two_folders(tmp_path, "train", 5)
    save(tmp_path / "trainA" / "000.png", noise(0, width=10, height=12))
    for name in ("trainA/002.png", "trainB/002.bmp"):
        (tmp_path / name).write_bytes(b"")
    assert refusal(PairedImageDataModule(tmp_path, **SMALL)) == (
        f"root is {tmp_path}, where 3 of 10 files cannot be used: trainA/000.png (10 x 12 pixels, its partner "
        "10 x 10 pixels), trainA/002.png (not an image), trainB/002.bmp (not an image); expected "
        f"{READABLE}, both images of a pair with the same shape"
    )


def test_a_pair_of_another_shape_than_most_is_named_once(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 5)
    save(tmp_path / "train" / "wide.png", np.concatenate([noise(0, 14), noise(1, 14)], axis=1))
    with pytest.warns(
        UserWarning, match=r"1 image\(s\) have another shape than most: train/wide.png \(14 x 10 pixels\); their"
    ):
        pairs(tmp_path)


def test_too_few_pairs_to_hold_some_out_are_refused(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 6)
    assert refusal(PairedImageDataModule(tmp_path, **{**SMALL, "val_size": 6})) == (
        "val_size is 6; expected less than the 6 training images"
    )
