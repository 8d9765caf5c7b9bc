"""Image folders that are decoded once into a cache on disk."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import ImageFolderDataModule, cache_builder
from lightning_gans.datamodules.cache_folder import DONE, HEADER, IMAGES, NAMES
from lightning_gans.datamodules.image_sources import ImageSource, decode_file
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator
from lightning_gans.variants import DCGAN
from tests.support.folders import fill, folder, save
from tests.support.paths import ROOT
from tests.support.tiny import tiny_trainer


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded into caches, in this process."""
    names: list[str] = []

    def noted(source: ImageSource, index: int, *arguments: Any) -> Any:
        names.append(source.names[index])
        return decode_file(source, index, *arguments)

    monkeypatch.setattr(f"{cache_builder.__name__}.decode_file", noted)
    return names


def cached(tmp_path: Path, stage: str = "fit", **kwargs: Any) -> ImageFolderDataModule:
    return folder(tmp_path / "root", stage, **{"memory_gb": 0, "cache_dir": tmp_path / "cache", **kwargs})


def only_cache(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "cache").iterdir()
    return found


def batches(data: ImageFolderDataModule) -> list[tuple[Tensor, Tensor]]:
    loader = data.train_dataloader()
    epochs = []
    for epoch in range(2):
        loader.batches.set_epoch(epoch)
        epochs += [(batch.images.clone(), batch.labels.clone()) for batch in loader]
    return epochs


@pytest.mark.parametrize("classes", [{"a": 10, "b": 20}, {".": 10}, {"train/a": 10, "val/a": 20, "test/a": 30}])
def test_a_cached_folder_is_the_folder_in_memory(tmp_path: Path, classes: dict[str, int]) -> None:
    fill(tmp_path / "root", classes)
    for arguments in ({"flip": True}, {"train_size": 3, "num_workers": int("a" in classes)}, {"size": (6, 9)}):
        on_disk, in_memory = cached(tmp_path, **arguments), folder(tmp_path / "root", **arguments)
        on_disk.setup("test")
        in_memory.setup("test")
        for split in ("train", "val", "test"):
            for found, expected in zip(on_disk.split_tensors(split), in_memory.split_tensors(split), strict=True):
                assert torch.equal(found, expected)
        for batch, same in zip(batches(on_disk), batches(in_memory), strict=True):
            assert all(map(torch.equal, batch, same))
        assert on_disk.training_size() == len(on_disk.splits["train"])


def test_each_file_is_decoded_once_for_all_runs(tmp_path: Path, decoded: list[str], caplog: Any) -> None:
    fill(tmp_path / "root", {"a": 10, "b": 20})
    with caplog.at_level(logging.INFO):
        prints = [cached(tmp_path, stage).fingerprint("val") for stage in ("fit", "validate", "fit")]
    assert len(set(prints)) == 1
    assert sorted(decoded) == [f"{name}/{index}.png" for name in "ab" for index in range(6)]
    said = [record.getMessage() for record in caplog.records]
    place = only_cache(tmp_path)
    assert (
        f"data: decoding 12 of 12 images of {tmp_path}/root into the cache {place} (0.0 MB), which later runs "
        in said[0]
    )
    assert f"data: 12 images are read from the cache {place} (0.0 MB)" in said
    assert place.name.startswith("root-train-8x8-")


def test_other_sizes_channels_and_splits_have_caches_of_their_own(tmp_path: Path) -> None:
    fill(tmp_path / "root", {"train": 10, "val": 20})
    others: list[dict[str, Any]] = [{}, {"size": 4}, {"channels": 1}]
    prints = [cached(tmp_path, **arguments).fingerprint("val") for arguments in others]
    assert len(set(prints)) == 3
    assert len(list((tmp_path / "cache").iterdir())) == 6


