"""Pairs and domains as they lie: endings of names, named folders and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.datamodules import PairedImageDataModule, UnpairedImageDataModule
from lightning_gans.datamodules.matching import name_of
from tests.support.image_trees import SMALL, images, noise, refusal, save, seeds


def paired(root: Path, **kwargs: Any) -> PairedImageDataModule:
    data = PairedImageDataModule(root, **{**SMALL, "size": 10, **kwargs})
    data.setup("fit")
    data.setup("test")
    return data


def check(data: PairedImageDataModule, split: str, expected: list[int]) -> None:
    """The seeds of a split's images; those of b are the negatives of a."""
    batch = data.splits[split][[*range(len(data.splits[split]))]]
    assert seeds(batch.a) == expected
    assert torch.equal(batch.b, 255 - batch.a)


def pair(a: Path, b: Path, seed: int) -> None:
    save(a, noise(seed))
    save(b, 255 - noise(seed))


# Endings of names.


def test_two_trees_with_other_endings(tmp_path: Path) -> None:
    for seed in range(5):
        for split in ("train", "val"):
            pair(tmp_path / f"{split}A/x/{seed}_img.png", tmp_path / f"{split}B/x/{seed}_label.bmp", seed)
    save(tmp_path / "trainB" / "x" / "0_edges.png", noise(9))
    with pytest.warns(UserWarning, match=r"trainB of root is left out in part: 1 of 6 files \(trainB/x/0_edges.png\)"):
        data = paired(tmp_path, suffix_a="_img", suffix_b="_label")
    check(data, "train", [*range(5)])
    check(data, "val", [*range(5)])


def test_one_folder_with_both_domains_and_without_splits(tmp_path: Path) -> None:
    for seed in range(6):
        pair(tmp_path / f"sub/{seed}.png", tmp_path / f"sub/{seed}_label.png", seed)
    data = paired(tmp_path, suffix_b="_label", val_size=2)
    assert (len(data.splits["train"]), len(data.splits["val"])) == (4, 2)
    batch = data.splits["train"][[0, 1, 2, 3]]
    assert torch.equal(batch.b, 255 - batch.a)


def test_one_folder_for_each_split_where_extensions_tell_domains_apart(tmp_path: Path) -> None:
    for seed in range(4):
        for split in ("train", "test"):
            pair(tmp_path / split / f"cmp_{seed}.BMP", tmp_path / split / f"cmp_{seed}.png", seed)
    data = paired(tmp_path, suffix_a=".bmp", suffix_b=".png", val_size=2)
    check(data, "test", [*range(4)])
    assert len(data.splits["train"]) == 2


def test_partners_that_are_missing_in_one_folder_are_counted(tmp_path: Path) -> None:
    for seed in range(6):
        save(tmp_path / "train" / f"{seed}_a.png", noise(seed))
    save(tmp_path / "train" / "5_b.png", noise(5))
    assert refusal(PairedImageDataModule(tmp_path, suffix_a="_a", suffix_b="_b", **SMALL)) == (
        f"root is {tmp_path}, where train holds no partner of 5 of 6 files (train/0_a.png, train/1_a.png, "
        "train/2_a.png and 2 more); expected the same names in both, up to the extension and the endings _a and _b"
    )


@pytest.mark.filterwarnings("ignore:.*is left out in part")
def test_names_without_the_endings_are_refused(tmp_path: Path) -> None:
    images(tmp_path / "trainA", 3)
    images(tmp_path / "trainB", 3)
    said = refusal(PairedImageDataModule(tmp_path, suffix_a="_a", suffix_b="_b", **SMALL))
    assert "trainA holds no files whose names have these endings; expected the same names in both" in said


@pytest.mark.parametrize(
    ("name", "ending", "expected"),
    [
        ("a_img.jpg", "_img", "a"),
        ("a_img.jpg", "_img.jpg", "a"),
        ("a_img.JPG", ".jpg", "a_img"),
        ("a.b.png", "", "a.b"),
        ("a_img.png", ".jpg", None),
        ("a.png", "_img", None),
    ],
)
def test_an_ending_is_before_the_extension_or_with_it(name: str, ending: str, expected: str | None) -> None:
    assert name_of(Path(name), ending) == expected


# Named folders.


