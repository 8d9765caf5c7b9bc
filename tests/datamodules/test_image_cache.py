"""What files become: pixels, memory and refusals, whatever the layout."""

from __future__ import annotations

import logging
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_reader import READABLE, read_file
from lightning_gans.core.pixel_files import PixelFormat
from lightning_gans.datamodules import PairedImageDataModule, UnpairedImageDataModule, image_cache
from lightning_gans.datamodules.image_cache import (
    CachedImageFiles,
    DomainImages,
    Listing,
    open_images,
)
from lightning_gans.datamodules.image_checks import decode_and_check
from tests.support.image_trees import SMALL, images, noise, refusal, save, seeds, side_by_side

ORIENTATION = 0x112
PAIR_BYTES = 2 * 3 * 10 * 10
LOGGER = "lightning.pytorch.utilities.rank_zero"


def pair_files(root: Path, count: int = 4, kept: int = 0) -> CachedImageFiles:
    side_by_side(root / "train", count)
    listing = Listing([(path,) for path in sorted((root / "train").iterdir())], (3, 3))
    files = CachedImageFiles(root, listing, (10, 10), kept * PAIR_BYTES)
    decode_and_check(root, [[files]])
    return files


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files that are opened meanwhile."""
    names: list[str] = []

    def noted(path: Path) -> bytes:
        names.append(path.name)
        return read_file(path)

    with monkeypatch.context() as patch:
        patch.setattr(image_cache, "read_file", noted)
        yield names


# Memory.


@pytest.mark.parametrize("kept", [0, 2, 4, 1000])
def test_what_is_kept_and_what_is_decoded_again_are_the_same_pixels(tmp_path: Path, kept: int) -> None:
    files = pair_files(tmp_path, kept=kept)
    assert files.kept == min(kept, 4)
    assert files.kept_bytes == files.kept * PAIR_BYTES
    a, b = DomainImages(files, 0), DomainImages(files, 1)
    assert len(a) == 4
    assert a[[3, 0, 2]].dtype == torch.uint8
    assert torch.equal(a[[3, 0, 2]][0], torch.from_numpy(noise(3)).permute(2, 0, 1))
    for indices in ([0, 1, 2, 3], [3, 0], [2, 2]):
        assert seeds(a[indices]) == indices
        assert torch.equal(b[indices], 255 - a[indices])


def test_room_for_a_part_of_an_image_keeps_none_of_it(tmp_path: Path) -> None:
    assert pair_files(tmp_path, kept=0).kept == 0
    listing = Listing([(tmp_path / "train" / "000.png",)] * 3, (3, 3))
    assert CachedImageFiles(tmp_path, listing, (10, 10), 2 * PAIR_BYTES - 1).kept == 1


def test_no_indices_give_no_images(tmp_path: Path) -> None:
    files = pair_files(tmp_path)
    assert DomainImages(files, 1)[[0]].shape == (1, 3, 10, 10)
    assert DomainImages(files, 0)[[]].shape == (0, 3, 10, 10)


def test_a_pair_is_decoded_once_for_both_domains_and_kept_ones_never_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(monkeypatch) as names:
        files = pair_files(tmp_path, kept=2)
    assert sorted(names) == ["000.png", "001.png", "002.png", "003.png"]
    # Also in another process.
    pair = pickle.loads(pickle.dumps((DomainImages(files, 0), DomainImages(files, 1))))
    with counted(monkeypatch) as names:
        for pictures in pair:
            pictures[[3, 1, 2]]
        pair[0][[0, 1]]
    assert names == ["003.png", "002.png"]


def test_the_budget_is_for_both_domains_and_all_splits_and_the_count_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder, count in (("trainA", 4), ("trainB", 6), ("testA", 3), ("testB", 3)):
        images(tmp_path / folder, count)
    # Two training images of a and four of b, of 300 bytes each; the others have 192.
    data = UnpairedImageDataModule(tmp_path, **SMALL, cache_gb=(6 * 300 + 1.5 * 192) / 2**30)
    with caplog.at_level(logging.INFO, LOGGER):
        data.setup("fit")
        data.setup("fit")
        data.setup("validate")
    (message,) = [message for message in caplog.messages if "kept" in message]
    assert message.startswith("data: 7 of 10 images are kept in memory (cache_gb is ")
    caplog.clear()
    with caplog.at_level(logging.INFO, LOGGER):
        data.setup("test")
    assert "data: 0 of 6 images" in caplog.text


def test_nothing_is_said_of_memory_where_everything_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = PairedImageDataModule(side_by_side(tmp_path / "train", 5), **SMALL)
    with caplog.at_level(logging.INFO, LOGGER):
        data.setup("fit")
    assert not [message for message in caplog.messages if "kept" in message]


def test_a_file_that_goes_bad_in_training_is_named(tmp_path: Path) -> None:
    data = PairedImageDataModule(side_by_side(tmp_path / "train", 4), **SMALL, cache_gb=0)
    data.setup("fit")
    first = data.train_dataloader().batches.order()[0]
    bad = data._files["train"][0].paths[first][0]
    bad.write_bytes(b"")
    with pytest.raises(InputError) as error:
        list(data.train_dataloader())
    assert str(error.value) == (
        f"root is {tmp_path}, where train/{bad.name} could be used at the start, but cannot be used now "
        "(not an image); expected files that do not change during a run"
    )


def change(path: Path, seconds: int = 0) -> None:
    """Replace an image by another one of the same size, ``seconds`` later."""
    status = path.stat()
    save(path, 255 - np.asarray(Image.open(path)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + seconds * 10**9))


@pytest.fixture(scope="module", autouse=True)
def _workers_are_ended_soon() -> Iterator[None]:
    """torch waits five seconds, twice, for the worker of a loader that has failed, and then kills it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.2)
        yield


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_file_that_changes_in_training_is_named_in_one_sentence(tmp_path: Path, split: str, workers: int) -> None:
    data = PairedImageDataModule(side_by_side(tmp_path / "train", 4), **SMALL, cache_gb=0, num_workers=workers)
    data.setup("fit")
    loader = data.train_dataloader() if split == "train" else data.val_dataloader()
    first = data.train_dataloader().batches.order()[0] if split == "train" else 0
    path = data._files[split][0].paths[first][0]
    change(path, seconds=1)
    with pytest.raises(InputError) as error:
        list(loader)
    assert str(error.value) == (
        f"root is {tmp_path}, where train/{path.name} has changed since the start (its size or its modification time); "
        "expected files that do not change during a run"
    )


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 2)
    paths = sorted((tmp_path / "train").iterdir())
    files = CachedImageFiles(tmp_path, Listing([(path,) for path in paths], (3, 3)), (10, 10), 0)
    change(paths[1], seconds=1)
    with pytest.raises(InputError, match=r"1 of 2 files cannot be used: train/001.png \(changed while it was read\)"):
        decode_and_check(tmp_path, [[files]])


