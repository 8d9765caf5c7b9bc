"""Zip and tar archives of images, and labels in files."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import ImageFolderDataModule, cache_builder
from tests.support.folders import fill, folder, save, whole

KINDS = ("zip", "tar", "tar.gz", "tar.xz")


def pack(root: Path, kind: str, top: str = "") -> Path:
    """The files of a folder in an archive beside it, in an order that is not that of their names."""
    path = root.with_name(f"{root.name}.{kind}")
    files = sorted((file for file in root.rglob("*") if file.is_file()), key=lambda file: file.name, reverse=True)
    names = [(file, f"{top}{file.relative_to(root)}") for file in files]
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, name in names:
                archive.write(file, name)
    else:
        mode: Any = f"w:{kind.partition('.')[2]}"
        with tarfile.open(path, mode) as archive_of_tar:
            for file, name in names:
                archive_of_tar.add(file, name)
    return path


def same(first: ImageFolderDataModule, second: ImageFolderDataModule) -> bool:
    return first.classes == second.classes and all(map(torch.equal, whole(first), whole(second)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_the_folder(kind: str, tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"a": 10, "b": 20})
    archive = pack(root, kind)
    expected = folder(root)
    assert same(folder(archive), expected)
    for workers in (0, 1):
        cached = folder(archive, memory_gb=0, cache_dir=tmp_path / "cache", num_workers=workers)
        assert same(cached, expected)
        assert next(iter(cached.train_dataloader())).images.shape == (2, 3, 8, 8)
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_only_top_level_folder_is_no_class(kind: str, tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"a": 10, "b": 20})
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "._0.png").touch()
    assert same(folder(pack(root, kind, "photos/")), folder(root))


def test_splits_and_test_archives(tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"train/a": 10, "train/b": 10, "val/a": 20}, 3)
    test = fill(tmp_path / "test", {"a": 30, "b": 40}, 2)
    data = folder(pack(root, "zip"), "test", test_root=pack(test, "tar"))
    assert sorted(data.splits["test"].images[:, 0, 0, 0].tolist()) == [30, 30, 40, 40]
    data.setup("fit")
    assert (len(data.splits["train"]), len(data.splits["val"])) == (6, 3)


def write_json(root: Path, labels: Any) -> Path:
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))
    return root


@pytest.mark.parametrize("kind", ["", "zip", "tar"])
def test_a_dataset_json_says_the_classes(kind: str, tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"00000": 10, "00001": 20}, 3)
    names = [f"{top}/{index}.png" for top in ("00000", "00001") for index in range(3)]
    write_json(root, [[name, index % 3] for index, name in enumerate(names)])
    data = folder(pack(root, kind) if kind else root)
    assert data.classes == ["0", "1", "2"]
    images, labels = whole(data)
    assert torch.equal(images[:, 1, 0, 0].long(), labels)
    assert folder(write_json(root, None)).classes == []


def test_a_json_of_another_purpose_is_left_alone(tmp_path: Path) -> None:
    root = fill(tmp_path, {"a": 10, "b": 20})
    for content in ("[1]", "{", '{"name": "mine"}'):
        (root / "dataset.json").write_text(content)
        assert folder(root).classes == ["a", "b"]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_table_says_the_classes(separator: str, tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"x": 10, "y": 20}, 2)
    rows = ["file", "class"], ["x/0.png", "owl"], ["x/1", "cat"], ["y/0.png", "cat"], ["y/1.png", "owl 2"]
    (root / "labels.csv").write_text("\ufeff" + "\r\n".join(separator.join(row) for row in rows) + "\r\n")
    data = folder(root, labels=root / "labels.csv")
    assert data.classes == ["cat", "owl", "owl 2"]
    images, labels = whole(data)
    found = {(int(image[0, 0, 0]), int(image[1, 0, 0])): data.classes[label] for image, label in zip(images, labels)}  # noqa: B905
    assert found == {(10, 0): "owl", (10, 1): "cat", (20, 0): "cat", (20, 1): "owl 2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x/0.png,1\nx/1.png\n", "labels is LABELS, whose line 2 has 1 columns; expected a name and a class"),
        ("x/0.png,1\n", "labels is LABELS, which has no label for 1 of 2 images: x/1.png; expected one for each"),
        ("file,class\nz.png,1\n", "labels is LABELS, which names none of the images, such as x/0.png; expected name,"),
        ("", "labels is LABELS, which names none of the images"),
        (None, "labels is LABELS, which cannot be read (No such file or directory); expected a text file"),
    ],
)
def test_tables_that_cannot_be_used(text: str | None, message: str, tmp_path: Path) -> None:
    root, table = fill(tmp_path / "root", {"x": 10}, 2), tmp_path / "labels.csv"
    if text is not None:
        table.write_text(text)
    with pytest.raises(InputError) as error:
        folder(root, labels=table)
    assert str(error.value).startswith(message.replace("LABELS", str(table)))


@pytest.mark.parametrize("labels", [[["a/0.png", -1]], [["a/0.png", 1.5]], [["a/0.png", [1, 0]]], [3], {"a": 1}])
def test_labels_in_json_that_cannot_be_used(labels: Any, tmp_path: Path) -> None:
    root = write_json(fill(tmp_path, {"a": 10}, 2), labels)
    with pytest.raises(
        InputError, match=r"whose dataset\.json holds the entry .*; expected pairs of a file's name and"
    ):
        folder(root)


def test_images_without_a_label_and_test_images_of_other_classes(tmp_path: Path) -> None:
    root = write_json(fill(tmp_path / "root", {"a": 10}, 4), [["a/0.png", 0]])
    with pytest.raises(
        InputError, match=r"dataset\.json has no label for 3 of 4 images: a/1\.png, a/2\.png, a/3\.png;"
    ):
        folder(root)
    write_json(root, [[f"a/{index}.png", index % 2] for index in range(4)])
    test = fill(tmp_path / "test", {"a": 10}, 4)
    with pytest.raises(InputError, match=r"^test_root is .*, which has no labels; expected those of root: 0, 1$"):
        folder(root, test_root=test)
    write_json(test, [[f"a/{index}.png", index] for index in range(4)])
    with pytest.raises(InputError, match=r"^test_root is .*, which has the labels 2, 3; expected those of root: 0, 1$"):
        folder(root, test_root=test)


def test_archives_that_cannot_be_used(tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"a": 10})
    for kind in ("zip", "tar.gz"):
        path = pack(root, kind)
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(InputError, match=r"expected a folder, or a whole zip or tar file$"):
            folder(path)
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("a.txt", "nothing")
        archive.writestr("b.txt", "nothing")
    with pytest.raises(InputError, match=r"which holds no images, but 2 other files \(2 \.txt\); expected files named"):
        folder(tmp_path / "text.zip")


def test_damaged_members_are_named(tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {".": 10})
    save(root / "large.png", (1, 2, 3), (400, 400))
    path = pack(root, "zip")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("large.png").header_offset
    content = bytearray(path.read_bytes())
    content[place + 60] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"where 1 of 7 files cannot be used: large\.png \(damaged in the archive"):
        folder(path)


def test_an_archive_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack(fill(tmp_path / "root", {".": 10}), "zip")
    data = folder(archive)
    os.utime(archive, (1, 1))
    with pytest.warns(UserWarning, match=r"6 of 6 files have changed since they were read"):
        data.teardown("fit")
    monkeypatch.setattr(cache_builder, "FEWEST_FOR_PROCESSES", 1)
    again = folder(archive, memory_gb=0, cache_dir=tmp_path / "cache")
    assert same(again, data)
