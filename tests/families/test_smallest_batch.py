"""Batches that are too small for a network's layers: refused before the first step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.core.errors import InputError
from lightning_gans.families import Adversarial
from lightning_gans.families.smallest_batch import check_smallest_batch, latent_inputs
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, InfoGANDiscriminator, InfoGANGenerator, PatchGAN
from lightning_gans.variants import CGAN, LSGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix

IMAGES = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1


def infogan(generator: bool = True, conditional: bool = False) -> Adversarial:
    """Dense layers with batch normalization in G and D, or in D only."""
    settings: dict[str, Any] = {"num_classes": 10, "conditional": True} if conditional else {}
    made = InfoGANGenerator if generator else DCGANGenerator
    judged = InfoGANDiscriminator(1, 28, width=2, **({"dense": 4} | settings))
    return (CGAN if conditional else LSGAN)(made(1, 28, latent_dim=3, width=2, **settings), judged)


def images_loader(**kwargs: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(IMAGES), batch_size=2, **kwargs)


def trainer_of(loader: DataLoader[Any]) -> Any:
    """What the check reads of a trainer."""
    return SimpleNamespace(train_dataloader=loader, num_training_batches=5, strategy=None)


@pytest.mark.parametrize(
    ("model", "network"),
    [
        (infogan, "model.generator"),
        (lambda: infogan(conditional=True), "model.generator"),
        (lambda: infogan(generator=False), "model.discriminator"),
    ],
)
def test_one_image_is_refused_where_layers_normalize_over_images(
    model: Callable[[], Adversarial], network: str, tmp_path: Path
) -> None:
    made = model()
    said = rf"1 image\(s\) \(data\.batch_size.*{network} cannot.*Expected more than 1 value per channel.*at least 2"
    with pytest.raises(InputError, match=said):
        tiny_trainer(tmp_path, max_steps=1).fit(made, TinyData(batch_size=1))
    assert made.trainer.global_step == 0


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (tiny_dcgan, TinyData(batch_size=1)),
        (infogan, TinyData(batch_size=2)),
        (lambda: tiny_pix2pix(discriminator=lambda channels: PatchGAN(channels, 1, 2)), tiny_facades(batch_size=1)),
        (tiny_cyclegan, tiny_facades(paired=False, batch_size=1)),
    ],
)
def test_networks_train_on_one_image_where_they_can(
    model: Callable[[], Adversarial], data: Any, tmp_path: Path
) -> None:
    made = model()
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(made, data)
    assert made.trainer.global_step == 1


def test_the_check_changes_no_random_number_and_no_buffer() -> None:
    model = tiny_dcgan()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model._trainer = trainer_of(DataLoader(TensorDataset(IMAGES)))
    drawn = []
    for checked in (False, True):
        torch.manual_seed(3)
        if checked:
            check_smallest_batch(model, latent_inputs)
        drawn.append(torch.rand(2))
    assert torch.equal(*drawn)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_check_leaves_no_meta_tensors_where_a_module_has_two_names() -> None:
    model, norm = tiny_dcgan(), nn.BatchNorm2d(1)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    shared = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    shared[1].weight = shared[0].weight  # one tensor in two modules
    judged: Any = model.discriminator
    judged.layers.insert(0, norm)
    judged.layers.insert(1, norm)
    judged.layers.insert(2, shared)
    model._trainer = trainer_of(DataLoader(TensorDataset(IMAGES)))
    check_smallest_batch(model, latent_inputs)
    tensors = (*model.discriminator.parameters(), *model.discriminator.buffers())
    assert {value.device.type for value in tensors} == {"cpu"}
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    assert shared[1].weight is shared[0].weight


def test_a_network_whose_modules_share_a_tensor_is_refused_too() -> None:
    model = infogan(generator=False)
    shared = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    shared[1].weight = shared[0].weight
    judged: Any = model.discriminator
    judged.layers.insert(0, shared)
    model._trainer = trainer_of(DataLoader(TensorDataset(IMAGES)))
    with pytest.raises(InputError, match=r"model\.discriminator cannot be trained"):
        check_smallest_batch(model, latent_inputs)


def test_a_last_batch_of_one_image_is_refused(tmp_path: Path) -> None:
    def fit(given: DataLoader[Any], **settings: Any) -> int:
        trainer = tiny_trainer(tmp_path, max_epochs=1, limit_val_batches=0, **settings)
        trainer.fit(infogan(), given, images_loader())
        return trainer.global_step

    with pytest.raises(InputError, match=r"the last batch of 5 images has 1 image\(s\), on which.*drop_last=True"):
        fit(images_loader())
    assert fit(images_loader(drop_last=True)) == 2
    assert fit(images_loader(), limit_train_batches=2) == 2


class Reads(nn.Module):
    """Reads a value, which a forward pass without values cannot."""

    def forward(self, images: Tensor) -> Tensor:
        return images * 2 if images.mean().item() > 10 else images


def test_a_network_that_cannot_run_without_values_is_not_refused(tmp_path: Path) -> None:
    judged = DCGANDiscriminator(1, 28, width=2)
    judged.layers.insert(0, Reads())
    model = tiny_dcgan()
    model.discriminator = judged
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData(batch_size=1))
    assert model.trainer.global_step == 1
