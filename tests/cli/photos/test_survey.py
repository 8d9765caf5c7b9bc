"""What a survey finds in folders and archives."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_gans.cli.photos import survey as module
from lightning_gans.cli.photos.survey import Survey, survey
from lightning_gans.core.errors import InputError
from tests.support.folders import fill, save


def look(root: Path) -> Survey:
    return survey(root, None, None, None)


def test_it_says_what_a_choice_depends_on(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"cat": 10, "dog": 20}, 6)
    fill(tmp_path / "val", {"dog": 99}, 2)
    save(tmp_path / "train" / "cat" / "wide.jpg", 7, (30, 12), "L")
    Image.new("I;16", (9, 9), 500).save(tmp_path / "train" / "cat" / "deep.png")
    np.save(tmp_path / "train" / "dog" / "many.npy", np.zeros((5, 4, 6), np.uint8))
    found = look(tmp_path)
    assert found.counts == {"train": 15, "val": 2}
    assert found.classes == {"cat": 8, "dog": 7}
    assert sorted(found.shapes) == [(5, 4)] + [(8, 8)] * 12 + [(9, 9), (12, 30)]
    assert (found.channels, found.arrays, found.deep) == ({3: 12, 1: 2}, {6: 1}, 1)
    assert dict(found.description)["images"] == "train 15, val 2"
    assert dict(found.description)["classes"].startswith("2: cat, dog; for training cat has the most, 8, and dog")
    assert "most often 8 x 8 (12)" in dict(found.description)["sizes"]


@pytest.mark.parametrize(("opacity", "shows"), [(255, False), (200, True)])
def test_an_alpha_channel_counts_where_something_is_transparent(tmp_path: Path, opacity: int, shows: bool) -> None:
    for index in range(3):
        save(tmp_path / f"{index}.png", (index, 0, 0, opacity), mode="RGBA")
    found = look(tmp_path)
    assert (found.channels, found.transparent) == ({4: 3}, shows)


def test_of_many_files_some_are_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EXAMINED", 5)
    fill(tmp_path, {".": 10}, 20)
    found = look(tmp_path)
    assert (found.counts["train"], found.examined) == (20, 5)
    assert dict(found.description)["images"] == "train 20; sizes and channels are those of 5 of them"
    assert "duplicates" not in dict(found.description)


def test_an_archive_with_labels_is_read_like_a_folder(tmp_path: Path) -> None:
    fill(tmp_path / "files", {".": 10}, 12)
    labels = [[f"{index}.png", index % 3] for index in range(12)]
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, _ in labels:
            archive.write(tmp_path / "files" / str(name), str(name))
        archive.writestr("dataset.json", json.dumps({"labels": labels}))
    found = look(tmp_path / "set.zip")
    assert (found.counts, list(found.classes.values())) == ({"train": 12}, [4, 4, 4])


def test_files_that_cannot_be_used_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^root is .*, which holds no images"):
        look(tmp_path)
    fill(tmp_path, {".": 10}, 12)
    (tmp_path / "bad.png").write_text("nothing")
    with pytest.raises(InputError, match=r"1 of 13 files cannot be used: bad.png \(not an image\)"):
        look(tmp_path)
