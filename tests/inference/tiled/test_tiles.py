"""Positions of tiles and windows."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from lightning_gans.inference.tiled.tiles import (
    ReflectPadded,
    blend_weights,
    every_other,
    tile_spans,
    window_spans,
)


@pytest.mark.parametrize("multiple", [1, 4])
@pytest.mark.parametrize("length", [48, 52, 100, 128, 396, 1000])
def test_tiles_cover_each_pixel_once_with_margins(length: int, multiple: int) -> None:
    along = tile_spans(length, 48, 8, multiple)
    assert along[0].core_start == 0
    assert along[-1].core_stop == length
    assert all(one.core_stop == other.core_start for one, other in pairwise(along))
    for span in along:
        assert span.start == max(0, span.core_start - 8)
        assert span.stop == min(length, span.core_stop + 8)
        assert 0 < span.core_stop - span.core_start <= span.stop - span.start <= 48
        assert span.start % multiple == 0


@pytest.mark.parametrize("length", [64, 65, 96, 100, 333])
def test_windows_overlap_by_half_and_count_as_one(length: int) -> None:
    along = window_spans(length, 64)
    assert (along[0].start, along[-1].stop) == (0, length)
    assert all(other.start - one.start <= 32 for one, other in pairwise(along))
    total = torch.zeros(length)
    for span, share in zip(along, blend_weights(along), strict=True):
        assert (share >= 0).all()
        total[span.start : span.stop] += share
    torch.testing.assert_close(total, torch.ones(length))


@pytest.mark.parametrize("length", [64, 65, 96, 97, 100, 333])
def test_half_of_the_windows_see_every_pixel(length: int) -> None:
    seen = torch.zeros(length)
    for span in every_other(window_spans(length, 64)):
        seen[span.start : span.stop] += 1
    assert seen.min() >= 1


@pytest.mark.parametrize("size", [(1, 4_000_000), (4_000_000, 1)])
def test_a_tile_of_a_long_image_is_read_without_the_rest(size: tuple[int, int]) -> None:
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    source = ReflectPadded(image, (max(8, size[0]), max(8, size[1])))
    rows, columns = (slice(0, 8), slice(1000, 1512)) if size[0] == 1 else (slice(1000, 1512), slice(0, 8))
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        tile = source.read(rows, columns)
    assert tile.shape == (1, 3, rows.stop - rows.start, columns.stop - columns.start)
    allocated = sum(max(0, event.self_cpu_memory_usage) for event in profile.key_averages())
    assert allocated < 50 * tile.numel() * tile.element_size()
