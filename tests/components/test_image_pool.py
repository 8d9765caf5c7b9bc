from __future__ import annotations

import pytest
import torch

from lightning_gans.components.image_pool import ImagePool


def numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 2, 3, 3).clone()


def test_while_it_fills_up_it_gives_back_what_it_is_given() -> None:
    pool = ImagePool(size=4)
    assert torch.equal(pool(numbered(0, 3)), numbered(0, 3))
    assert len(pool.images) == 3


@pytest.mark.parametrize("count", [1, 4, 50])
def test_half_of_the_images_are_exchanged_for_old_ones(count: int) -> None:
    torch.manual_seed(0)
    pool = ImagePool(size=50)
    new = numbered(0, 4000)
    given = torch.cat([pool(images) for images in torch.split(new, count)])
    assert torch.equal(given[:48], new[:48])  # while it fills up
    old = (given != new).flatten(1).any(dim=1)
    assert old[52:].float().mean().item() == pytest.approx(0.5, abs=0.03)
    # What is given is older than what it was exchanged for, and nothing is handed out twice.
    assert (given[old, 0, 0, 0] < new[old, 0, 0, 0]).all()
    assert len(torch.unique(given[52:, 0, 0, 0])) == 3948
    assert len(pool.images) == 50
    # The mean age of what is given, in steps, is that of a history of 50 images: half of the images leave it.
    age = (new - given)[old, 0, 0, 0].mean().item() / count
    assert age == pytest.approx(2 * 50 / count, rel=0.15)


def test_a_history_smaller_than_a_batch_has_room_for_some_of_its_places() -> None:
    torch.manual_seed(0)
    pool = ImagePool(size=3, swap=1)
    assert torch.equal(pool(numbered(0, 5)), numbered(0, 5))
    assert pool(numbered(10, 5))[:, 0, 0, 0].tolist() == [0, 1, 2, 13, 14]


def test_what_is_kept_does_not_change_with_what_was_given() -> None:
    pool = ImagePool(size=2)
    images = numbered(0, 2)
    pool(images)
    images += 7
    assert torch.equal(pool.images, numbered(0, 2))


@pytest.mark.parametrize(("kept", "count"), [(0, 1), (3, 1), (5, 1), (4, 2), (9, 3)])
def test_its_images_are_part_of_the_checkpoint(kept: int, count: int) -> None:
    pool, resumed = ImagePool(size=5), ImagePool(size=5)
    for images in torch.split(numbered(0, kept), count) if kept else ():
        pool(images)
    resumed.load_state_dict(pool.state_dict())
    given = []
    for other in (pool, resumed):
        torch.manual_seed(1)
        given.append(torch.cat([other(images) for images in torch.split(numbered(10, 7 * count), count)]))
    assert torch.equal(*given)
    assert torch.equal(pool.images, resumed.images)


def test_another_batch_size_goes_on_with_what_was_kept() -> None:
    pool, resumed = ImagePool(size=9, swap=1), ImagePool(size=9, swap=1)
    for images in torch.split(numbered(0, 8), 4):
        pool(images)
    resumed.load_state_dict(pool.state_dict())
    assert resumed(numbered(10, 3))[:, 0, 0, 0].tolist() == [10, 11, 12]
    assert resumed.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 10, 11, 12]
    assert sorted(resumed(numbered(20, 3))[:, 0, 0, 0] % 10 % 3) == [0, 1, 2]


def test_no_pool_gives_back_everything_without_a_gradient() -> None:
    images = numbered(0, 3).requires_grad_(True)
    assert torch.equal(ImagePool(size=0)(images), images)
    assert not ImagePool(size=0)(images).requires_grad


@pytest.mark.parametrize("kwargs", [{"size": -1}, {"swap": 1.5}])
def test_bad_numbers_are_named(kwargs: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"size is -1|swap is"):
        ImagePool(**kwargs)  # type: ignore[arg-type]
