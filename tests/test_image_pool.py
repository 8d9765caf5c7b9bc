from __future__ import annotations

import pytest
import torch

from lightning_gans.errors import InputError
from lightning_gans.image_pool import ImagePool


def numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 2, 3, 3).clone()


def test_while_it_fills_up_it_gives_back_what_it_is_given() -> None:
    pool = ImagePool(size=4)
    assert torch.equal(pool(numbered(0, 3)), numbered(0, 3))
    assert len(pool.images) == 3


def test_half_of_the_images_are_exchanged_for_old_ones() -> None:
    pool = ImagePool(size=50)
    pool(numbered(0, 50))
    new = numbered(1000, 4000)
    given = pool(new)
    old = (given != new).flatten(1).any(dim=1)
    assert old.float().mean().item() == pytest.approx(0.5, abs=0.03)
    # What is given is older than what it was exchanged for, and nothing is handed out twice.
    assert (given[old, 0, 0, 0] < new[old, 0, 0, 0]).all()
    assert len(torch.unique(given[:, 0, 0, 0])) == 4000
    assert len(pool.images) == 50


def test_what_is_kept_does_not_change_with_what_was_given() -> None:
    pool = ImagePool(size=2)
    images = numbered(0, 2)
    pool(images)
    images += 7
    assert torch.equal(pool.images, numbered(0, 2))


@pytest.mark.parametrize("kept", [0, 3, 5])
def test_its_images_are_part_of_the_checkpoint(kept: int) -> None:
    pool, resumed = ImagePool(size=5), ImagePool(size=5)
    if kept:
        pool(numbered(0, kept))
    resumed.load_state_dict(pool.state_dict())
    given = []
    for other in (pool, resumed):
        torch.manual_seed(1)
        given.append(other(numbered(10, 20)))
    assert torch.equal(*given)
    assert torch.equal(pool.images, resumed.images)


def test_no_pool_gives_back_everything_without_a_gradient() -> None:
    images = numbered(0, 3).requires_grad_(True)
    assert torch.equal(ImagePool(size=0)(images), images)
    assert not ImagePool(size=0)(images).requires_grad


@pytest.mark.parametrize("kwargs", [{"size": -1}, {"swap": 1.5}])
def test_bad_numbers_are_named(kwargs: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"model\.pool is -1|ImagePool swap is"):
        ImagePool(**kwargs)  # type: ignore[arg-type]