@pytest.mark.parametrize("budget", [0, 4])
def test_files_that_have_changed_during_a_run_are_named_at_its_end(tmp_path: Path, budget: float) -> None:
    for folder in ("trainA", "trainB"):
        images(tmp_path / folder, 6)
    data = UnpairedImageDataModule(tmp_path, **SMALL, cache_gb=budget)
    data.setup("fit")
    data.teardown("fit")
    change(tmp_path / "trainA" / "001.png", seconds=1)
    (tmp_path / "trainB" / "002.png").unlink()
    with pytest.warns(UserWarning, match="have changed since they were read") as warnings:
        data.teardown("fit")
    (warning,) = warnings
    assert str(warning.message).startswith(
        f"root is {tmp_path}, where 2 of 12 files have changed since they were read: trainA/001.png, trainB/002.png; "
    )


# Pixels.


def test_a_pair_is_cut_before_it_is_resized(tmp_path: Path) -> None:
    both = np.zeros((40, 80, 3), dtype=np.uint8)
    both[:, 40:] = 255
    listing = Listing([(save(tmp_path / "a.png", both),)], (3, 1))
    a, b = CachedImageFiles(tmp_path, listing, (7, 7), 0).batch([0])
    assert torch.unique(a).tolist() == [0]
    assert b.shape == (1, 1, 7, 7)
    assert torch.unique(b).tolist() == [255]


def test_the_orientation_of_a_pair_is_restored_before_it_is_cut(tmp_path: Path) -> None:
    upright = np.concatenate([noise(1), noise(2)], axis=1)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise
    Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "a.png", exif=exif)
    a, b = open_images((tmp_path / "a.png",), (PixelFormat(3, (1, 1)),) * 2)
    assert np.array_equal(np.asarray(a.content), noise(1))
    assert np.array_equal(np.asarray(b.content), noise(2))


def test_the_middle_square_is_used_of_both_halves(tmp_path: Path) -> None:
    left = noise(1, width=16, height=10)
    listing = Listing([(save(tmp_path / "a.png", np.concatenate([left, 255 - left], axis=1)),)], (3, 3))
    a, b = CachedImageFiles(tmp_path, listing, (10, 10), 0).batch([0])
    assert torch.equal(a[0], torch.from_numpy(left[:, 3:13].copy()).permute(2, 0, 1))
    assert torch.equal(b, 255 - a)


GRAY16 = np.full((10, 10), 51400, dtype=np.uint16)  # 200 * 257


