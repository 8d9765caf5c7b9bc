"""Maps of instances beside label maps, whose borders are the last channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.batches import Pair
from lightning_gans.core.data import describe_names
from lightning_gans.core.errors import InputError
from lightning_gans.core.label_maps import borders, read_instance_map
from lightning_gans.datamodules import PairedImageDataModule
from tests.support.image_trees import SMALL, save

CLASSES = 5
NAMES: dict[str, Any] = {
    "folder_a": "img",
    "folder_b": "label",
    "folder_instances": "inst",
    "suffix_b": "_labelIds",
    "suffix_instances": "_instanceIds",
}

Array = np.ndarray[Any, Any]


def numbers(seed: int, largest: int, side: int = 16) -> Array:
    """Squares of four pixels of random numbers."""
    small = np.random.default_rng(seed).integers(0, largest, (side // 2, side // 2))
    return np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)


def by_definition(instances: Array) -> Array:
    """Whether each pixel has a neighbor of another instance, from a copy with a frame of the nearest pixels."""
    framed = np.pad(instances, 1, mode="edge")
    others = (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:])
    borders: Array = np.any([instances != other for other in others], axis=0)
    return borders


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Pictures, label maps and maps of instances in the folders and with the names of the authors of pix2pixHD."""
    for split, seeds in (("train", range(6)), ("val", range(6, 8))):
        for seed in seeds:
            save(tmp_path / f"{split}_img" / f"{seed}.png", np.full((16, 16, 3), 30 * seed, dtype=np.uint8))
            save(tmp_path / f"{split}_label" / f"{seed}_labelIds.png", numbers(seed, CLASSES).astype(np.uint8))
            folder = tmp_path / f"{split}_inst"
            folder.mkdir(exist_ok=True)
            deep = numbers(seed + 50, 3000).astype(np.uint16)
            Image.fromarray(deep).save(folder / f"{seed}_instanceIds.png")
    return tmp_path


def paired(root: Path, **kwargs: Any) -> PairedImageDataModule:
    given = {**SMALL, **NAMES, "size": 16, "load_size": 16, "channels_b": CLASSES + 1, **kwargs}
    data = PairedImageDataModule(root, **given)
    data.setup("fit")
    return data


@pytest.mark.parametrize("cache_gb", [0.0, 1.0])
def test_the_last_channel_has_the_borders(tree: Path, cache_gb: float) -> None:
    data = paired(tree, cache_gb=cache_gb)
    assert (len(data.splits["train"]), len(data.splits["val"])) == (6, 2)
    batch = data.splits["train"][[*range(6)]]
    assert batch.b.shape == (6, CLASSES + 1, 16, 16)
    for seed, channels in enumerate(batch.b):
        assert int(batch.a[seed, 0, 0, 0]) == 30 * seed
        labels = torch.from_numpy(numbers(seed, CLASSES)) == torch.arange(CLASSES)[:, None, None]
        assert torch.equal(channels[:-1], 255 * labels.to(torch.uint8))
        expected = torch.from_numpy(by_definition(numbers(seed + 50, 3000)))
        assert torch.equal(channels[-1], 255 * expected.to(torch.uint8))
    assert data.border_domains() == ["b"]
    assert describe_names(data)["borders"] == ["b"]


def test_borders_are_those_of_the_resized_map_and_move_with_the_labels(tree: Path) -> None:
    data = paired(tree, size=6, load_size=8, flip=True)
    given = data.splits["train"][[0, 1]]
    expected = by_definition(numbers(50, 3000)[::2, ::2])
    assert torch.equal(given.b[0, -1], 255 * torch.from_numpy(expected).to(torch.uint8))
    # Each class is where it was relative to the borders: the number of the place is the same in all channels.
    places = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).expand(2, CLASSES + 1, 8, 8)
    moved = [data.augment(Pair(given.a, places, True), step, seed=0).b for step in range(20)]
    assert all(torch.equal(batch, batch[:, :1].expand_as(batch)) for batch in moved)
    assert any((batch[..., 0] > batch[..., -1]).any() for batch in moved)


def test_instances_have_any_depth_or_color(tmp_path: Path) -> None:
    ids = numbers(0, 3000)
    colors = np.stack([ids % 256, ids // 256, 0 * ids], axis=2).astype(np.uint8)
    for name, picture in (
        ("16.png", Image.fromarray(ids.astype(np.uint16))),
        ("32.tif", Image.fromarray(ids.astype(np.int32))),
        ("rgb.png", Image.fromarray(colors)),
    ):
        picture.save(tmp_path / name)
        assert np.array_equal(read_instance_map((tmp_path / name).read_bytes()), ids)
    Image.new("RGBA", (4, 4)).save(tmp_path / "alpha.png")
    with pytest.raises(ValueError, match="pixels of mode RGBA; expected a map of instances: gray levels, a palette or"):
        read_instance_map((tmp_path / "alpha.png").read_bytes())


def test_a_map_of_one_instance_has_no_borders() -> None:
    assert not borders(np.zeros((4, 6), dtype=np.int32)).any()
    assert not borders(np.zeros((1, 1), dtype=np.int32)).any()
    assert borders(np.array([[1, 1, 2, 2]], dtype=np.int32)).tolist() == [[False, True, True, False]]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"folder_a": None, "folder_b": None},
            "folder_a and folder_b are None; expected the names of all three folders",
        ),
        (
            {"folder_instances": "label"},
            "folder_instances is label, as another folder is; expected a folder of its own",
        ),
        ({"folder_instances": "../x"}, r"folder_instances is \.\./x; expected a folder below root"),
        ({"channels_b": 3}, "channels_a and channels_b are 3 and 3; expected more than 4 of one domain"),
        ({"channels_a": 7}, "channels_a and channels_b are 7 and 6; expected more than 4 of one domain"),
    ],
)
def test_what_instances_need_is_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairedImageDataModule(Path("x"), **{**SMALL, **NAMES, "channels_b": CLASSES + 1, **kwargs})


def test_maps_that_are_missing_or_do_not_fit_are_named(tree: Path) -> None:
    (tree / "train_inst" / "3_instanceIds.png").unlink()
    with pytest.raises(
        InputError, match=r"train_inst holds no partner of 1 of 6 files \(train_label/3_labelIds\.png\)"
    ):
        paired(tree)
    save(tree / "train_inst" / "3_instanceIds.png", np.zeros((8, 10), dtype=np.uint8))
    message = r"train_inst/3_instanceIds\.png \(10 x 8 pixels, its label map 16 x 16\)"
    with pytest.raises(InputError, match=message):
        paired(tree)
    with pytest.raises(
        InputError, match=r"holds val_img, val_label; expected .* or val_img and val_label and val_nowhere"
    ):
        paired(tree, folder_instances="nowhere")
