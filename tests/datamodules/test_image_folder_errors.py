"""Image folders that are refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.pixel_files import READABLE_ARRAYS
from lightning_gans.datamodules import ImageFolderDataModule
from lightning_gans.datamodules.in_memory import InMemoryDataModule
from tests.support.folders import fill, folder, save
from tests.support.tiny import TinyData

# Refusals.


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises((InputError, ValueError)) as error:
        folder(*args, **kwargs)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no") == f"root is {tmp_path}/no, which is not there; expected a folder"


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    assert refusal(path) == f"root is {path}, which is a file; expected a folder, or a whole zip or tar file"


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("nothing")
    assert (
        f"root is {tmp_path}, which holds no images, but 1 other file (1 .txt); expected files named .jpg, "
        in refusal(tmp_path)
    )


def test_images_beside_class_folders_are_refused_with_an_example_of_each(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 10})
    save(tmp_path / "stray.png")
    assert "holds both stray.png and a/0.png; expected" in refusal(tmp_path)


def test_a_bad_test_folder_is_named_by_its_own_key(tmp_path: Path) -> None:
    root = fill(tmp_path / "train", {"a": 10})
    assert refusal(root, test_root=tmp_path / "no").startswith(f"test_root is {tmp_path}/no, which is not there")


def test_a_class_of_the_test_folder_that_training_does_not_know_is_refused(tmp_path: Path) -> None:
    root = fill(tmp_path / "train", {"a": 10, "b": 20})
    test = fill(tmp_path / "test", {"a": 10, "owl": 20})
    assert refusal(root, test_root=test) == (
        f"test_root is {test}, which has the class folder(s) owl; expected class folders as in root: a, b"
    )


def test_a_test_folder_without_the_classes_of_training_is_refused(tmp_path: Path) -> None:
    root, test = fill(tmp_path / "train", {"a": 10}), fill(tmp_path / "test", {".": 10})
    assert "which has no class folders; expected class folders as in root: a" in refusal(root, test_root=test)
    assert "has the class folder(s) a; expected none, as in root" in refusal(test, test_root=root)


def test_all_files_that_cannot_be_read_are_reported_at_once(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 10})
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a" / "half.png")
    content = (tmp_path / "a" / "half.png").read_bytes()
    (tmp_path / "a" / "half.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "a" / "empty.jpg").touch()
    (tmp_path / "a" / "text.jpg").write_text("not an image")
    (tmp_path / "a" / "link.jpg").symlink_to("nowhere.jpg")
    assert refusal(tmp_path) == (
        f"root is {tmp_path}, where 4 of 10 files cannot be used: a/empty.jpg (not an image), "
        "a/half.png (image file is truncated), a/link.jpg (No such file or directory) and 1 more; "
        f"expected {READABLE_ARRAYS}"
    )


def test_a_jpeg_cut_short_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {".": 10})
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "half.jpg")
    content = (tmp_path / "half.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2])
    assert "1 of 7 files cannot be used: half.jpg (image file is truncated" in refusal(tmp_path)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pixels_of_32_bits_are_refused(tmp_path: Path, dtype: Any) -> None:
    fill(tmp_path, {".": 10})
    Image.fromarray(np.ones((8, 8), dtype=dtype)).save(tmp_path / "wide.tif")
    assert "wide.tif (pixels with a sign or of more than 16 bits); expected" in refusal(tmp_path)


def test_an_unreadable_test_image_is_named_by_the_key_of_its_folder(tmp_path: Path) -> None:
    root, test = fill(tmp_path / "train", {".": 10}), fill(tmp_path / "test", {".": 10})
    (test / "3.png").write_bytes(b"")
    assert refusal(root, "test", test_root=test).startswith(
        f"test_root is {test}, where 1 of 6 files cannot be used: 3.png (not an image);"
    )


def test_an_image_too_large_to_be_one_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {".": 10})
    header = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 50000, 50000, 1, 24, *[0] * 6)
    (tmp_path / "bomb.bmp").write_bytes(header)
    assert "bomb.bmp (Image size (2500000000 pixels) exceeds limit" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"channels": 0}, "channels is 0; expected at least 1"),
        ({"size": (0, 8)}, "size is 0; expected at least 1"),
        ({"size": 0}, "size is 0; expected at least 1"),
        ({"val_size": 6}, "val_size is 6; expected less than the 6 training images"),
    ],
)
def test_bad_numbers_are_named(tmp_path: Path, kwargs: dict[str, Any], message: str) -> None:
    assert refusal(fill(tmp_path, {".": 10}), **kwargs) == message


def test_files_without_the_channels_that_are_asked_for_are_named(tmp_path: Path) -> None:
    fill(tmp_path, {".": 10}, count=4)
    np.save(tmp_path / "deep.npy", np.zeros((8, 8, 5), np.uint8))
    message = refusal(tmp_path)
    assert (
        "where 1 of 5 files cannot be used: deep.npy (an array of 5 channel(s); expected 3); expected whole" in message
    )
    message = refusal(tmp_path, channels=5)
    assert (
        "where 4 of 5 files cannot be used: 0.png (an image file, which has at most 4 channels; expected .npy"
        in message
    )


# Labels, which every data set in memory is checked for.


class Mislabelled(TinyData):
    """Random images, one of which has a label of its own."""

    def __init__(self, label: int, num_classes: int = 10) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.label = label

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = super().load(train=train)
        labels[[7, 9]] = self.label
        return images, labels


@pytest.mark.parametrize("stage", ["fit", "test"])
@pytest.mark.parametrize("label", [10, -1])
def test_a_label_that_is_no_class_is_refused_by_its_index(stage: str, label: int) -> None:
    data: InMemoryDataModule = Mislabelled(label)
    with pytest.raises(ValueError, match=f"^num_classes is 10, but the label of image 7 is {label}; expected 0 to 9$"):
        data.setup(stage)


def test_the_labels_of_images_without_classes_are_not_checked() -> None:
    data = Mislabelled(-1, num_classes=0)
    data.setup("fit")
    assert data.splits["train"].labels[7] == -1


def test_a_file_that_changes_before_it_is_decoded_is_refused(tmp_path: Path) -> None:
    data = ImageFolderDataModule(fill(tmp_path, {"a": 10, "b": 20}), size=8, val_size=2)
    os.utime(tmp_path / "b" / "3.png", (0, 0))
    with pytest.raises(InputError, match=r"1 of 12 files cannot be used: b/3.png \(changed while it was read\)"):
        data.setup("fit")


def test_files_that_have_changed_during_a_run_are_named_at_its_end(tmp_path: Path) -> None:
    root = fill(tmp_path / "train", {"a": 10, "b": 20})
    data = ImageFolderDataModule(root, size=8, val_size=2, test_root=fill(tmp_path / "test", {"a": 10}))
    for stage in ("fit", "test"):
        data.setup(stage)
        data.teardown(stage)
    os.utime(root / "b" / "3.png", (0, 0))
    save(root / "b" / "4.png", (1, 2, 3), shape=(90, 90))
    (tmp_path / "test" / "a" / "0.png").unlink()
    with pytest.warns(UserWarning, match="have changed since they were read") as warnings:
        data.teardown("fit")
    texts = [str(warning.message) for warning in warnings]
    assert len(texts) == 2
    assert texts[0].startswith(
        f"root is {root}, where 2 of 12 files have changed since they were read: b/3.png, b/4.png; "
    )
    assert texts[1].startswith(
        f"test_root is {tmp_path / 'test'}, where 1 of 6 files have changed since they were read"
    )
