"""Folders of made-up images of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.core.pixel_files import load_pixels
from lightning_gans.datamodules import ImageFolderDataModule
from tests.support.folders import BLUE, GREEN, RED, fill, folder, save, whole


def test_a_folder_of_rectangles(tmp_path: Path) -> None:
    data = folder(fill(tmp_path, {"a": 10, "b": 20}), size=(8, 12), channels=4)
    assert data.size == (8, 12)
    images, _ = whole(data)
    assert images.shape == (12, 4, 8, 12)
    assert (images[:, 3] == 255).all()


def test_class_folders_are_the_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    data = ImageFolderDataModule(fill(tmp_path, {"dog": 20, "Cat": 10, "eel": 30}), size=8, val_size=4)
    assert (data.classes, data.num_classes, data.channels) == (["Cat", "dog", "eel"], 3, 3)
    data.setup("fit")
    images, labels = whole(data)
    assert images.shape == (18, 3, 8, 8)
    assert images.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert torch.equal(10 * (labels + 1), images[:, 0, 0, 0].long())


def test_class_folders_with_numbers_are_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    names = [*(str(index) for index in range(12)), "n2 a", "n10 a", "n10 b"]
    data = ImageFolderDataModule(fill(tmp_path, {name: index for index, name in enumerate(names)}, count=1), size=8)
    assert data.classes == names
    data.val_size = 2
    data.setup("fit")
    images, labels = whole(data)
    assert torch.equal(labels, images[:, 0, 0, 0].long())


def test_equal_numbers_keep_the_order_of_their_names(tmp_path: Path) -> None:
    fill(tmp_path, {"01": 1, "1": 2, "001": 3, "0": 4})
    data = ImageFolderDataModule(tmp_path)
    assert data.classes == data.class_names() == ["0", "001", "01", "1"]
    assert data.display_name() == tmp_path.name


def test_images_deep_within_a_class_folder_belong_to_it(tmp_path: Path) -> None:
    fill(tmp_path, {"a/x/y": 10, "a/z": 10, "b": 20})
    data = folder(tmp_path)
    assert data.classes == ["a", "b"]
    images, labels = whole(data)
    assert torch.equal(10 * (labels + 1), images[:, 0, 0, 0].long())


def test_images_without_class_folders_have_no_classes(tmp_path: Path) -> None:
    data = folder(fill(tmp_path, {".": 10}))
    assert (data.classes, data.num_classes) == ([], 0)
    images, labels = whole(data)
    assert len(images) == 6
    assert labels.tolist() == [0] * 6


def test_validation_images_are_drawn_from_all_classes_and_every_image_is_used_once(tmp_path: Path) -> None:
    data = folder(fill(tmp_path, {"a": 10, "b": 20, "c": 30}, count=20), val_size=15)
    images, _ = whole(data)
    assert len(torch.unique(images[:, :2, 0, 0], dim=0)) == 60
    assert torch.unique(data.splits["val"].labels).tolist() == [0, 1, 2]
    assert torch.unique(data.splits["train"].labels).tolist() == [0, 1, 2]


def test_the_validation_images_are_the_same_in_every_run(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 10, "b": 20})
    prints = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        prints.add(folder(tmp_path).fingerprint("val"))
    assert len(prints) == 1


@pytest.mark.parametrize("stage", ["test", "predict"])
def test_without_a_test_folder_the_validation_images_serve_and_scores_say_so(tmp_path: Path, stage: str) -> None:
    data = folder(fill(tmp_path, {"a": 10, "b": 20}), stage)
    assert data.fingerprint("test") == folder(tmp_path).fingerprint("val")
    assert sum(len(batch.labels) for batch in data.test_dataloader()) == 2
    assert [data.split_label(split) for split in ("val", "test")] == ["val", "val"]


def test_test_images_come_from_the_test_folder_with_labels_by_name(tmp_path: Path) -> None:
    root = fill(tmp_path / "train", {"a": 10, "b": 20, "c": 30})
    data = folder(root, "test", test_root=fill(tmp_path / "test", {"c": 130}, count=3))
    assert data.splits["test"].labels.tolist() == [2, 2, 2]
    assert torch.unique(data.splits["test"].images[:, 0]).tolist() == [130]
    assert data.split_label("test") == "test"
    assert "train" not in data.splits


def test_the_first_test_images_are_a_mix_of_the_classes(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"a": 10, "b": 20}, count=20)
    fill(tmp_path / "test", {"a": 30, "b": 40}, count=20)
    labels = folder(tmp_path, "test").splits["test"].labels
    assert sorted(labels.tolist()) == [0] * 20 + [1] * 20
    assert set(labels[:10].tolist()) == {0, 1}


def test_hidden_files_are_ignored(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 10})
    save(tmp_path / ".thumbnails" / "0.png")
    save(tmp_path / "a" / ".hidden.png")
    (tmp_path / "a" / "._0.png").write_bytes(b"not an image")
    (tmp_path / "empty").mkdir()
    data = folder(tmp_path)
    assert data.classes == ["a"]
    assert len(whole(data)[0]) == 6


def test_other_files_are_ignored_and_named(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 10})
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "a" / "6.heic").write_text("not an image")
    with pytest.warns(UserWarning, match=r"2 of 8 files are left out \(1 \.heic, 1 \.txt\): a/6\.heic, notes\.txt; "):
        data = folder(tmp_path)
    assert data.classes == ["a"]
    assert len(whole(data)[0]) == 6


@pytest.mark.parametrize("name", ["a.PNG", "a.jpg", "a.JPEG", "a.bmp", "a.tif", "a.TIFF", "a.webp", "a.ppm", "a.Pgm"])
def test_files_are_taken_by_extension_in_any_case(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, 200, mode="L")
    assert ImageFolderDataModule(tmp_path).num_classes == 0
    assert load_pixels(tmp_path / name, 1, (2, 2)).tolist() == [[[200, 200], [200, 200]]]


def test_a_linked_class_folder_counts(tmp_path: Path) -> None:
    elsewhere = fill(tmp_path / "elsewhere", {".": 20})
    root = fill(tmp_path / "root", {"a": 10})
    (root / "b").symlink_to(elsewhere)
    assert folder(root).classes == ["a", "b"]


def test_color_becomes_gray_by_luma_where_one_channel_is_asked_for(tmp_path: Path) -> None:
    for name, color in (("0", RED), ("1", GREEN), ("2", BLUE)):
        save(tmp_path / f"{name}.png", color)
    data = folder(tmp_path, channels=1)
    images, _ = whole(data)
    assert data.channels == 1
    assert images.shape == (3, 1, 8, 8)
    # ITU-R 601: 0.299, 0.587 and 0.114 of 255.
    assert sorted(torch.unique(images).tolist()) == [29, 76, 150]


def test_a_part_of_the_training_images_is_a_mix_of_the_classes(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"cat": 10, "dog": 20})
    fill(tmp_path / "val", {"cat": 10, "dog": 20}, 2)
    whole, part = folder(tmp_path), folder(tmp_path, train_size=6, flip=True)
    assert torch.equal(part.splits["train"].images, whole.splits["train"].images[:6])
    assert set(part.splits["train"].labels.tolist()) == {0, 1}
    assert len(part.splits["val"]) == 4
    assert part.training_batches().flips


def test_the_number_of_training_images_is_known_before_they_are_decoded(tmp_path: Path) -> None:
    fill(tmp_path / "one", {"cat": 10, "dog": 20})
    fill(tmp_path / "two" / "train", {"cat": 10}, 5)
    fill(tmp_path / "two" / "val", {"cat": 10}, 4)
    cases: list[tuple[str, dict[str, Any]]] = [("one", {}), ("one", {"val_size": None}), ("one", {"train_size": 3})]
    for root, arguments in [*cases, ("two", {})]:
        data = ImageFolderDataModule(**{"root": tmp_path / root, "size": 8, "val_size": 2, **arguments})
        known = data.training_size()
        data.setup("fit")
        assert known == len(data.splits["train"])


@pytest.mark.parametrize("memory_gb", [1, 0])
def test_without_held_out_images_validation_uses_those_of_training_and_says_so(
    tmp_path: Path, memory_gb: float, caplog: pytest.LogCaptureFixture
) -> None:
    root = fill(tmp_path / "root", {".": 10}, 6)
    caplog.set_level("INFO")
    data = folder(root, val_size=0, memory_gb=memory_gb, cache_dir=tmp_path / "cache")
    assert "images: train 6 (none of them held out for validation)" in caplog.text
    assert (len(data.splits["train"]), data.training_size()) == (6, 6)
    assert data.splits["val"].images.data_ptr() == data.splits["train"].images.data_ptr()
    assert [data.split_label(split) for split in ("train", "val", "test")] == ["train"] * 3
    data.setup("test")
    assert len(data.splits["test"]) == 6
    with pytest.raises(ValueError, match="val_size is 1; expected at least 2"):
        ImageFolderDataModule(root, val_size=1)


def test_held_out_images_of_none_are_those_of_a_validation_split_if_there_is_one(tmp_path: Path) -> None:
    fill(tmp_path, {"train": 10, "val": 20}, 6)
    data = folder(tmp_path, val_size=0)
    assert data.split_label("val") == "val"
    assert torch.unique(data.splits["val"].images[:, 0]).tolist() == [20]
