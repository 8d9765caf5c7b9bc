"""Images of two domains in the layout of CycleGAN."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.datamodules import UnpairedImageDataModule, domain_folders
from lightning_gans.datamodules.archives import PAIRED, UNPAIRED, Archive, domains_of
from tests.support.image_trees import SMALL, images, pretend, refusal, seeds, side_by_side


def tree(root: Path, **counts: int) -> Path:
    """The folders with so many images each; those of domain b have seeds from 100 on."""
    for folder, count in counts.items():
        images(root / folder, count, first=100 if folder.endswith("B") else 0)
    return root


def domains(root: Path, stage: str = "fit", **kwargs: Any) -> UnpairedImageDataModule:
    data = UnpairedImageDataModule(root, **{**SMALL, "size": 10, **kwargs})
    data.setup(stage)
    return data


def shown(data: UnpairedImageDataModule, split: str) -> tuple[list[int], list[int]]:
    """The seeds of a split's images of each domain."""
    a, b = data.splits[split].a, data.splits[split].b
    return seeds(a[list(range(len(a)))]), seeds(b[list(range(len(b)))])


def epoch(data: UnpairedImageDataModule, number: int) -> tuple[list[int], list[int]]:
    """The seeds that an epoch shows of each domain."""
    loader = data.train_dataloader()
    loader.batches.set_epoch(number)
    batches = list(loader)
    assert not any(batch.aligned for batch in batches)
    return [seed for b in batches for seed in seeds(b.a)], [seed for b in batches for seed in seeds(b.b)]


# Splits.


@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("horse2zebra", {"a": "horse", "b": "zebra"}),
        ("maps", {"a": "aerial photo", "b": "map"}),
        ("summer2winter_yosemite", {"a": "summer", "b": "winter"}),
        (None, {}),
    ],
)
def test_the_authors_data_sets_have_names_for_titles(
    dataset: str | None, names: dict[str, str], tmp_path: Path
) -> None:
    data = UnpairedImageDataModule(root=tmp_path, dataset=dataset)
    assert data.domain_names() == names
    assert data.display_name() == (dataset or tmp_path.name)


def test_every_archive_has_names_of_its_domains() -> None:
    assert all(all(domains_of(name)) and not {*domains_of(name)} & {name} for name in (*PAIRED, *UNPAIRED))


def test_each_split_is_in_its_folders(tmp_path: Path) -> None:
    data = domains(tree(tmp_path, trainA=3, trainB=4, valA=2, valB=1, testA=1, testB=5))
    data.setup("test")
    assert not data.paired
    lengths = {split: (len(data.splits[split].a), len(data.splits[split].b)) for split in ("train", "val", "test")}
    assert lengths == {"train": (3, 4), "val": (2, 1), "test": (1, 5)}
    assert shown(data, "test") == ([0], [100, 101, 102, 103, 104])
    assert data.split_label("test") == "test"
    assert len({data.fingerprint(split) for split in ("train", "val", "test")}) == 3


def test_images_of_each_domain_are_held_out_where_no_folder_is_for_validation(tmp_path: Path) -> None:
    tree(tmp_path, trainA=12, trainB=9, testA=2, testB=2)
    data = domains(tmp_path, val_size=4)
    (train_a, train_b), (val_a, val_b) = shown(data, "train"), shown(data, "val")
    assert (len(val_a), len(val_b)) == (4, 4)
    assert sorted(train_a + val_a) == list(range(12))
    assert sorted(train_b + val_b) == list(range(100, 109))
    torch.manual_seed(1)
    assert shown(domains(tmp_path, "validate", val_size=4), "val") == (val_a, val_b)


def test_without_test_folders_the_validation_images_serve_and_scores_say_so(tmp_path: Path) -> None:
    tree(tmp_path, trainA=5, trainB=5)
    data = domains(tmp_path, "test")
    assert "train" not in data.splits
    assert shown(data, "test") == shown(domains(tmp_path), "val")
    assert data.split_label("test") == "val"
    assert data.fingerprint("test") == domains(tmp_path).fingerprint("val")


@pytest.mark.parametrize("few", ["trainA", "trainB"])
def test_too_few_images_to_hold_some_out_are_refused(tmp_path: Path, few: str) -> None:
    tree(tmp_path, **{"trainA": 9, "trainB": 9, few: 3})
    for extra in (tmp_path / few).glob("00[3-9].png"):
        extra.unlink()
    assert refusal(UnpairedImageDataModule(tmp_path, **{**SMALL, "val_size": 3})) == (
        "val_size is 3; expected less than the 3 training images"
    )


# Orders and draws.