@pytest.mark.parametrize("layout", ["{split}/{name}", "{name}/{split}", "{name}"])
def test_two_of_several_domains_are_chosen(layout: str, tmp_path: Path) -> None:
    for first, name in ((0, "photo"), (50, "sketch {1}"), (100, "painting")):
        for split in ("train", "test") if "split" in layout else ("train",):
            images(tmp_path / layout.format(split=split, name=name), 5, first)
    data = UnpairedImageDataModule(tmp_path, folder_a="painting", folder_b="sketch {1}", **{**SMALL, "size": 10})
    data.setup("fit")
    data.setup("test")
    used = data.splits["train"]
    assert set(seeds(used.a[[*range(3)]])) <= {*range(100, 105)}
    assert set(seeds(used.b[[*range(3)]])) <= {*range(50, 55)}
    if "split" in layout:
        assert seeds(data.splits["test"].a[[*range(5)]]) == [*range(100, 105)]
    batch = paired(tmp_path, folder_a="photo", folder_b="painting", val_size=2).splits["train"][[0, 1, 2]]
    assert [b - a for a, b in zip(seeds(batch.a), seeds(batch.b), strict=True)] == [100] * 3


def test_a_named_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    images(tmp_path / "train" / "photo", 5)
    said = refusal(UnpairedImageDataModule(tmp_path, folder_a="photo", folder_b="sketch", **SMALL))
    assert said == (
        f"root is {tmp_path}, which holds train/photo; expected a folder that holds train/photo and train/sketch, or "
        "photo/train and sketch/train, or train_photo and train_sketch"
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"folder_a": "photo"}, "folder_a is photo and folder_b is None; expected both or neither"),
        ({"folder_a": "/photo", "folder_b": "b"}, "folder_a is /photo; expected a folder below root"),
        ({"folder_a": "a", "folder_b": "../b"}, r"folder_b is \.\./b; expected a folder below root"),
        ({"folder_a": "a", "folder_b": "a/"}, "folder_b is a/?, as folder_a is; expected another"),
    ],
)
@pytest.mark.parametrize("kind", [PairedImageDataModule, UnpairedImageDataModule])
def test_folders_that_cannot_be_named_are_refused(kind: Any, kwargs: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(Path("x"), **kwargs)


# Tables.


def test_a_table_lists_pairs_and_their_splits(tmp_path: Path) -> None:
    lines = ["picture;map;part"]
    for seed in range(6):
        split = ("", "val", "Testing")[seed // 2]
        pair(tmp_path / "data" / f"p/{seed}.png", tmp_path / "data" / f"m/{seed + 3}.bmp", seed)
        lines.append(f"p/{seed}.png; ./m/{seed + 3}.bmp;{split}")
    table = tmp_path / "pairs.csv"
    table.write_text("\ufeff" + "\n".join([*lines, "", " "]), encoding="utf-8")
    data = paired(tmp_path / "data", table=table)
    for split, seed in (("train", 0), ("val", 2), ("test", 4)):
        check(data, split, [seed, seed + 1])
        assert data.split_label(split) == split


def test_pairs_of_a_table_without_splits_are_held_out(tmp_path: Path) -> None:
    for seed in range(5):
        pair(tmp_path / f"{seed}a.png", tmp_path / f"{seed}b.png", seed)
    (tmp_path / "t.txt").write_text("\n".join(f"{seed}a.png\t{seed}b.png" for seed in range(5)))
    data = paired(tmp_path, table=tmp_path / "t.txt", val_size=2)
    assert (len(data.splits["train"]), len(data.splits["val"])) == (3, 2)
    assert data.split_label("test") == "val"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png\n", "whose line 1 has 1 column(s); expected the paths of a and of b, and possibly a split"),
        ("a.png,a.png,holiday\n", "whose line 1 has the split holiday; expected train, val or test"),
        ("a.png,../b.png\n", "whose line 1 names ../b.png; expected paths below root"),
        ("a.png,\n", "whose line 1 names no file; expected paths below root"),
        ("a,b\n", "which has no pairs for training"),
        ("a.png,a.png,val\n", "which has no pairs for training"),
        (
            "".join(f"a.png,{number}.png\n" for number in range(5)),
            "which names 5 of 6 files that are not there: 0.png, 1.png, 2.png and 2 more; expected paths relative to",
        ),
        (b"\xff\xfe\0", "which cannot be read"),
    ],
)
def test_other_tables_are_refused(text: str | bytes, message: str, tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0))
    table = tmp_path / "t.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = refusal(PairedImageDataModule(tmp_path, table=table, **SMALL))
    assert said.startswith(f"table is {table}, {message}")


def test_a_table_and_names_are_not_given_together() -> None:
    with pytest.raises(ValueError, match="table is t, beside names of folders or suffixes; expected one of both"):
        PairedImageDataModule(Path("x"), table=Path("t"), suffix_a="_a")
