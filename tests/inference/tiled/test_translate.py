"""Pictures of any size through translators, against the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.inference import ImageTranslator
from lightning_gans.inference.tiled.statistics import norm_layers
from lightning_gans.inference.tiled.tiles import FeatureMapFile, reflect_indices
from lightning_gans.inference.tiled.translate import translate_picture
from lightning_gans.networks import IdentityTranslator, Translator, UNet
from lightning_gans.networks.layers import BatchNorm, InstanceNorm, Norm
from tests.support.tiled import SIZE, TILE, resnet, scene, unet, whole


def levels_apart(one: Tensor, other: Tensor) -> int:
    return int((one.int() - other.int()).abs().max())


@pytest.mark.parametrize("norm", [InstanceNorm, BatchNorm])
@pytest.mark.parametrize("upsample", [False, True])
@pytest.mark.parametrize(("height", "width"), [(100, 148), (97, 130), (40, 203)])
def test_tiles_make_what_the_whole_makes(norm: type[Norm], upsample: bool, height: int, width: int) -> None:
    network, picture = resnet(norm=norm, upsample=upsample), scene(height, width)
    for layer in norm_layers(network):
        for weights in layer.parameters():
            nn.init.uniform_(weights, 0.5, 1.5)
    expected = whole(network, picture)
    assert expected.float().std() > 30
    made = translate_picture(network, picture, SIZE, TILE)
    assert made.shape == expected.shape
    assert levels_apart(made, expected) <= 1
    # No seam: nothing else than rounding, which is as rare at the borders of tiles as elsewhere.
    assert (made != expected).float().mean() < 0.01


@pytest.mark.parametrize(("channels_in", "channels_out"), [(1, 3), (3, 1)])
def test_channels_may_change(channels_in: int, channels_out: int) -> None:
    network, picture = resnet(channels_in, channels_out), scene(60, 90, channels_in)
    assert levels_apart(translate_picture(network, picture, SIZE, TILE), whole(network, picture)) <= 1


def test_floats_stay_floats() -> None:
    network, picture = resnet(), to_float(scene(60, 92))
    made = translate_picture(network, picture, SIZE, TILE)
    with torch.inference_mode():
        torch.testing.assert_close(made, network(picture[None])[0], atol=1e-4, rtol=0)


def test_a_networks_reach_does_not_limit_the_tile() -> None:
    network, picture = resnet(blocks=6), scene(90, 90)
    assert levels_apart(translate_picture(network, picture, SIZE, 32), whole(network, picture)) <= 1


def test_untranslated_gives_any_picture_back() -> None:
    for picture in (scene(101, 67), scene(1, 1), scene(40, 3)):
        assert torch.equal(translate_picture(IdentityTranslator(3, 3, SIZE), picture, SIZE, TILE), picture)


@pytest.mark.parametrize("side", [SIZE, TILE])
def test_what_fits_into_a_tile_is_bit_for_bit_what_evaluation_gives(side: int) -> None:
    network: dict[str, Any] = {
        "class_path": "lightning_gans.networks.ResNetTranslator",
        "init_args": {"blocks": 1, "width": 2},
    }
    model = ImageTranslator({"a_to_b": {"network": network, "channels_in": 3, "channels_out": 3, "size": SIZE}}, {})
    images = to_float(scene(side, side))
    made = translate_picture(model.network(), images, SIZE, TILE)
    assert torch.equal(made, model.translate(images[None])[0])
    assert torch.equal(translate_picture(model.network(), scene(side, side), SIZE, TILE), to_uint8(made))


def test_a_unet_of_its_size_is_run_whole() -> None:
    network, picture = unet(), scene(64, 64)
    with torch.inference_mode():
        assert torch.equal(translate_picture(network, picture, 64), to_uint8(network(to_float(picture)[None])[0]))


@pytest.mark.parametrize(("height", "width"), [(5, 7), (64, 40), (1, 1)])
def test_a_picture_smaller_than_a_unets_is_reflected_up_to_it(height: int, width: int) -> None:
    network, picture = unet(), scene(height, width)
    rows, columns = reflect_indices(height, 64), reflect_indices(width, 64)
    made = translate_picture(network, picture, 64)
    with torch.inference_mode():
        large = network(to_float(picture[:, rows][:, :, columns])[None])[0]
    assert torch.equal(made, to_uint8(large)[:, :height, :width])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9), (7, 5)])
def test_small_pictures_are_reflected_to_what_the_network_takes(height: int, width: int) -> None:
    assert translate_picture(resnet(), scene(height, width), SIZE).shape == (3, height, width)


# Memory.


@pytest.mark.parametrize("network", [resnet(), unet()], ids=["resnet", "unet"])
def test_the_network_is_given_no_more_than_a_tile(network: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    size, tile = (SIZE, TILE) if network.stages() else (64, None)
    monkeypatch.setattr("lightning_gans.inference.tiled.translate.DEFAULT_TILE", 128)  # two by two windows at once

    def largest(height: int, width: int) -> int:
        numbers: list[int] = []
        hooks = [
            layer.register_forward_hook(lambda _, given, made: numbers.append(max(given[0].numel(), made.numel())))
            for layer in network.modules()
        ]
        translate_picture(network, scene(height, width), size, tile)
        for hook in hooks:
            hook.remove()
        return max(numbers)

    # Four channels of a tile, or of as many windows.
    assert largest(200, 220) <= 4 * (tile or 128) ** 2


def test_feature_maps_are_read_back_as_they_were_written() -> None:
    maps = torch.randn(5, 12, 9)
    with FeatureMapFile(5, (12, 9)) as file:
        for rows in (slice(0, 7), slice(7, 12)):
            for columns in (slice(0, 4), slice(4, 9)):
                file.write(rows, columns, maps[:, rows, columns])
        assert torch.equal(file.read(slice(3, 11), slice(2, 8))[0], maps[:, 3:11, 2:8])


def test_temporary_files_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    translate_picture(resnet(), scene(90, 90), SIZE, TILE)
    assert list(tmp_path.iterdir()) == []


# Windows.


class Moody(Translator):
    """Its colors depend on all that it sees, as a U-Net's do, and its last row and column are wrong."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        made = self.gain * images - images.mean(dim=(2, 3), keepdim=True)
        made[:, :, -1], made[:, :, :, -1] = 1, 1
        return made


