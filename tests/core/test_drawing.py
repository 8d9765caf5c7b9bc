"""Grids with titles, their size, and animations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from lightning_gans.core.drawing import (
    EMPTY,
    GAP,
    as_frames,
    fit_columns,
    fit_scale,
    grid,
    mixed_colors,
    to_pil,
    upscale_nearest,
    write_gif,
    write_image,
)
from lightning_gans.core.pixel_files import load_pixels


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def pixels(picture: Image.Image) -> np.ndarray:
    assert picture.mode == "RGB"
    return np.asarray(picture)


@pytest.mark.parametrize(("count", "channels", "columns"), [(9, 1, 3), (8, 3, 4), (2, 3, 5), (3, 1, 1)])
def test_a_grid_is_that_of_torchvision(count: int, channels: int, columns: int) -> None:
    images = noise(count, channels, 5, 9)
    expected = make_grid(images, nrow=columns, padding=2).permute(1, 2, 0).numpy()
    assert np.array_equal(pixels(grid(images, columns)), expected)


def test_places_without_an_image_are_gray() -> None:
    drawn = pixels(grid(torch.zeros(7, 1, 5, 9, dtype=torch.uint8), 3))
    assert drawn.shape == (3 * 7 + 2, 3 * 11 + 2, 3)
    assert (drawn[16:21, 13:22] == EMPTY).all()
    assert (drawn == EMPTY).sum() == 2 * 5 * 9 * 3


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_single_pictures_keep_their_channels(tmp_path: Path, channels: int, mode: str) -> None:
    image = noise(channels, 2, 4)
    drawn = to_pil(image)
    assert (drawn.mode, drawn.size) == (mode, (4, 2))
    write_image(image, tmp_path / "000001")
    assert torch.equal(load_pixels(tmp_path / "000001.png", channels, (2, 4)), hidden_is_black(image))


def hidden_is_black(image: Tensor) -> Tensor:
    return image if len(image) in (1, 3) else image.where(image[-1] > 0, 0)


def test_more_channels_are_drawn_side_by_side() -> None:
    image = noise(5, 2, 3)
    drawn = np.asarray(to_pil(image))
    assert drawn.shape == (4, 9)
    assert np.array_equal(drawn[:2, 6:], image[2])
    assert np.array_equal(drawn[2:, 3:6], image[4])
    assert (drawn[2:, 6:] == EMPTY).all()
    assert pixels(grid(image[None], 1, scale=2)).shape == (8 + 4, 18 + 4, 3)
    assert as_frames(image[None].expand(2, -1, -1, -1), 1)[0].size == (9, 4)


def test_channels_of_labels_have_colors_of_their_own() -> None:
    labels = torch.arange(16).view(4, 4)
    one_hot = 255 * (labels == torch.arange(16)[:, None, None]).to(torch.uint8)[None]
    drawn = mixed_colors(one_hot)[0].flatten(1).T
    assert len(drawn.unique(dim=0)) == 16  # type: ignore[no-untyped-call]
    assert not mixed_colors(torch.zeros_like(one_hot)).any()
    both = mixed_colors(torch.full_like(one_hot, 100))[0].flatten(1).T.float()
    torch.testing.assert_close(both[0], drawn.float().mean(dim=0), atol=1, rtol=0)
    assert torch.equal(mixed_colors(one_hot[:, :4]), one_hot[:, :4])


def test_images_of_more_channels_are_written_as_arrays_that_the_reader_takes(tmp_path: Path) -> None:
    image = noise(7, 6, 5)
    write_image(image, tmp_path / "000000")
    assert torch.equal(load_pixels(tmp_path / "000000.npy", 7, (6, 5)), image)


@pytest.mark.parametrize("channels", [2, 4])
def test_grids_and_animations_show_alpha_on_white(channels: int) -> None:
    images = noise(3, channels, 4, 5)
    images[0, -1], images[1, -1] = 0, 255
    drawn = pixels(grid(images, 3))
    assert (drawn[2:6, 2:7] == 255).all()
    assert np.array_equal(drawn[2:6, 9:14], images[1, :-1].expand(3, -1, -1).permute(1, 2, 0))
    frame = as_frames(images, 1)[2]
    alpha = images[2, -1:] / 255
    expected = images[2, :-1] * alpha + 255 * (1 - alpha)
    assert np.abs(np.atleast_3d(np.asarray(frame)) - expected.permute(1, 2, 0).numpy()).max() <= 0.5


def test_enlarged_pixels_are_squares() -> None:
    assert upscale_nearest(torch.tensor([[[[1, 2]]]]), 2).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]


@pytest.mark.parametrize("side", [1, 28, 32, 51, 64, 256, 700])
@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 1), (8, 8), (9, 3), (60, 2)])
def test_a_grid_is_at_least_512_pixels_wide_with_the_smallest_scale(side: int, columns: int, rows: int) -> None:
    scale = fit_scale(side, side, columns, rows)
    widths = [columns * (factor * side + 2) + 2 for factor in (scale - 1, scale)]
    assert widths[1] >= 512
    assert scale == 1 or widths[0] < 512


def test_a_drawing_is_enlarged_by_default() -> None:
    images = noise(6, 1, 28, 28)
    drawn = grid(images, 3, scale=None)
    assert drawn.size == (3 * (6 * 28 + 2) + 2, 2 * (6 * 28 + 2) + 2)
    assert np.array_equal(pixels(drawn), pixels(grid(upscale_nearest(images, 6), 3)))
    assert {frame.size for frame in as_frames(images)} == {(19 * 28, 19 * 28)}
    assert {frame.size for frame in as_frames(images, 2)} == {(56, 56)}
    assert as_frames(noise(1, 3, 51, 51))[0].size == (561, 561)


def test_a_high_grid_is_enlarged_less() -> None:
    assert fit_scale(28, 28, columns=1, rows=64) == 4
    assert fit_scale(28, 28, columns=1, rows=1000) == 1


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        *(((64,), 8), ((3,), 3), ((8,), 8), ((9,), 5), ((10,), 5), ((12,), 6), ((15,), 5), ((1,), 1)),
        # Columns that were asked for are kept.
        *(((10, 8), 8), ((3, 8), 3), ((40, 10), 10)),
        # Images of one example stay in one row.
        *(
            ((64, None, 4), 8),
            ((4, None, 4), 4),
            ((12, None, 4), 4),
            ((9, None, 3), 3),
            ((24, None, 4), 8),
            ((12, 5, 3), 3),
            ((8, 2, 4), 4),
        ),
    ],
)
def test_a_grid_of_few_images_has_few_places(arguments: tuple[int, ...], columns: int) -> None:
    assert fit_columns(*arguments) == columns


# Titles.


def test_titles_are_above_their_columns() -> None:
    images = torch.zeros(8, 3, 64, 64, dtype=torch.uint8)
    plain, titled = grid(images, 4, 2), grid(images, 4, 2, ["source", "translation", "back", "truth"])
    head = titled.height - plain.height
    assert head > 20
    strip = pixels(titled)[:head]
    columns = [strip[:, 2 + place * 130 : 130 + place * 130] for place in range(4)]
    assert all(column.max() == 255 for column in columns)
    assert len({column.tobytes() for column in columns}) == 4
    # Centered, and nothing beside the columns.
    for column in columns:
        (drawn,) = np.nonzero(column.any(axis=(0, 2)))
        assert abs(int(drawn.min()) + int(drawn.max()) - 127) <= 4
    assert np.array_equal(pixels(titled)[head:], pixels(plain))


def test_titles_shrink_and_are_left_out_if_they_do_not_fit() -> None:
    heights = [grid(noise(2, 1, 8, 8), 2, scale, ["translation", "truth"]).height for scale in (16, 8, 2)]
    plain = [grid(noise(2, 1, 8, 8), 2, scale).height for scale in (16, 8, 2)]
    added = [height - without for height, without in zip(heights, plain, strict=True)]
    assert added[0] > added[1] > added[2] == 0


def test_there_is_a_gap_between_groups_of_columns() -> None:
    images = noise(8, 3, 64, 64)
    drawn = pixels(grid(images, 4, 1, ["source", "truth"] * 2, [2, 2]))
    assert drawn.shape[1] == 4 * 66 + 2 + GAP
    body = drawn[-2 * 66 - 2 :]
    left, right = pixels(grid(images[[0, 1, 4, 5]], 2)), pixels(grid(images[[2, 3, 6, 7]], 2))
    assert np.array_equal(body[:, :134], left)
    assert np.array_equal(body[:, -134:], right)
    assert not body[:, 134:-134].any()


# Animations.


def test_frames_of_a_gif_keep_their_colors_and_durations(tmp_path: Path) -> None:
    colors = torch.tensor([[201, 99, 17], [13, 77, 145], [3, 200, 90]], dtype=torch.uint8)
    frames = as_frames(colors.view(3, 3, 1, 1).expand(-1, -1, 8, 8), 4)
    write_gif(frames, tmp_path / "colors.gif", [100, 100, 500])
    with Image.open(tmp_path / "colors.gif") as gif:
        assert (gif.size, getattr(gif, "n_frames", 1), gif.info["loop"]) == ((32, 32), 3, 0)
        for place, color in enumerate(colors.tolist()):
            gif.seek(place)
            assert gif.convert("RGB").getpixel((5, 5)) == tuple(color)
            assert gif.info["duration"] == (500 if place == 2 else 100)
