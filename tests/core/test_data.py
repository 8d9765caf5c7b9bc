"""What data modules must offer, and what happens if they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans import datamodules
from lightning_gans.callbacks import Evaluation
from lightning_gans.core.batches import Labelled, as_labelled
from lightning_gans.core.data import (
    ImageData,
    InMemoryData,
    PairData,
    check_offers,
    class_titles,
    declares,
    describe_names,
    members,
    network_arguments,
)
from lightning_gans.core.errors import InputError
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_facades, tiny_pix2pix


class Loaders(L.LightningDataModule):
    """Plain batches, from loaders that know nothing of this package."""

    def loader(self) -> DataLoader[Any]:
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(8, 1, 28, 28, generator=generator) * 2 - 1
        return DataLoader(TensorDataset(images, torch.arange(8)), batch_size=4)

    train_dataloader = val_dataloader = test_dataloader = predict_dataloader = loader


class OwnData(Loaders, ImageData):
    """A data module of one's own, with the defaults of the protocol."""

    channels, size, num_classes, eval_batch_size = 1, (28, 28), 10, 4


@pytest.mark.parametrize("name", datamodules.__all__)
def test_all_data_modules_declare_what_they_offer(name: str) -> None:
    data = getattr(datamodules, name)
    assert declares(data, ImageData) != declares(data, PairData)


def test_data_modules_offer_what_they_declare() -> None:
    assert isinstance(TinyData(), InMemoryData)
    check_offers(TinyData(), InMemoryData, "Model")
    check_offers(tiny_facades(), PairData, "Model")
    assert network_arguments(TinyData()) == {"channels": 1, "size": 28, "num_classes": 10}
    assert network_arguments(tiny_facades()) == {"channels_a": 3, "channels_b": 3, "size": 16}
    assert network_arguments(Loaders()) == {}


def test_a_protocol_has_a_list_of_members() -> None:
    assert members(ImageData) == [
        "channels",
        "class_names",
        "contents",
        "display_name",
        "eval_batch_size",
        "fingerprint",
        "num_classes",
        "num_images",
        "size",
        "split_label",
    ]


def test_names_are_short_texts_and_left_out_where_they_are_not_known() -> None:
    assert describe_names(OwnData()) == {"data_name": "OwnData", "contents": "pictures"}
    data = OwnData()
    data.class_names = lambda: ["a\n", "x" * 300, *"cdefghij"]  # type: ignore[method-assign]
    assert describe_names(data)["classes"][:3] == ["a?", "x" * 100, "c"]
    data.class_names = lambda: ["one"]  # type: ignore[method-assign]
    assert "classes" not in describe_names(data)
    facades = describe_names(tiny_facades())
    assert facades["data_name"] == "synthetic facades"
    assert facades["domains"] == {"a": "photo", "b": "labels"}
    assert facades["palettes"]["b"]["wall"] == (0, 0, 255)


def test_classes_without_names_are_called_by_their_labels() -> None:
    assert class_titles(["cat", "dog"], 2) == ["cat", "dog"]
    assert class_titles([], 2) == class_titles(["cat"], 2) == ["class 0", "class 1"]


def test_data_of_ones_own_train_and_are_scored(tmp_path: Path) -> None:
    scores = Evaluation(neighbors=0, cache=tmp_path / "cache")
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[scores])
    trainer.fit(tiny_dcgan(), OwnData())
    assert scores.last_rows[0].split == "val"
    assert not list((tmp_path / "cache").glob("**/*.*"))  # without a fingerprint nothing is cached
    assert len(trainer.predict(tiny_dcgan(), OwnData()) or []) == 2


def test_loaders_without_a_data_module_train(tmp_path: Path) -> None:
    loader = Loaders().loader()
    tiny_trainer(tmp_path, max_epochs=1, callbacks=[Evaluation(neighbors=0)]).fit(tiny_dcgan(), loader, loader)


def test_data_without_the_protocol_are_refused_with_all_that_they_lack(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        tiny_trainer(tmp_path, max_steps=1).fit(tiny_dcgan(), Loaders())
    assert str(error.value) == (
        "data is Loaders, which has no channels, class_names, contents, display_name, eval_batch_size, fingerprint, "
        "num_classes, num_images, size, split_label; DCGAN expects a data module with the attributes and methods of "
        "lightning_gans.core.data.ImageData"
    )


def test_one_domain_is_refused_where_two_are_expected_and_the_reverse(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data is OwnData, whose images are of one domain; Pix2Pix expects two"):
        tiny_trainer(tmp_path, max_steps=1).fit(tiny_pix2pix(), OwnData())
    with pytest.raises(InputError, match="whose images are of two domains; DCGAN expects one"):
        tiny_trainer(tmp_path, max_steps=1).fit(tiny_dcgan(), tiny_facades())


def test_networks_for_other_images_are_refused(tmp_path: Path) -> None:
    class Wide(OwnData):
        size = (28, 30)

    with pytest.raises(InputError, match=r"size is \(28, 30\)"):
        tiny_trainer(tmp_path, max_steps=1).fit(tiny_dcgan(), Wide())


IMAGES, LABELS = torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize("batch", [(IMAGES, LABELS), [IMAGES, LABELS], Labelled(IMAGES, LABELS)])
def test_plain_tuples_and_lists_are_batches(batch: Any) -> None:
    assert isinstance(as_labelled(batch), Labelled)
    assert as_labelled(batch).images is IMAGES


@pytest.mark.parametrize("batch", [(IMAGES.byte(), LABELS), Labelled(IMAGES.byte(), LABELS), IMAGES.byte()])
def test_images_of_type_uint8_are_converted(batch: Any) -> None:
    assert torch.equal(as_labelled(batch).images, torch.full(IMAGES.shape, -1.0))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": IMAGES}, "is a dict of 1 entries; expected two tensors"),
        ((IMAGES, LABELS, LABELS), "is a tuple of 3 entries; expected two tensors"),
        ((IMAGES[0], LABELS), r"images of shape \(1, 4, 4\) and labels of shape \(2,\); expected \(N, C, H, W\)"),
        ((IMAGES, LABELS[:1]), r"labels of shape \(1,\); expected"),
        ((IMAGES.short(), LABELS), r"type torch.int16; expected float in \[-1, 1\], or torch.uint8"),
    ],
)
def test_other_batches_are_refused(batch: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_labelled(batch)
