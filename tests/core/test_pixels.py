"""Conversion of pixel values."""

from __future__ import annotations

import torch

from lightning_gans.core.pixels import to_float, to_uint8


def test_pixels_round_trip_exactly_and_round_to_the_nearest_level() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    images = to_float(levels)
    assert (images.min().item(), images.max().item()) == (-1, 1)
    assert torch.equal(to_uint8(images), levels)
    kept = images.clone()
    assert torch.equal(to_uint8(images + 0.4 / 127.5), levels)
    assert torch.equal(images, kept)
    assert to_uint8(torch.tensor([-1.5, 1.5])).tolist() == [0, 255]