def test_an_interrupted_cache_is_continued(tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "root", {"a": 10})

    def interrupted(source: ImageSource, index: int, *arguments: Any) -> Any:
        if len(decoded) == 4:
            raise KeyboardInterrupt
        decoded.append(source.names[index])
        return decode_file(source, index, *arguments)

    monkeypatch.setattr(cache_builder, "CHUNK_BYTES", 2)
    with monkeypatch.context() as patch:
        patch.setattr(f"{cache_builder.__name__}.decode_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cached(tmp_path)
    first = decoded.copy()
    assert len(first) == 4
    cached(tmp_path)
    assert sorted(decoded) == [f"a/{index}.png" for index in range(6)]


def truncated(name: str) -> Callable[[Path], object]:
    return lambda place: os.truncate(place / name, 5)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncated(IMAGES), rf"{IMAGES} has 5 bytes; expected 1152$"),
        (truncated(DONE), rf"{DONE} has 5 bytes; expected 6$"),
        (lambda place: (place / NAMES).unlink(), rf"{NAMES} is missing; expected 48$"),
        (lambda place: (place / HEADER).write_text("[" * 9999), f"{HEADER} is not that of these images$"),
        (lambda place: (place / HEADER).write_text('{"version": true}'), f"{HEADER} is not that of these images$"),
        (lambda place: (place / HEADER).write_bytes(pickle.dumps(os.getcwd)), f"{HEADER} is not that of these"),
    ],
)
def test_a_damaged_cache_is_built_again(
    tmp_path: Path, damage: Callable[[Path], object], reason: str, decoded: list[str]
) -> None:
    fill(tmp_path / "root", {"a": 10})
    expected = cached(tmp_path).split_tensors("val").images.clone()
    damage(only_cache(tmp_path))
    with pytest.warns(UserWarning, match=f"^the cache .* is damaged and is built again: {reason}"):
        again = cached(tmp_path)
    assert torch.equal(again.split_tensors("val").images, expected)
    assert len(decoded) == 12


def test_only_files_that_changed_are_decoded_again(tmp_path: Path, decoded: list[str], caplog: Any) -> None:
    root = fill(tmp_path / "root", {"a": 10})
    running = cached(tmp_path)
    before = only_cache(tmp_path)
    decoded.clear()
    save(root / "a" / "2.png", (99, 2, 0))
    os.utime(root / "a" / "2.png", (1, 1))
    save(root / "a" / "7.png", (10, 7, 0))
    (root / "a" / "3.png").unlink()
    with caplog.at_level(logging.INFO):
        data = cached(tmp_path)
    assert sorted(decoded) == ["a/2.png", "a/7.png"]
    assert "data: 4 of 6 images are those of the cache" in caplog.text
    levels = torch.cat([data.split_tensors(split).images[:, :2, 0, 0] for split in ("train", "val")])
    assert sorted(map(tuple, levels.tolist())) == [(10, 0), (10, 1), (10, 4), (10, 5), (10, 7), (99, 2)]
    # The first run still reads its own.
    assert before.exists()
    assert len(running.split_tensors("train").images) == 4


def test_the_cache_of_an_earlier_state_is_deleted_when_no_run_reads_it(tmp_path: Path) -> None:
    root = fill(tmp_path / "root", {"a": 10})
    cached(tmp_path)._caches["train"].close()
    before = only_cache(tmp_path)
    save(root / "a" / "7.png", (10, 7, 0))
    cached(tmp_path)
    assert only_cache(tmp_path) != before


def test_files_that_cannot_be_used_are_named_and_the_others_are_kept(tmp_path: Path, decoded: list[str]) -> None:
    root = fill(tmp_path / "root", {"a": 10})
    for name in ("6.png", "7.png"):
        (root / "a" / name).write_text("nothing")
    for _ in range(2):
        with pytest.raises(InputError) as error:
            cached(tmp_path)
        assert f"root is {root}, where 2 of 8 files cannot be used: a/6.png (not an image), a/7.png" in str(error.value)
    assert len(decoded) == 8 + 2
    for name in ("6.png", "7.png"):
        (root / "a" / name).unlink()
    cached(tmp_path)
    assert len(decoded) == 8 + 2


def test_a_disk_without_room_and_a_folder_that_is_none_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    fill(tmp_path / "root", {"a": 10}, count=60)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: Usage(10**7))
        with pytest.raises(
            InputError, match=r"cache_dir is .*cache, where 10\.0 MB are free, but 60 decoded images of "
        ):
            cached(tmp_path, size=256)
    save(tmp_path / "file.png")
    with pytest.raises(InputError, match=r"cache_dir is .*file\.png, where .* cannot be used \(Not a directory\)"):
        cached(tmp_path, cache_dir=tmp_path / "file.png")
    with pytest.raises(ValueError, match=r"^memory_gb is -1; expected at least 0$"):
        cached(tmp_path, memory_gb=-1)


