"""Pairs in the layouts of pix2pix."""

from __future__ import annotations

import os
import pickle
from itertools import chain
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor

from lightning_gans.core.batches import Pair
from lightning_gans.core.images import to_uint8
from lightning_gans.datamodules import PairedImageDataModule, two_domains
from tests.support.image_trees import SMALL, in_two_folders, noise, pretend, save, seeds, side_by_side
from tests.support.tiny import tiny_trainer


def pairs(root: Path, stage: str = "fit", **kwargs: Any) -> PairedImageDataModule:
    data = PairedImageDataModule(root, **{**SMALL, **kwargs})
    data.setup(stage)
    return data


def shown(data: PairedImageDataModule, split: str) -> list[int]:
    """The seeds of a split's images, whose squares are as large as their files."""
    images = data.splits[split].a
    return seeds(images[list(range(len(images)))])


# Layouts and splits.


@pytest.mark.parametrize("layout", ["side by side", "two folders"])
def test_both_layouts_hold_the_same_pairs(tmp_path: Path, layout: str) -> None:
    for split in ("train", "val", "test"):
        if layout == "side by side":
            side_by_side(tmp_path / split, 6)
        else:
            in_two_folders(tmp_path, split, 6)
    data = pairs(tmp_path, "fit", size=10)
    data.setup("test")
    assert data.paired
    for split in ("train", "val", "test"):
        batch = data.splits[split][list(range(6))]
        assert batch.aligned
        assert seeds(batch.a) == list(range(6))
        assert torch.equal(batch.a[4], torch.from_numpy(noise(4)).permute(2, 0, 1))
        assert torch.equal(batch.b, 255 - batch.a)
        assert data.split_label(split) == split


