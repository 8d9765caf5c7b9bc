from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.utils import make_grid

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import grid, to_pil, upscale_nearest


@pytest.mark.parametrize(("count", "channels", "columns"), [(7, 1, 3), (8, 3, 4), (2, 3, 5), (3, 1, 1)])
def test_a_grid_is_that_of_torchvision(count: int, channels: int, columns: int) -> None:
    images = torch.randint(0, 256, (count, channels, 5, 9), dtype=torch.uint8)
    expected = make_grid(images, nrow=columns, padding=2).permute(1, 2, 0).numpy()
    drawn = grid(images, columns)
    assert drawn.mode == "RGB"
    assert np.array_equal(np.asarray(drawn), expected)


def test_pictures_are_gray_or_rgb_and_nothing_else() -> None:
    assert to_pil(torch.zeros(1, 2, 3, dtype=torch.uint8)).mode == "L"
    assert to_pil(torch.zeros(3, 2, 4, dtype=torch.uint8)).size == (4, 2)
    with pytest.raises(InputError, match="2 channels; only 1 or 3 can be drawn"):
        to_pil(torch.zeros(2, 2, 3, dtype=torch.uint8))


def test_enlarged_pixels_are_squares() -> None:
    assert upscale_nearest(torch.tensor([[[[1, 2]]]]), 2).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
