from __future__ import annotations

import math
import os
from unittest import mock

import pytest
import torch
from torch import Tensor

from lightning_gans.core.images import to_float
from lightning_gans.datamodules import GaussianGridDataModule, GaussianRingDataModule


def grid(stage: str = "fit", side: int = 5, std: float = 0.02, length: int = 4000) -> GaussianGridDataModule:
    data = GaussianGridDataModule(side, std, length)
    data.prepare_data()
    data.setup(stage)
    return data


def points(*coordinates: tuple[float, float]) -> Tensor:
    return torch.tensor(coordinates)[:, :, None, None]


def test_points_are_images_of_one_pixel_and_two_channels() -> None:
    data = grid()
    assert (data.channels, data.size, data.num_classes) == (2, (1, 1), 25)
    batch = next(iter(data.train_dataloader()))
    assert batch.images.shape == (256, 2, 1, 1)
    assert batch.images.dtype == torch.uint8
    assert batch.labels.dtype == torch.int64
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4000, "val": 4000}


def test_labels_are_the_modes_at_which_the_points_lie() -> None:
    data = grid(side=3)
    images, labels = to_float(data.splits["train"].images), data.splits["train"].labels
    found = data.modes(images)
    # Beyond four standard deviations lie exp(-8), or 0.03 %, of the points.
    assert (found == labels).float().mean() > 0.995
    assert torch.isin(found[found != labels], torch.tensor([-1])).all()


def test_every_mode_has_its_center_its_spread_and_its_share() -> None:
    side, std = 3, 0.04
    data = grid(side=side, std=std, length=20_000)
    images, labels = to_float(data.splits["train"].images).flatten(1), data.splits["train"].labels
    # Rounding to steps of 2 / 255 adds the variance of a uniform distribution of that width.
    expected = math.sqrt(std**2 + (2 / 255) ** 2 / 12)
    for mode in range(side**2):
        center = torch.tensor([(mode // side - 1) * 0.8, (mode % side - 1) * 0.8])
        own = images[labels == mode]
        torch.testing.assert_close(own.mean(dim=0), center, atol=5 * std / math.sqrt(len(own)), rtol=0)
        torch.testing.assert_close(own.std(dim=0), torch.full((2,), expected), rtol=0.1, atol=0)
        assert len(own) == pytest.approx(20_000 / side**2, rel=0.12)


def test_splits_are_different_draws_that_do_not_depend_on_the_seed_of_the_run() -> None:
    prints = []
    for seed in ("1", "2"):
        torch.manual_seed(int(seed))
        with mock.patch.dict(os.environ, {"PL_GLOBAL_SEED": seed}):
            data = grid("fit")
            data.setup("test")
        prints.append([data.fingerprint(split) for split in ("train", "val", "test")])
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == 3


def test_a_point_belongs_to_the_nearest_center_or_to_none() -> None:
    data = GaussianGridDataModule(side=5, std=0.02)
    # Four standard deviations are 0.08; rounding adds 0.0055.
    near, far = 0.085, 0.086
    found = data.modes(
        points((-0.8, -0.8), (-0.8, -0.4), (-0.4, -0.8), (0.8, 0.8), (near, 0.0), (far, 0.0), (0.2, 0.2))
    )
    assert found.tolist() == [0, 1, 5, 24, 12, -1, -1]


def test_a_point_that_is_not_a_number_belongs_to_no_mode() -> None:
    assert GaussianGridDataModule().modes(points((math.nan, 0.0), (math.inf, 0.0))).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"side": 1}, r"side is 1; expected at least 2"),
        ({"length": 1}, r"length is 1; expected at least 2"),
        ({"batch_size": 0}, r"batch_size is 0"),
        ({"std": 0.0}, r"std is 0\.0; expected more than 0 and at most 0\.05"),
        ({"std": math.nan}, r"std is nan"),
        ({"std": 0.051}, r"std is 0\.051; expected .* at most 0\.05, so that 25 modes"),
        ({"side": 10, "std": 0.03}, r"std is 0\.03; expected .* at most 0\.02222, so that 100 modes"),
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        GaussianGridDataModule(**kwargs)  # type: ignore[arg-type]


def test_the_largest_spread_named_in_the_message_is_allowed() -> None:
    assert GaussianGridDataModule(std=0.05).std == 0.05


def test_a_ring_has_its_modes_on_a_circle() -> None:
    data = GaussianRingDataModule(modes=4, length=2000)
    data.prepare_data()
    data.setup("fit")
    expected = torch.tensor([[0.8, 0.0], [0.0, 0.8], [-0.8, 0.0], [0.0, -0.8]])
    torch.testing.assert_close(data.centers, expected, rtol=0, atol=1e-6)
    images, labels = to_float(data.splits["train"].images), data.splits["train"].labels
    assert (data.modes(images) == labels).float().mean() > 0.995
    assert data.num_classes == 4
    assert not torch.equal(labels[:100], grid(side=2, length=2000).splits["train"].labels[:100])
    with pytest.raises(ValueError, match=r"std is 0\.05; expected .* at most 0\.03902, so that 16 modes"):
        GaussianRingDataModule(modes=16, std=0.05)