def test_training_images_are_enlarged_and_others_are_not(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        side_by_side(tmp_path / split, 3)
    data = pairs(tmp_path, channels_a=1)
    data.setup("test")
    assert data.splits["train"][[0, 1]].a.shape == (2, 1, 10, 10)
    assert data.splits["val"][[0]].b.shape == data.splits["test"][[0]].b.shape == (1, 3, 8, 8)
    assert data.splits["val"][[0]].a.shape == (1, 1, 8, 8)


def test_partners_match_by_path_without_the_extension(tmp_path: Path) -> None:
    levels = {"2": 20, "10": 110, "deep/a.b": 200}
    for name, level in levels.items():
        pixels = np.full((10, 10, 3), level, dtype=np.uint8)
        save(tmp_path / "valA" / f"{name}.png", pixels)
        save(tmp_path / "valB" / f"{name}.JPEG", pixels + 3)
    save(tmp_path / "valB" / ".10.png", noise(0))
    batch = pairs(tmp_path, "validate").splits["val"][[0, 1, 2]]
    assert sorted(seeds(batch.a)) == sorted(levels.values())
    assert (batch.b.int() - batch.a.int() - 3).abs().max() <= 1


def test_pairs_are_held_out_where_no_folder_is_for_validation(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 20)
    data = pairs(tmp_path, size=10, val_size=5)
    train, val = shown(data, "train"), shown(data, "val")
    assert (len(train), len(val)) == (15, 5)
    assert sorted(train + val) == list(range(20))
    assert val == sorted(val) != list(range(15, 20))
    torch.manual_seed(1)
    os.environ["PL_GLOBAL_SEED"] = "7"
    assert shown(pairs(tmp_path, "validate", size=10, val_size=5), "val") == val


@pytest.mark.parametrize("stage", ["test", "predict"])
@pytest.mark.parametrize("with_val", [True, False])
def test_without_a_test_folder_the_validation_pairs_serve_and_scores_say_so(
    tmp_path: Path, stage: str, with_val: bool
) -> None:
    side_by_side(tmp_path / "train", 6)
    if with_val:
        side_by_side(tmp_path / "val", 3, first=100)
    data = pairs(tmp_path, stage, size=10)
    assert "train" not in data.splits
    assert shown(data, "test") == shown(pairs(tmp_path, size=10), "val")
    assert data.fingerprint("test") == pairs(tmp_path, size=10).fingerprint("val")
    assert sum(len(batch.a) for batch in data.test_dataloader()) == (3 if with_val else 2)
    assert [data.split_label(split) for split in ("train", "val", "test")] == ["train", "val", "val"]


def test_a_test_folder_alone_serves_for_testing(tmp_path: Path) -> None:
    data = pairs(in_two_folders(tmp_path, "test", 3), "test")
    assert len(data.splits["test"]) == 3


# Training without pairs.


def test_training_images_may_be_drawn_independently_while_others_are_pairs(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        in_two_folders(tmp_path, split, 12)
    data = pairs(tmp_path, size=10, batch_size=4, paired=False)
    data.setup("test")
    assert not data.paired
    assert [data.aligned(split) for split in ("train", "val", "test")] == [False, True, True]
    batches = list(data.train_dataloader())
    assert not any(batch.aligned for batch in batches)
    seen = [seeds(torch.cat(images)) for images in zip(*((each.a, 255 - each.b) for each in batches), strict=True)]
    assert seen[0] != seen[1]
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(12))
    batch = data.splits["val"][[0, 1]]
    assert batch.aligned
    assert torch.equal(batch.b, 255 - batch.a)


# Fingerprints.


def test_a_fingerprint_depends_on_files_channels_and_size(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        side_by_side(tmp_path / split, 6)

    def fingerprint(split: str = "val", **kwargs: Any) -> str:
        return pairs(tmp_path, "test" if split == "test" else "fit", **kwargs).fingerprint(split)

    first = fingerprint()
    assert fingerprint(cache_gb=0, batch_size=3, load_size=9) == first
    prints = [first, fingerprint("train"), fingerprint("test"), fingerprint(size=9), fingerprint(channels_b=1)]
    os.utime(tmp_path / "val" / "003.png", ns=(0, 10**18))
    prints.append(fingerprint())
    (tmp_path / "val" / "003.png").rename(tmp_path / "val" / "7.png")
    prints.append(fingerprint())
    assert len(set(prints)) == len(prints)


def test_held_out_pairs_have_a_fingerprint_of_their_own(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 6)
    data = pairs(tmp_path, val_size=3, load_size=8)
    assert data.fingerprint("train") != data.fingerprint("val")


# Jitter.


def jittered(root: Path, step: int, **kwargs: Any) -> Pair:
    """The batch (4, 3, 8, 8) of always the same pair, as training sees it at this step."""
    data = pairs(root, **kwargs)
    pretend(data, step)
    return data.on_after_batch_transfer(data.splits["train"][[0] * 4], 0)


@pytest.mark.parametrize("budget", [0, 4])
def test_both_images_of_a_pair_share_draws_that_differ_between_pairs_and_steps(tmp_path: Path, budget: float) -> None:
    side_by_side(tmp_path / "train", 6)
    first, again, later = (jittered(tmp_path, step, cache_gb=budget) for step in (0, 0, 1))
    for batch in (first, later):
        assert batch.a.shape == (4, 3, 8, 8)
        assert batch.a.dtype == torch.float32
        torch.testing.assert_close(batch.b, -batch.a)
        assert batch.aligned
    assert len(torch.unique(first.a, dim=0)) > 1
    assert torch.equal(first.a, again.a)
    assert not torch.equal(first.a, later.a)


def test_every_crop_and_both_directions_occur(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 1)
    side_by_side(tmp_path / "val", 1)
    whole = torch.from_numpy(noise(0)).permute(2, 0, 1)
    places = [(top, left) for top in range(3) for left in range(3)]
    crops = {whole[:, top : top + 8, left : left + 8].numpy().tobytes() for top, left in places}
    mirrored = {whole[:, top : top + 8, left : left + 8].flip(-1).numpy().tobytes() for top, left in places}

    def seen(**kwargs: Any) -> set[bytes]:
        batches = [to_uint8(jittered(tmp_path, step, **kwargs).a) for step in range(50)]
        return {image.numpy().tobytes() for batch in batches for image in batch}

    assert seen() == crops | mirrored
    assert seen(flip=False) == crops


def test_ranks_draw_what_one_process_would_draw(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 6)
    parts = []
    for rank in range(2):
        with pytest.MonkeyPatch.context() as process:
            process.setattr(two_domains, "rank", lambda place=rank: place)
            process.setattr(two_domains, "world_size", lambda: 2)
            parts.append(jittered(tmp_path, 3).a)
    data = pairs(tmp_path)
    pretend(data, 3)
    whole = data.on_after_batch_transfer(data.splits["train"][[0] * 8], 0)
    assert torch.equal(torch.cat(parts), whole.a)


def test_evaluation_sees_images_as_they_are(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 6)
    data = pairs(tmp_path)
    pretend(data, training=False)
    batch = data.splits["val"][[0, 1]]
    torch.testing.assert_close((data.on_after_batch_transfer(batch, 0).a + 1) * 127.5, batch.a.float())


class Recorder(L.LightningModule):
    """Notes the batches that training and validation see."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[Pair] = []
        self.validated: list[Pair] = []

    def training_step(self, batch: Pair, batch_idx: int) -> Tensor:
        self.seen.append(batch)
        return self.weight * batch.a.mean()

    def validation_step(self, batch: Pair, batch_idx: int) -> None:
        self.validated.append(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trained(root: Path, folder: Path, **kwargs: Any) -> Recorder:
    model = Recorder()
    data = PairedImageDataModule(root, **{**SMALL, "batch_size": 2, "eval_batch_size": 2, **kwargs})
    tiny_trainer(folder, max_epochs=2).fit(model, datamodule=data)
    return model


def test_a_run_sees_the_same_whatever_is_in_memory_and_however_many_workers(tmp_path: Path) -> None:
    side_by_side(tmp_path / "data" / "train", 9)
    some = 3 * 2 * 300 / 2**30
    runs = [
        trained(tmp_path / "data", tmp_path, **kwargs)
        for kwargs in ({}, {"cache_gb": 0}, {"cache_gb": some, "num_workers": 2})
    ]
    assert len(runs[0].seen) == 2 * 3
    assert [len(batch.a) for batch in runs[0].validated] == [2, 2]
    for batch in chain(runs[0].seen, runs[0].validated):
        assert batch.a.shape == (2, 3, 8, 8)
        torch.testing.assert_close(batch.b, -batch.a)
    for run in runs[1:]:
        for first, second in zip(runs[0].seen + runs[0].validated, run.seen + run.validated, strict=True):
            assert torch.equal(first.a, second.a)
            assert torch.equal(first.b, second.b)


def test_the_data_can_be_sent_to_another_process(tmp_path: Path) -> None:
    side_by_side(tmp_path / "train", 6)
    data = pairs(tmp_path, cache_gb=2 * 2 * 300 / 2**30)
    sent = pickle.loads(pickle.dumps(data.splits["train"]))
    for ours, theirs in zip(data.splits["train"][[0, 2, 3]][:2], sent[[0, 2, 3]][:2], strict=True):
        assert torch.equal(ours, theirs)