def test_windows_of_a_network_of_rectangles_are_rectangles() -> None:
    network = UNet(3, 3, (64, 128), width=2).eval()
    shapes = set()
    network.register_forward_pre_hook(lambda _, given: shapes.add(tuple(given[0].shape[2:])))
    picture = scene(64, 128)
    assert levels_apart(translate_picture(network, picture, (64, 128)), whole(network, picture)) == 0
    assert translate_picture(network, scene(100, 150), (64, 128)).shape == (3, 100, 150)
    assert shapes == {(64, 128)}
    with pytest.raises(ValueError, match="tile is 64, but UNet runs on windows of 64 x 128 pixels, its trained size"):
        translate_picture(network, picture, (64, 128), tile=64)


@pytest.mark.parametrize("axis", [1, 2])
def test_blended_windows_leave_no_seam(axis: int) -> None:
    """A picture that gets brighter evenly does so in the result: nowhere by much more than a step of its own."""
    ramp = torch.linspace(-0.5, 0.5, 400).expand(3, 64, 400)
    picture = ramp if axis == 2 else ramp.transpose(1, 2)
    made = translate_picture(Moody().requires_grad_(False), picture, 64)
    inside = made[:, :63, :399] if axis == 2 else made[:, :399, :63]
    steps = inside.diff(dim=axis).abs().amax(dim=(0, 3 - axis))
    assert steps.max() <= 1.5 / 400


def test_windows_share_the_statistics_of_large_maps_alone() -> None:
    """Small ones, of fewer than 8 by 8 pixels, have those of their window, as in training."""
    network, fixed = unet(), set[int]()

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if isinstance(layer, Norm) and layer.fixed_statistics:
            fixed.add(given[0].shape[-1])

    for layer in norm_layers(network):
        layer.register_forward_pre_hook(note)
    translate_picture(network, scene(100, 130), 64)
    assert fixed == {8, 16, 32}


def test_a_flat_picture_stays_flat_inside() -> None:
    """Windows that look alike make the same, wherever they lie."""
    made = translate_picture(unet(norm=InstanceNorm), torch.zeros(3, 64, 256), 64)
    periods = made[:, :, 64:192].unfold(2, 32, 32)
    torch.testing.assert_close(periods[:, :, 0], periods[:, :, 1], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("network", "size", "tile", "side"),
    [(resnet(), SIZE, TILE, 90), (unet(), 64, None, 130), (resnet(), SIZE, TILE, 20)],
    ids=["tiles", "windows", "whole"],
)
def test_progress_ends_where_it_said(network: Translator, size: int, tile: int | None, side: int) -> None:
    told: list[tuple[int, int]] = []
    translate_picture(network, scene(side, side), size, tile, lambda done, total: told.append((done, total)))
    assert told == [(done + 1, len(told)) for done in range(len(told))]


# Bad input.


@pytest.mark.parametrize("shape", [(1, 40, 40), (40, 40), (3, 0, 40), (1, 3, 40, 40)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"image has shape \(.*\); expected \(3, H, W\)"):
        translate_picture(resnet(), torch.zeros(shape), SIZE)


def test_a_picture_that_is_mostly_padding_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"image is 4000000 pixels wide and 1 high, which UNet pads to 4000000 x 64; exp"
    ):
        translate_picture(unet(), torch.zeros(3, 1, 4_000_000, dtype=torch.uint8), 64)
    with pytest.raises(ValueError, match=r"image is 1 pixels wide and 40000000 high, which ResNetTranslator pads to 8"):
        translate_picture(resnet(), torch.zeros(3, 40_000_000, 1, dtype=torch.uint8), SIZE)


def test_tiles_that_cannot_be_had_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tile is 8; expected at least 32"):
        translate_picture(resnet(), scene(90, 90), SIZE, 8)
    with pytest.raises(ValueError, match=r"tile is 256, but UNet runs on windows of 64 pixels"):
        translate_picture(unet(), scene(90, 90), 64, 256)