def test_the_default_place_is_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    fill(tmp_path / "root", {"a": 10})
    cached(tmp_path, cache_dir=None)
    assert len(list((tmp_path / "home" / "lightning-gans" / "images").iterdir())) == 1


def test_a_trainer_builds_the_caches_of_its_stage(tmp_path: Path) -> None:
    fill(tmp_path / "root", {"train": 10, "val": 20, "test": 30})
    data = ImageFolderDataModule(tmp_path / "root", size=16, batch_size=2, memory_gb=0, cache_dir=tmp_path / "cache")
    model = DCGAN(DCGANGenerator(3, 16, latent_dim=2, width=2), DCGANDiscriminator(3, 16, width=2))
    trainer = tiny_trainer(tmp_path, max_steps=1)
    trainer.validate(model, data, verbose=False)
    assert {path.name.split("-")[1] for path in (tmp_path / "cache").iterdir()} == {"val"}
    trainer.fit(model, data)
    assert {path.name.split("-")[1] for path in (tmp_path / "cache").iterdir()} == {"train", "val"}


def test_small_sets_stay_in_memory(tmp_path: Path) -> None:
    fill(tmp_path / "root", {"a": 10})
    cached(tmp_path, memory_gb=0.1)
    assert not (tmp_path / "cache").exists()


def test_another_process_opens_the_files_itself(tmp_path: Path) -> None:
    fill(tmp_path / "root", {"a": 10}, count=40)
    data = cached(tmp_path, size=64).splits["train"]
    sent = pickle.dumps(data)
    assert len(sent) < 5000
    again = pickle.loads(sent)
    assert torch.equal(again.images, data.images)
    again.images.zero_()
    assert not torch.equal(again.images, data.images)


@pytest.mark.slow
def test_processes_build_a_cache_together_and_survive_kills(tmp_path: Path) -> None:
    """Several runs that start at once, some of which are killed, decode each file and agree."""
    for index in range(600):
        save(tmp_path / "root" / f"{index}.png", (index % 256, index // 256, 0), (300, 300))
    code = (
        "import sys; from pathlib import Path; from lightning_gans.datamodules import ImageFolderDataModule\n"
        "data = ImageFolderDataModule(Path(sys.argv[1]), size=64, memory_gb=0, cache_dir=Path(sys.argv[2]))\n"
        "data.setup('fit'); print(data.split_tensors('train').images.sum().item())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "root"), str(tmp_path / "cache")]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    until = time.monotonic() + 120
    while not list((tmp_path / "cache").glob(f"*/{HEADER}")) and time.monotonic() < until:
        time.sleep(0.05)
    killed = next(run for run in runs if run.poll() is None)
    killed.kill()
    outputs = [run.communicate(timeout=300)[0] for run in runs]
    sums = {out for run, out in zip(runs, outputs, strict=True) if run is not killed}
    assert len(sums) == 1
    expected = folder(tmp_path / "root", size=64, val_size=None).split_tensors("train").images.sum().item()
    assert sums == {f"{expected}\n".encode()}
    facts = json.loads((only_cache(tmp_path) / HEADER).read_text())
    assert facts["count"] == 600


def test_facts_say_what_each_file_holds(tmp_path: Path) -> None:
    root = tmp_path / "root"
    save(root / "a.png", (1, 2, 3, 4), (9, 5), "RGBA")
    save(root / "b.jpg", 7, (8, 20), "L")
    Image.new("I;16", (3, 3), 500).save(root / "c.png")
    shutil.copy(root / "b.jpg", root / "d.jpg")
    cached(tmp_path, bits=8)
    data = cached(tmp_path, bits=8)
    facts = data.cached("train").facts
    names = [data.listed["train"].source.names[index] for index in data.listed["train"].files.tolist()]
    known = {name: tuple(fact.tolist())[:4] for name, fact in zip(names, facts, strict=True)}
    assert known == {"a.png": (9, 5, 4, 8), "b.jpg": (8, 20, 1, 8), "c.png": (3, 3, 1, 16), "d.jpg": (8, 20, 1, 8)}
    assert len(set(facts["digest"].tolist())) == 3
