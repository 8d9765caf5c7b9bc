"""Made-up house fronts: the same everywhere, aligned, and worth translating."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.datamodules.facades import CLASSES, DOOR, PALETTE, WALL, draw_classes, draw_house_front, plan_house
from lightning_gans.metrics.segmentation import nearest_class


def ready(stage: str = "fit", **kwargs: Any) -> SyntheticFacadesDataModule:
    sizes = {"size": 32, "train_size": 12, "val_size": 6, "test_size": 4}
    data = SyntheticFacadesDataModule(**{**sizes, **kwargs})
    data.setup(stage)
    return data


def every(images: object) -> Tensor:
    return images[list(range(len(images)))]  # type: ignore[no-any-return, index, arg-type]


def test_a_seed_is_a_house_at_any_size() -> None:
    small, large = (draw_house_front(np.random.default_rng(3), size)[1] for size in (64, 256))
    agree = (large[2::4, 2::4] == small).all(axis=2).mean()
    assert agree > 0.95
    assert not np.array_equal(draw_house_front(np.random.default_rng(4), 64)[1], small)


def test_every_part_is_drawn_and_maps_hold_the_palettes_colors_alone() -> None:
    shares = torch.zeros(len(CLASSES))
    for seed in range(20):
        picture, label_map = draw_house_front(np.random.default_rng(seed), 64)
        assert picture.shape == label_map.shape == (64, 64, 3)
        assert {tuple(color) for color in label_map.reshape(-1, 3)} <= {tuple(color) for color in PALETTE}
        classes = nearest_class(torch.from_numpy(label_map).permute(2, 0, 1)[None], torch.from_numpy(PALETTE))
        shares += torch.bincount(classes.flatten(), minlength=len(CLASSES)) / classes.numel() / 20
    assert shares.min() > 0.01
    assert shares.argmax() == WALL


def test_a_house_has_one_door_and_it_stands_on_the_ground() -> None:
    for seed in range(20):
        house = plan_house(np.random.default_rng(seed))
        (door,) = (part for part in house.parts if part.kind == DOOR)
        assert door.bottom == 1
        classes, across, down = draw_classes(house, 64)
        assert (classes[-1] == DOOR).any()
        for place in (across, down):
            assert place.min() >= 0
            assert place.max() <= 1


def test_the_picture_follows_from_the_map_but_for_light_and_noise() -> None:
    # The mean color of each class, fitted on some houses, explains others: what a translator has to find.
    means = torch.zeros(len(CLASSES), 3)
    seen = torch.zeros(len(CLASSES))
    errors = []
    for seed in range(20):
        picture, label_map = (torch.from_numpy(image) for image in draw_house_front(np.random.default_rng(seed), 64))
        classes = nearest_class(label_map.permute(2, 0, 1)[None], torch.from_numpy(PALETTE))[0]
        if seed < 15:
            for kind in range(len(CLASSES)):
                means[kind] += picture[classes == kind].float().sum(dim=0)
                seen[kind] += (classes == kind).sum()
        else:
            expected = (means / seen[:, None])[classes]
            errors.append(((picture.float() - expected).abs().mean() / 255).item())
    assert 0.01 < np.mean(errors) < 0.1


def test_splits_are_the_same_in_every_run_and_differ_from_each_other() -> None:
    one, two, other = ready(), ready(), ready(seed=1)
    assert torch.equal(every(one.splits["train"].a), every(two.splits["train"].a))
    assert torch.equal(every(one.splits["val"].b), every(two.splits["val"].b))
    assert not torch.equal(every(one.splits["train"].a), every(other.splits["train"].a))
    test = ready("test")
    seen = [every(one.splits["train"].b), every(one.splits["val"].b), every(test.splits["test"].b)]
    houses = [image.numpy().tobytes() for split in seen for image in split]
    assert len(set(houses)) == len(houses) == 22
    prints = {one.fingerprint("train"), one.fingerprint("val"), test.fingerprint("test")}
    assert len(prints) == 3
    assert two.fingerprint("val") == one.fingerprint("val")


def test_without_pairs_training_shows_other_houses_and_evaluation_the_same() -> None:
    paired, unpaired = ready(), ready(paired=False)
    assert torch.equal(every(paired.splits["train"].a), every(unpaired.splits["train"].a))
    known = {image.numpy().tobytes() for image in every(paired.splits["train"].b)}
    assert not known & {image.numpy().tobytes() for image in every(unpaired.splits["train"].b)}
    assert not unpaired.splits["train"].aligned
    assert unpaired.splits["val"].aligned
    assert torch.equal(every(paired.splits["val"].b), every(unpaired.splits["val"].b))


def test_batches_are_pairs_of_floats_once_on_the_device() -> None:
    data = ready()
    batch = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
    assert batch.a.dtype == torch.float32
    assert batch.a.min() >= -1
    assert batch.b.max() <= 1
    assert batch.aligned


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"size": 8}, r"size is 8; expected at least 16"),
        ({"train_size": 1}, r"train_size is 1; expected at least 2"),
        ({"batch_size": 0}, r"batch_size is 0; expected at least 1"),
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ready(**kwargs)
