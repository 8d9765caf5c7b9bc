from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.core.batches import Labelled
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import base, samplers
from lightning_gans.datamodules.base import ResumableLoader
from lightning_gans.datamodules.in_memory import TensorImages
from lightning_gans.datamodules.samplers import EvaluationBatches, TrainingBatches, UnpairedBatches
from lightning_gans.datamodules.two_domains import TwoDomains
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights
from tests.support.tiny_translation import tiny_facades


def test_an_epoch_is_a_permutation_that_depends_on_seed_and_epoch_only() -> None:
    def epoch(seed: int, number: int) -> list[int]:
        batches = TrainingBatches(20, 4, seed)
        batches.set_epoch(number)
        return list(chain.from_iterable(batches))

    assert sorted(epoch(0, 0)) == list(range(20))
    torch.manual_seed(3)
    first = epoch(0, 0)
    torch.manual_seed(4)
    assert epoch(0, 0) == first
    assert epoch(0, 1) != first
    assert epoch(1, 0) != first


def test_ranks_together_see_the_batches_of_one_process() -> None:
    whole = list(TrainingBatches(26, 6, seed=0))
    parts = [list(TrainingBatches(26, 2, seed=0, rank=rank, world_size=3)) for rank in range(3)]
    assert [list(chain.from_iterable(shares)) for shares in zip(*parts, strict=True)] == whole


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("length", [4, 10, 11])
def test_evaluation_sees_every_image_once_and_numbers_batches_over_all_ranks(length: int, world_size: int) -> None:
    whole = list(EvaluationBatches(length, 4))
    seen: dict[int, Any] = {}
    for rank in range(world_size):
        batches = EvaluationBatches(length, 4, rank, world_size)
        # Also where there is nothing left for a rank: one that has no batch would let the others wait.
        assert len(list(batches)) == len(batches) == -(-len(whole) // world_size)
        seen.update({index * world_size + rank: batch for index, batch in enumerate(batches)})
    assert [seen[index] for index in sorted(seen) if seen[index]] == whole
    assert list(chain.from_iterable(whole)) == list(range(length))


def loader(batch_size: int = 4) -> ResumableLoader:
    data = TensorImages(torch.arange(20).view(20, 1, 1, 1), torch.arange(20))
    batches = TrainingBatches(20, batch_size, seed=0)
    return ResumableLoader(data, sampler=batches, batch_size=None)


@pytest.mark.parametrize("stop", range(6))
def test_a_loader_goes_on_from_its_stored_position_once(stop: int) -> None:
    whole = [batch.labels.tolist() for batch in loader()]
    first, second = loader(), loader()
    for count, _ in enumerate(first, start=1):
        if count == stop:
            break
    second.load_state_dict(first.state_dict() if stop else loader().state_dict())
    assert [batch.labels.tolist() for batch in second] == whole[stop % 5 :]
    assert len(list(second)) == 5


def test_a_position_among_other_batches_is_refused() -> None:
    first = loader()
    next(iter(first))
    with pytest.raises(InputError, match=r"4 of 20 images per step.*is 5 of 20 here"):
        loader(batch_size=5).load_state_dict(first.state_dict())


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(ValueError, match=r"batch_size is 9"):
        TrainingBatches(8, 9, seed=0)


@pytest.mark.parametrize(("processes", "expected"), [(1, 40), (2, 20), (3, 13)])
def test_a_batch_is_as_large_as_the_data_allows(processes: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (base, samplers):
        monkeypatch.setattr(module, "world_size", lambda: processes)
    data = TinyData(batch_size=64)
    data.setup("fit")
    message = rf"data.batch_size is 64 on {processes} process\(es\), but there are 40 training images; batches of "
    with pytest.warns(UserWarning, match=f"{message}{expected} are used"):
        loader = data.train_dataloader()
    assert len(loader) == 1
    assert len(next(iter(loader)).labels) == expected


def test_the_larger_of_two_unpaired_sets_bounds_the_batch() -> None:
    data = tiny_facades(paired=False, batch_size=64)
    data.setup("fit")
    train = data.splits["train"]
    data.splits["train"] = TwoDomains(train.a[list(range(4))], train.b, aligned=False)
    with pytest.warns(UserWarning, match="there are 10 training images; batches of 10 are used"):
        batch = next(iter(data.train_dataloader()))
    assert len(batch.a) == len(batch.b) == 10


def test_fewer_images_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (base, samplers):
        monkeypatch.setattr(module, "world_size", lambda: 50)
    data = TinyData()
    data.setup("fit")
    with pytest.raises(ValueError, match=r"batch_size is 8 on 50 process\(es\), but there are 40 training images"):
        data.train_dataloader()


def test_an_item_is_a_batch_of_uint8_images() -> None:
    batch = next(iter(loader()))
    assert isinstance(batch, Labelled)
    assert batch.images.shape == (4, 1, 1, 1)
    assert torch.equal(batch.images.flatten(), batch.labels)


def test_unpaired_batches_see_the_longer_set_once_and_draw_each_order_by_itself() -> None:
    batches = UnpairedBatches((10, 4), batch_size=2, seed=0)
    places = torch.tensor([place for batch in batches for place in batch])
    assert sorted(places[:, 0].tolist()) == list(range(10))
    # The shorter set: two whole rounds and half of one, each in another order.
    first, second = places[:4, 1].tolist(), places[4:8, 1].tolist()
    assert sorted(first) == sorted(second) == list(range(4))
    assert first != second
    equal = UnpairedBatches((50, 50), batch_size=50, seed=0)
    (batch,) = (torch.tensor(places) for places in equal)
    assert not torch.equal(batch[:, 0], batch[:, 1])


def test_unpaired_batches_depend_on_seed_and_epoch_and_are_shared_by_ranks() -> None:
    whole = list(UnpairedBatches((9, 7), batch_size=4, seed=3))
    parts = [list(UnpairedBatches((9, 7), batch_size=2, seed=3, rank=rank, world_size=2)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*parts, strict=True)] == whole
    again = UnpairedBatches((9, 7), batch_size=4, seed=3)
    assert list(again) == whole
    again.set_epoch(1)
    assert list(again) != whole


def test_memory_is_pinned_only_for_a_run_on_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    data = TinyData()
    data.setup("fit")
    assert not data.train_dataloader().pin_memory  # without a trainer
    data.trainer = tiny_trainer(tmp_path)
    assert not data.train_dataloader().pin_memory


class NoLists(TorchFunctionMode):
    """Refuses tensors made from lists, whose copy to a GPU waits for all work there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in (torch.tensor, torch.as_tensor), f"{func.__name__}{args}"
        assert not (func is torch.Tensor.__getitem__ and isinstance(args[1], list)), args[1]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("rank", [0, 1])
def test_indices_of_images_in_memory_are_slices_of_one_tensor(rank: int) -> None:
    """With the values of the lists that files are indexed by, from the start of an epoch and within one."""
    data = TinyData(batch_size=3, num_workers=0)
    data.setup("fit")
    share: dict[str, Any] = {"rank": rank, "world_size": 2}
    for loaded, lists in (
        (data.train_dataloader(), TrainingBatches(40, 3, 0)),
        (data.val_dataloader(), EvaluationBatches(6, 4)),
    ):
        sampler: Any = loaded.sampler
        for batches in (sampler, lists):
            vars(batches).update(share)
            batches.set_epoch(2)
        for first in (0, 3):
            if isinstance(lists, TrainingBatches):
                sampler.first = lists.first = first
            iterator = iter(loaded)
            with NoLists():
                batches = list(iterator)
            images = data.splits["train" if len(data.splits["train"]) == lists.length else "val"]
            for batch, indices in zip(batches, lists, strict=True):
                assert torch.equal(batch.images, images.images[indices])
                assert torch.equal(batch.labels, images.labels[indices])


def test_processes_that_load_images_are_given_lists() -> None:
    """Each tensor that is sent to another process would be a file in shared memory."""
    data = TinyData(num_workers=1)
    data.setup("fit")
    assert all(isinstance(indices, list) for indices in data.train_dataloader().sampler)
    assert all(isinstance(indices, list) for indices in data.val_dataloader().sampler)


# Mirrored images, and a part of the images.


class Few(TinyData):
    def __init__(self, flip: bool = True, train_size: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.flip, self.train_size = flip, train_size


def test_images_are_mirrored_in_half_of_the_epochs_by_seed_epoch_and_image() -> None:
    def epoch(seed: int, number: int, **kwargs: int) -> list[int]:
        batches = TrainingBatches(1000, 10, seed, **kwargs)
        batches.flips = True
        batches.set_epoch(number)
        return list(chain.from_iterable(batches))

    first = epoch(0, 0)
    plain = TrainingBatches(1000, 10, 0)
    assert [index % 1000 for index in first] == list(chain.from_iterable(plain))
    assert epoch(0, 0) == first
    mirrored = [{index - 1000 for index in epoch(seed, number) if index >= 1000} for seed, number in ((0, 0), (0, 1))]
    assert all(450 < len(images) < 550 for images in mirrored)
    assert 200 < len(mirrored[0] & mirrored[1]) < 300
    # Ranks together mirror what one process mirrors.
    parts = [epoch(0, 0, rank=rank, world_size=2) for rank in (0, 1)]
    assert sorted(chain(*parts)) == sorted(first)


@pytest.mark.parametrize("workers", [0, 1])
def test_only_training_images_are_mirrored(workers: int) -> None:
    data = Few(length=40, num_workers=workers)
    for stage in ("fit", "test"):
        data.setup(stage)
    kept = data.splits["train"].images
    both = {image.numpy().tobytes(): mirrored for mirrored, part in ((0, kept), (1, kept.flip(3))) for image in part}
    seen = [both[image.numpy().tobytes()] for batch in data.train_dataloader() for image in batch.images]
    assert 0 < sum(seen) < len(seen)
    for loader, split in ((data.val_dataloader(), "val"), (data.test_dataloader(), "test")):
        assert torch.equal(torch.cat([batch.images for batch in loader]), data.splits[split].images)


def test_a_run_with_mirrored_images_is_resumed_exactly(tmp_path: Path) -> None:
    def losses(folder: str, steps: int, ckpt_path: Path | None = None) -> Any:
        trainer = tiny_trainer(tmp_path / folder, max_steps=steps, limit_val_batches=0, callbacks=[LastCheckpoint()])
        model = tiny_dcgan()
        trainer.fit(model, Few(), ckpt_path=ckpt_path)
        return weights(model)

    whole = losses("whole", 7)
    losses("cut", 3)
    resumed = losses("cut", 7, tmp_path / "cut" / "checkpoints" / "last.ckpt")
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
    plain = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=7, limit_val_batches=0).fit(plain, Few(flip=False))
    assert any(not torch.equal(value, whole[key]) for key, value in weights(plain).items())


def test_the_first_training_images_can_be_used_alone() -> None:
    whole, part = Few(), Few(train_size=16)
    for data in (whole, part):
        data.setup("fit")
    assert torch.equal(part.splits["train"].images, whole.splits["train"].images[:16])
    assert torch.equal(part.splits["val"].images, whole.splits["val"].images)
    assert len(part.train_dataloader()) == 2
    with pytest.raises(InputError, match="train_size is 99, but there are 40 training images"):
        Few(train_size=99).setup("fit")