@pytest.mark.parametrize(
    ("name", "image", "level"),
    [
        *((f"x.{kind}", Image.new("RGB", (10, 10), (200,) * 3), 200) for kind in ("png", "jpg", "BMP", "tif", "webp")),
        ("x.ppm", Image.new("RGB", (10, 10), (200,) * 3), 200),
        ("x.pgm", Image.new("L", (10, 10), 200), 200),
        ("x.png", Image.fromarray(GRAY16), 200),
        ("x.tiff", Image.fromarray(GRAY16), 200),
        ("x.png", Image.new("RGBA", (10, 10), (200, 200, 200, 0)), 255),
        ("x.png", Image.new("L", (10, 10), 200).convert("P"), 200),
        ("x.png", Image.new("1", (10, 10), 1), 255),
        ("x.tif", Image.new("CMYK", (10, 10), (0, 0, 0, 55)), 200),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "mode", None),
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_file_serves(tmp_path: Path, name: str, image: Image.Image, level: int, channels: int) -> None:
    for folder in ("trainA", "trainB"):
        images(tmp_path / folder, 3)
        shutil.copy(tmp_path / folder / "000.png", tmp_path / folder / "y.png")
    image.save(tmp_path / "trainB" / name)
    data = UnpairedImageDataModule(tmp_path, **{**SMALL, "size": 10}, channels_b=channels, bits_a=8, bits_b=8)
    data.setup("fit")
    found = torch.cat([data.splits[split].b[list(range(len(data.splits[split].b)))] for split in ("train", "val")])
    assert found.shape == (5, channels, 10, 10)
    assert any(torch.equal(torch.unique(pixels), torch.tensor([level], dtype=torch.uint8)) for pixels in found)


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (10, 10), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    (image,) = open_images((tmp_path / "a.webp",), (PixelFormat(3, (1, 1)),))
    assert isinstance(image.content, Image.Image)
    assert image.content.getpixel((5, 5)) == (255, 0, 0)


# Refusals.


@pytest.mark.parametrize("budget", [0, 4])
def test_all_files_that_cannot_be_used_are_reported_at_once(tmp_path: Path, budget: float) -> None:
    for folder in ("trainA", "trainB", "valA", "valB"):
        images(tmp_path / folder, 5)
    (tmp_path / "trainA" / "004.png").write_bytes(b"")
    content = (tmp_path / "trainB" / "001.png").read_bytes()
    (tmp_path / "trainB" / "001.png").write_bytes(content[: len(content) // 2])
    Image.fromarray(np.ones((10, 10), dtype=np.float32)).save(tmp_path / "valA" / "deep.tif")
    (tmp_path / "valB" / "link.jpg").symlink_to("nowhere.jpg")
    assert refusal(UnpairedImageDataModule(tmp_path, **SMALL, cache_gb=budget)) == (
        f"root is {tmp_path}, where 4 of 22 files cannot be used: trainA/004.png (not an image), "
        "trainB/001.png (image file is truncated), valA/deep.tif (pixels with a sign or of more than "
        f"16 bits) and 1 more; expected {READABLE}"
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"channels_a": 0}, "channels_a is 0; expected at least 1"),
        ({"channels_b": -1}, "channels_b is -1; expected at least 1"),
        ({"val_size": 1}, "val_size is 1; expected at least 2"),
        ({"cache_gb": -1.0}, "cache_gb is -1.0; expected at least 0"),
        ({"load_size": 7}, "load_size is 7; expected at least size, 8"),
        ({"load_size": (9, 7)}, "load_size is (9, 7); expected at least size, 8"),
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PairedImageDataModule(**{**SMALL, **kwargs})


def test_images_of_other_shapes_than_most_are_named_in_one_warning(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB"):
        images(tmp_path / folder, 8)
    for name in ("trainA/006.png", "trainB/001.png", "trainB/003.png", "trainB/005.png"):
        save(tmp_path / name, noise(0, width=12, height=14))
    data = UnpairedImageDataModule(tmp_path, **SMALL)
    with pytest.warns(UserWarning, match=r"4 image\(s\) have another shape than most: ") as warnings:
        data.setup("fit")
    (warning,) = warnings
    text = str(warning.message)
    assert text.startswith(f"root is {tmp_path}, where ")
    assert text.endswith("and 1 more; their centers are used")
    assert "trainA/006.png (12 x 14 pixels)" in text


def test_each_domain_has_a_shape_of_its_own(tmp_path: Path) -> None:
    images(tmp_path / "trainA", 4)
    for index in range(5):
        save(tmp_path / "trainB" / f"{index}.png", noise(index, width=20, height=12))
    UnpairedImageDataModule(tmp_path, **SMALL).setup("fit")
