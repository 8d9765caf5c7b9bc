"""Image folders with split folders: which folders are splits, and which are classes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import ImageFolderDataModule
from tests.support.folders import fill, folder


def refusal(root: Path, **kwargs: bool) -> str:
    with pytest.raises(InputError) as error:
        ImageFolderDataModule(root, **kwargs)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    return str(error.value)


def levels(data: ImageFolderDataModule, split: str) -> list[int]:
    """The red channel of a split's images, which :func:`fill` sets by folder."""
    return [int(level) for level in torch.unique(data.splits[split].images[:, 0, 0, 0])]


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "val", "test"), ("Train", "Valid", "TEST"), ("training", "validation", "testing")],
)
@pytest.mark.parametrize("order", ["splits of classes", "classes of splits"])
def test_split_folders_are_splits_and_the_folders_in_them_classes(
    tmp_path: Path, train: str, val: str, test: str, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    names = {(train, "cat"): 10, (train, "dog"): 20, (val, "cat"): 30, (val, "dog"): 40, (test, "cat"): 50}
    for (split, label), level in names.items():
        fill(tmp_path, {f"{split}/{label}" if order == "splits of classes" else f"{label}/{split}": level}, count=3)
    with caplog.at_level("INFO"):
        data = folder(tmp_path)
    data.setup("test")
    assert data.classes == ["cat", "dog"]
    assert [levels(data, split) for split in ("train", "val", "test")] == [[10, 20], [30, 40], [50]]
    assert torch.equal(data.splits["val"].labels, data.splits["val"].images[:, 0, 0, 0].long() // 10 - 3)
    assert [data.split_label(split) for split in ("train", "val", "test")] == ["train", "val", "test"]
    assert (
        f"data: root is {tmp_path}, which has split folders; the classes are cat, dog; images: train 6, val 6, test 3"
        in caplog.text
    )


def test_splits_without_class_folders_have_no_classes(tmp_path: Path) -> None:
    data = folder(fill(tmp_path, {"train": 10, "val": 20}))
    data.setup("test")
    assert (data.classes, data.num_classes) == ([], 0)
    assert [levels(data, split) for split in ("train", "val", "test")] == [[10], [20], [20]]
    assert data.split_label("test") == "val"


def test_validation_images_are_held_out_of_the_training_split_where_there_is_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, {"train/cat": 10, "train/dog": 20, "test/cat": 30, "test/dog": 40})
    with caplog.at_level("INFO"):
        data = folder(tmp_path, val_size=4)
    data.setup("test")
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [8, 4, 12]
    assert levels(data, "test") == [30, 40]
    assert "images: train 12 (4 of them held out for validation), test 12" in caplog.text


def test_a_folder_train_alone_is_a_split(tmp_path: Path) -> None:
    assert ImageFolderDataModule(fill(tmp_path, {"train/cat": 10, "train/dog": 20})).classes == ["cat", "dog"]


def test_validation_alone_needs_no_other_images(tmp_path: Path) -> None:
    data = folder(fill(tmp_path, {"train": 10, "val": 20}), "validate")
    assert list(data.splits) == ["val"]


def test_a_test_root_takes_the_place_of_the_test_split(tmp_path: Path) -> None:
    fill(tmp_path / "root", {"train/cat": 10, "test/cat": 20})
    data = folder(tmp_path / "root", "test", test_root=fill(tmp_path / "other", {"cat": 30}))
    assert levels(data, "test") == [30]


# Classes.


def test_a_class_can_have_the_name_train(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        data = folder(fill(tmp_path, {"train": 10, "plane": 20, "car": 30}))
    assert data.classes == ["car", "plane", "train"]
    assert "which has no split folders; the classes are car, plane, train; images: train 18 (2 of them" in caplog.text


@pytest.mark.parametrize("names", [["train", "test"], ["train"], ["cat", "val"], ["train/a", "cat"]])
def test_classes_can_have_the_names_of_splits_if_a_key_says_so(tmp_path: Path, names: list[str]) -> None:
    data = ImageFolderDataModule(fill(tmp_path, dict.fromkeys(names, 10)), split_folders=False)
    assert data.classes == sorted(name.split("/")[0] for name in names)


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (["val"], "val"),
        (["val/cat", "test/cat"], "test, val"),
        (["cat", "dog", "test"], "test, cat, dog"),
        (["train/cat", "val/cat", "extra/cat"], "train, val, extra"),
        (["train/cat", "train/dog", "masks"], "train, masks"),
    ],
)
def test_folders_that_may_be_splits_or_classes_are_refused(tmp_path: Path, folders: list[str], named: str) -> None:
    assert refusal(fill(tmp_path, dict.fromkeys(folders, 10))) == (
        f"root is {tmp_path}, which holds {named}; expected folders of splits only, train and possibly val and test, "
        "or of classes only, or split_folders to be false if these are classes"
    )


@pytest.mark.parametrize("names", [["cat", "dog"], ["."]])
def test_split_folders_that_are_asked_for_must_be_there(tmp_path: Path, names: list[str]) -> None:
    assert "expected folders of splits only" in refusal(fill(tmp_path, dict.fromkeys(names, 1)), split_folders=True)


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"train/a": 1, "val/a": 2, "valid/a": 3})
    assert refusal(tmp_path) == f"root is {tmp_path}, which holds both val and valid; expected one of both"


def test_classes_of_other_splits_must_be_those_of_training(tmp_path: Path) -> None:
    fill(tmp_path, {"train/cat": 1, "train/dog": 2, "val/cat": 3, "val/owl": 4})
    assert refusal(tmp_path) == (
        f"root is {tmp_path}, whose val split has the class folder(s) owl; expected class folders as in the train "
        "split: cat, dog"
    )


def test_images_beside_the_class_folders_of_a_split_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"train/cat": 1, "train": 2})
    assert refusal(tmp_path) == (
        f"root is {tmp_path}, whose train split holds both train/0.png and train/cat/0.png; expected all images of a "
        "split in class folders, or none"
    )


# Sizes by default.


@pytest.mark.parametrize(("count", "train", "val"), [(60, 50, 10), (12, 6, 6), (4, 2, 2)])
def test_a_part_of_a_small_folder_is_held_out_by_default(tmp_path: Path, count: int, train: int, val: int) -> None:
    data = folder(fill(tmp_path, {".": 10}, count=count), val_size=None)
    assert [len(data.splits[split]) for split in ("train", "val")] == [train, val]


def test_too_few_images_to_hold_some_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"val_size is null, .* the 3 training image\(s\); expected at least 4 images"):
        folder(fill(tmp_path, {".": 10}, count=3), val_size=None)
