"""Loaders in place of a data module: a user's own ones, and those of our data modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.callbacks import Evaluation, LastCheckpoint
from lightning_gans.core.batches import Pair
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.datamodules import SyntheticFacadesDataModule, samplers
from lightning_gans.datamodules.base import IndexedDataModule
from lightning_gans.datamodules.samplers import EvaluationBatches, TrainingBatches
from lightning_gans.datamodules.two_domains import TwoDomains
from lightning_gans.families import Adversarial
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator
from lightning_gans.variants import CGAN
from tests.support.mean_colors import MeanColors
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights
from tests.support.tiny_translation import SIZE, tiny_cyclegan, tiny_facades, tiny_pix2pix

A, B = (torch.rand(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1 for seed in (0, 1))
IMAGES = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(2)) * 2 - 1


def loader(*tensors: Tensor) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors), batch_size=2)


def items_loader(items: list[Any]) -> DataLoader[Any]:
    data: Any = items
    return DataLoader(data, batch_size=2)


def collate_tuple(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.stack([a for a, _ in items]), torch.stack([b for _, b in items])


def tiny_cgan() -> CGAN:
    torch.manual_seed(0)
    return CGAN(
        generator=DCGANGenerator(channels=1, size=28, latent_dim=3, width=2, num_classes=10, conditional=True),
        discriminator=DCGANDiscriminator(channels=1, size=28, width=2, num_classes=10, conditional=True),
    )


def trained(model: Adversarial, folder: Path, train: Any, val: Any, **settings: Any) -> dict[str, Tensor]:
    tiny_trainer(folder, **{"max_epochs": 1, **settings}).fit(model, train, val)
    return weights(model)


# A user's own loaders.

PAIR_LOADERS: dict[str, Callable[[], Any]] = {
    "tuples": lambda: DataLoader(TensorDataset(A, B), batch_size=2, collate_fn=collate_tuple),
    "pairs": lambda: items_loader([Pair(a, b, True) for a, b in zip(A, B, strict=True)]),
    "uint8": lambda: loader(to_uint8(A), to_uint8(B)),
    "one of each domain": lambda: CombinedLoader({"a": loader(A), "b": loader(B)}, "max_size"),
    "with labels": lambda: CombinedLoader([loader(A, torch.zeros(4)), loader(B, torch.ones(4))], "max_size"),
}


@pytest.mark.parametrize("made", PAIR_LOADERS)
def test_plain_pairs_train(made: str, tmp_path: Path) -> None:
    each = PAIR_LOADERS[made]
    a, b = (to_float(to_uint8(images)) if made == "uint8" else images for images in (A, B))
    expected = trained(tiny_cyclegan(), tmp_path, loader(a, b), loader(a, b))
    found = trained(tiny_cyclegan(), tmp_path, each(), each())
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_plain_pairs_are_scored_and_translated(tmp_path: Path) -> None:
    model = tiny_pix2pix()
    trained(model, tmp_path, loader(A, B), loader(A, B), callbacks=[Evaluation(neighbors=0)])
    assert "val/l1" in model.trainer.callback_metrics
    translated: Any = model.trainer.predict(model, loader(A, B))
    assert [images["b"].shape for images in translated] == [(2, 3, SIZE, SIZE)] * 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: loader(A), "is a list of 1 entries; expected the images of both domains"),
        (lambda: loader(A, B, A), "is a list of 3 entries; expected the images of both domains"),
        (lambda: loader(A[:, 0], B[:, 0]), r"images a of shape \(2, 16, 16\)"),
        (lambda: items_loader([{"a": "x", "b": "y"}] * 2), "has a str for domain a"),
        (lambda: items_loader([{"image": a} for a in A]), "is a dict of 1 entries"),
        (lambda: loader(A.int(), B), r"type torch.int32; expected float in \[-1, 1\], or torch.uint8"),
        (lambda: loader(A[..., :8], B), r"images a of shape \(2, 3, 16, 8\), but the model is for \(N, 3, 16, 16\)"),
        (lambda: loader(A, B[:, :1]), r"images b of shape \(2, 1, 16, 16\), but the model is for \(N, 3, 16, 16\)"),
    ],
)
def test_batches_that_are_no_pairs_are_refused(given: Callable[[], Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        trained(tiny_cyclegan(), tmp_path, given(), loader(A, B))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ((IMAGES,), "images alone, but the model needs labels"),
        ((IMAGES, torch.arange(7, 11)), "labels from 7 to 10; expected integers from 0 to 9"),
        ((IMAGES, torch.zeros(4)), "labels of type torch.float32; expected integers from 0 to 9"),
        ((IMAGES[..., :20], torch.zeros(4, dtype=torch.int64)), r"images of shape \(4, 1, 28, 20\), but the model is"),
    ],
)
def test_labels_and_images_for_other_networks_are_refused(
    tensors: tuple[Tensor, ...], message: str, tmp_path: Path
) -> None:
    data: DataLoader[Any] = DataLoader(TensorDataset(*tensors), batch_size=4)
    with pytest.raises(InputError, match=message):
        trained(tiny_cgan(), tmp_path, data, data)


def test_labels_of_32_bits_are_labels(tmp_path: Path) -> None:
    data = loader(IMAGES, torch.arange(4, dtype=torch.int32))
    trained(tiny_cgan(), tmp_path, data, data)


@pytest.mark.parametrize(("images", "span"), [((IMAGES + 1) / 2, "from 0 to 1"), (IMAGES * 3, "from -3 to 3")])
def test_images_in_another_range_are_warned_of_once(images: Tensor, span: str, tmp_path: Path) -> None:
    images[0, 0, 0, :2] = torch.tensor([images.min().round(), images.max().round()])
    with pytest.warns(UserWarning, match=f"images with values {span}, but the models generate images in") as warned:
        trained(tiny_dcgan(), tmp_path, loader(images), loader(images), max_epochs=2)
    assert len([each for each in warned if "but the models generate" in str(each.message)]) == 1


# Loaders of our data modules.


class Augmented(SyntheticFacadesDataModule):
    """Images that are cropped and flipped in training."""

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage == "fit" and self.load_size == self.size:
            self.load_size, self.flip = (SIZE + 3, SIZE + 3), True
            train = self.splits["train"]
            a, b = (pad(images[list(range(len(images)))], (1, 2, 2, 1)) for images in (train.a, train.b))
            self.splits["train"] = TwoDomains(a, b, train.aligned)


def augmented(paired: bool = True) -> Augmented:
    return Augmented(SIZE, paired, train_size=6, val_size=5, test_size=5, batch_size=2, eval_batch_size=2)


Model = Callable[[], Adversarial]
Data = Callable[[], IndexedDataModule[Any]]


def prepared(data: Data) -> IndexedDataModule[Any]:
    module = data()
    module.setup("fit")
    module.setup("test")
    return module


@pytest.mark.parametrize(
    ("model", "data", "settings"),
    [
        (tiny_cgan, TinyData, {}),
        (tiny_pix2pix, augmented, {"limit_train_batches": 2}),
        (tiny_cyclegan, lambda: augmented(paired=False), {}),
        (tiny_pix2pix, augmented, {"overfit_batches": 2}),
    ],
)
def test_the_loaders_of_a_data_module_train_as_it_does(
    model: Model, data: Data, settings: dict[str, Any], tmp_path: Path
) -> None:
    def fitted(alone: bool) -> dict[str, Tensor]:
        L.seed_everything(3, verbose=False)
        network, module = model(), prepared(data)
        loaders = (module.train_dataloader(), module.val_dataloader()) if alone else (module, None)
        return trained(network, tmp_path, *loaders, max_epochs=2, **settings)

    with_module, with_loaders = fitted(alone=False), fitted(alone=True)
    assert all(torch.equal(with_module[name], with_loaders[name]) for name in with_module)


@pytest.mark.parametrize(("model", "data"), [(tiny_cgan, TinyData), (tiny_pix2pix, augmented)])
def test_the_loaders_of_a_data_module_evaluate_as_it_does(model: Model, data: Data, tmp_path: Path) -> None:
    L.seed_everything(3, verbose=False)
    network, module = model(), prepared(data)
    trainer = tiny_trainer(tmp_path, callbacks=[Evaluation(MeanColors(), neighbors=0)])
    (alone,) = trainer.validate(network, module.val_dataloader(), verbose=False)
    images = trainer.predict(network, module.predict_dataloader())
    (scores,) = trainer.validate(network, datamodule=module, verbose=False)
    assert alone == pytest.approx({name: scores[name] for name in alone}, nan_ok=True)  # others need the data module
    expected = trainer.predict(network, datamodule=module)
    torch.testing.assert_close(images, expected, rtol=0, atol=0)


def test_a_run_on_a_loader_is_resumed_within_its_epoch(tmp_path: Path) -> None:
    def run(steps: int, ckpt_path: Path | None = None) -> dict[str, Tensor]:
        torch.manual_seed(7 if ckpt_path is None else 8)  # without seed_everything the checkpoint has the seed
        data, model = prepared(augmented), tiny_pix2pix()
        trainer = tiny_trainer(tmp_path, max_steps=steps, limit_train_batches=2, callbacks=[LastCheckpoint()])
        trainer.fit(model, data.train_dataloader(), data.val_dataloader(), ckpt_path=ckpt_path)
        return weights(model)

    whole = run(5)
    run(1)
    resumed = run(5, tmp_path / "checkpoints" / "last.ckpt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_samplers_find_the_processes_that_are_joined_later(monkeypatch: pytest.MonkeyPatch) -> None:
    made = TrainingBatches(26, 2, seed=0), EvaluationBatches(26, 2)
    monkeypatch.setattr(samplers, "rank", lambda: 1)
    monkeypatch.setattr(samplers, "world_size", lambda: 3)
    expected = TrainingBatches(26, 2, seed=0, rank=1, world_size=3), EvaluationBatches(26, 2, rank=1, world_size=3)
    assert [list(batches) for batches in made] == [list(batches) for batches in expected]


def test_a_loader_of_data_that_is_not_prepared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not prepared the split 'train'; call prepare_data\(\) and setup\('fit'\)"):
        TinyData().train_dataloader()
    with pytest.raises(ValueError, match=r"has not prepared the split 'test'.*setup\('test'\) or setup\('predict'\)"):
        tiny_facades().test_dataloader()