@pytest.mark.parametrize(("count_a", "count_b"), [(13, 5), (5, 13)])
def test_an_epoch_shows_the_longer_domain_once_and_the_shorter_in_rounds(
    tmp_path: Path, count_a: int, count_b: int
) -> None:
    data = domains(tree(tmp_path, trainA=count_a, trainB=count_b, valA=1, valB=1))
    a, b = epoch(data, 0)
    longer, shorter = (a, b) if count_a > count_b else (b, a)
    assert len(set(longer)) == 13 == len(longer) == len(shorter)
    assert len(set(shorter[:5])) == len(set(shorter[5:10])) == 5
    assert shorter[:5] != shorter[5:10]


def test_orders_are_independent_and_depend_on_seed_and_epoch_only(tmp_path: Path) -> None:
    tree(tmp_path, trainA=10, trainB=10, valA=1, valB=1)
    a, b = epoch(domains(tmp_path), 0)
    assert [seed - 100 for seed in b] != a
    torch.manual_seed(5)
    assert epoch(domains(tmp_path, cache_gb=0), 0) == (a, b)
    assert epoch(domains(tmp_path), 1) != (a, b)


def test_each_domain_has_draws_of_its_own_that_depend_on_the_step_only(tmp_path: Path) -> None:
    tree(tmp_path, trainA=5, valA=1)
    for name in ("train", "val"):
        images(tmp_path / f"{name}B", 5)  # the same images as of domain a, to compare the draws by

    def jittered(step: int) -> Any:
        data = domains(tmp_path, size=8)
        pretend(data, step)
        return data.on_after_batch_transfer(data.splits["train"][[[2, 2]] * 6], 0)

    first, again, later = (jittered(step) for step in (0, 0, 1))
    assert first.a.shape == first.b.shape == (6, 3, 8, 8)
    assert len(torch.unique(first.a, dim=0)) > 1
    assert not torch.equal(first.a, first.b)
    assert torch.equal(first.a, again.a)
    assert torch.equal(first.b, again.b)
    assert not torch.equal(first.a, later.a)


def test_evaluation_sees_every_image_once_where_the_domains_differ_in_number(tmp_path: Path) -> None:
    data = domains(tree(tmp_path, testA=2, testB=7), "test", eval_batch_size=3)
    batches = list(data.test_dataloader())
    assert [(len(batch.a), len(batch.b)) for batch in batches] == [(2, 3), (0, 3), (0, 1)]
    assert list(chain.from_iterable(seeds(batch.b) for batch in batches)) == list(range(100, 107))
    assert batches[1].a.shape == (0, 3, 10, 10)


# Data sets by name, and refusals.


def test_a_named_data_set_is_fetched_from_among_the_unpaired_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Archive, str, Path, bool]] = []

    def fetch(archive: Archive, name: str, root: Path, *, unverified: bool) -> Path:
        calls.append((archive, name, root, unverified))
        return tree(root / name, trainA=4, trainB=4)

    monkeypatch.setattr(domain_folders, "fetch", fetch)
    data = UnpairedImageDataModule(tmp_path, dataset="maps", **SMALL)
    data.prepare_data()
    data.setup("fit")
    assert calls == [(UNPAIRED["maps"], "maps", tmp_path, False)]
    assert len(data.splits["train"]) == 2


def test_an_unknown_data_set_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"dataset is horse2zebras; expected .*; did you mean horse2zebra\?"):
        UnpairedImageDataModule(dataset="horse2zebras")


def test_paired_files_in_the_folder_are_refused_with_what_is_there(tmp_path: Path) -> None:
    side_by_side(tmp_path / "maps" / "train", 4)
    side_by_side(tmp_path / "maps" / "val", 4)
    data = UnpairedImageDataModule(tmp_path, dataset="maps", **SMALL)
    assert refusal(data) == (
        f"root is {tmp_path}/maps, which holds train, val; expected a folder that holds trainA and trainB, or "
        "train/A and train/B, or A/train and B/train, or A and B"
    )


def test_a_missing_domain_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, trainA=4, trainB=4, testB=3)
    assert refusal(UnpairedImageDataModule(tmp_path, **SMALL), "test") == (
        f"root is {tmp_path}, which holds testB; expected a folder that holds testA and testB, or test/A and "
        "test/B, or A/test and B/test"
    )


def test_an_empty_domain_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, trainA=4)
    (tmp_path / "trainB").mkdir()
    assert refusal(UnpairedImageDataModule(tmp_path, **SMALL)).startswith(
        f"trainB of root is {tmp_path}/trainB, which holds no images; expected files named .jpg"
    )
