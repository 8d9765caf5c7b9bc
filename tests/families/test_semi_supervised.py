"""Semi-supervised GAN: its logit, losses and labelled images, and the error of its classifier."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.callbacks import BestCheckpoint, Evaluation, LastCheckpoint
from lightning_gans.components.auxiliary import Classification
from lightning_gans.components.generator_penalties import FeatureMatching
from lightning_gans.components.objectives import LeastSquares
from lightning_gans.components.penalties import R1
from lightning_gans.core.batches import Labelled
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float
from lightning_gans.families.labelled import choose_labelled
from lightning_gans.networks import DCGANDiscriminator, MLPDiscriminator, SNGANDiscriminator
from lightning_gans.runs.folder import RunFolder
from lightning_gans.variants import SemiSupervisedGAN
from tests.families.test_auxiliary import BY_PROJECTION, DISCRIMINATORS, LABELS
from tests.support.mean_colors import MeanColors
from tests.support.tiny import TinyData, tiny_trainer
from tests.support.variants import conditional, networks_for, plain


def tiny(**kwargs: Any) -> SemiSupervisedGAN:
    return SemiSupervisedGAN(**{**networks_for(SemiSupervisedGAN), **kwargs})


class Marked(TinyData):
    """Images whose brightness is their class; ``mislabelled`` test images have another label."""

    mislabelled = 0

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        labels = torch.arange(self.length) % 10
        images = (25 * labels).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
        wrong = torch.arange(self.length) < (0 if train else self.mislabelled)
        return images.contiguous(), torch.where(wrong, (labels + 1) % 10, labels)


class ByBrightness(DCGANDiscriminator):
    """Classifies the images of :class:`Marked` without an error."""

    def __init__(self) -> None:
        super().__init__(1, 28, width=2, batch_norm=False, num_classes=10, conditional=True)

    def class_logits(self, maps: Tensor) -> Tensor:
        return -100 * (self.brightness - torch.arange(10)).square() + super().class_logits(maps)

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        self.brightness = ((images.mean(dim=(1, 2, 3)) + 1) * 127.5 / 25).unsqueeze(1)
        return super().feature_maps(images, labels)


@pytest.mark.parametrize("name", BY_PROJECTION)
def test_the_logit_is_that_of_a_softmax_with_a_further_class_of_logit_0(name: str) -> None:
    torch.manual_seed(0)
    network = DISCRIMINATORS[name](**LABELS).eval()
    images = torch.rand(3, 1, 28, 28) * 2 - 1
    each = torch.stack([network(images, torch.full((3,), label)) for label in range(10)], dim=1)
    network.classifies = True
    judgment = network(images, judge=True)
    torch.testing.assert_close(judgment.outputs, each, rtol=1e-4, atol=1e-5)
    probabilities = F.softmax(F.pad(each, (0, 1)), dim=1)
    torch.testing.assert_close(torch.sigmoid(judgment.logits), 1 - probabilities[:, -1], rtol=1e-4, atol=1e-5)
    # Labels are ignored, and the other way to call it is the same.
    torch.testing.assert_close(network(images, torch.tensor([3, 1, 4])), judgment.logits)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_losses_in_closed_form(weight: float, tmp_path: Path) -> None:
    model = tiny(lambda_unsupervised=weight, lambda_adversarial=0.25, penalty=R1(weight=3))
    model.trainer = tiny_trainer(tmp_path, max_steps=1, log_every_n_steps=0)
    real, fake, labelled = (torch.rand(4, 1, 28, 28) * 2 - 1 for _ in range(3))
    classes, unknown = torch.tensor([3, 1, 4, 1]), torch.tensor([9, 9, 9, 9])
    model.labelled_batch = lambda count: Labelled(labelled, classes)  # type: ignore[method-assign]

    def class_logits(images: Tensor) -> Tensor:
        logits: Tensor = model.discriminator(images, judge=True).outputs
        return logits

    leaves = real.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(class_logits(leaves).exp().sum(dim=1).log().sum(), leaves)
    z_real, z_fake = (class_logits(images).exp().sum(dim=1) for images in (real, fake))
    supervised = -F.log_softmax(class_logits(labelled), dim=1)[torch.arange(4), classes].mean()
    unsupervised = -(z_real / (z_real + 1)).log().mean() + (z_fake + 1).log().mean()
    unsupervised = unsupervised + 3 / 2 * gradient.square().sum(dim=(1, 2, 3)).mean()
    found = model.discriminator_loss(real, fake, unknown)
    torch.testing.assert_close(found, supervised + weight * unsupervised)
    # G's loss has log Z / (Z + 1) of its images, and with the default weight it is feature matching alone.
    expected = -0.25 * (z_fake / (z_fake + 1)).log().mean()
    torch.testing.assert_close(model.generator_loss(real, fake, unknown), expected)
    assert tiny().generator_loss(real, fake, unknown) == 0
    assert isinstance(tiny().generator_penalty, FeatureMatching)


def test_labelled_images_are_equally_many_of_each_class_and_depend_on_the_seed_alone() -> None:
    labels = torch.arange(500) % 10
    rows = choose_labelled(labels, 10, 100, seed=1)
    assert torch.equal(rows, choose_labelled(labels, 10, 100, seed=1))
    assert len(set(rows.tolist())) == 100
    assert labels[rows].bincount().tolist() == [10] * 10
    assert not torch.equal(rows, choose_labelled(labels, 10, 100, seed=2))
    assert set(choose_labelled(labels, 10, 50, seed=1).tolist()) < set(rows.tolist())


def test_a_step_draws_labelled_images_only_and_ranks_draw_what_one_process_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = tiny(), TinyData()
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0)
    trainer.fit(model, data)
    assert {"loss/supervised", "accuracy/labelled"} <= set(trainer.logged_metrics)
    rows = model.labelled_indices()
    batch, training = model.labelled_batch(100), data.split_tensors("train")
    same = (batch.images[:, None] == to_float(training.images[rows])).flatten(2).all(dim=2)
    assert torch.equal(same.sum(dim=1), torch.ones(100, dtype=torch.long))
    assert torch.equal(training.labels[rows][same.int().argmax(dim=1)], batch.labels)
    assert same.any(dim=0).all()
    seed, halves = model.run_seed, []
    for rank in range(2):
        step = SimpleNamespace(world_size=2, global_rank=rank, global_step=trainer.global_step)
        monkeypatch.setattr(SemiSupervisedGAN, "trainer", step)
        monkeypatch.setattr(SemiSupervisedGAN, "global_rank", rank)
        monkeypatch.setattr(SemiSupervisedGAN, "global_step", trainer.global_step)
        monkeypatch.setattr(SemiSupervisedGAN, "run_seed", seed)
        halves.append(model.labelled_batch(50))
    monkeypatch.undo()
    assert torch.equal(torch.cat([half.images for half in halves]), batch.images)


def test_the_error_is_measured_in_validation_and_test_with_a_stamp_of_its_own(tmp_path: Path) -> None:
    model, data = tiny(discriminator=ByBrightness()), Marked()
    data.mislabelled = 23
    evaluation = Evaluation(extractor=MeanColors(), kid=False, neighbors=0, memorization=0, cache=tmp_path / "cache")
    best = BestCheckpoint(monitor="val/classifier/error")
    assert best.mode == "min"
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation, best, LastCheckpoint()])
    trainer.fit(model, data)
    assert trainer.callback_metrics["val/classifier/error"] == 0
    assert trainer.callback_metrics["best/classifier/error"] == 0
    assert best.best_model_score == 0
    assert [row.domain for row in evaluation.last_rows] == ["", "classifier"]
    trainer.test(model, data, verbose=False)
    first, row = evaluation.last_rows
    assert "test/fid" in first.scores
    assert row.scores == {"test/classifier/error": 0.5}
    assert (row.stamp.extractor, row.stamp.real, row.stamp.fake, row.stamp.weights) == ("none", 46, 0, "raw")
    assert RunFolder(tmp_path).read_scores()[-2:] == [first, row]
    assert model.classify(torch.empty(0, 1, 28, 28)).shape == (0,)


def test_the_model_of_a_checkpoint_classifies(tmp_path: Path) -> None:
    model = tiny(labelled=20, lambda_unsupervised=0.5)
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[LastCheckpoint()]).fit(model, TinyData())
    loaded = SemiSupervisedGAN.load_from_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    images = torch.rand(9, 1, 28, 28) * 2 - 1
    assert torch.equal(loaded.classify(images), model.classify(images))
    assert (loaded.num_labelled, loaded.lambda_unsupervised) == (20, 0.5)


def test_numbers_of_labelled_images_that_are_not_possible_are_refused(tmp_path: Path) -> None:
    for labelled, message in (
        (15, r"model\.labelled is 15, but the data have 10 classes; expected a multiple of 10"),
        (100, r"model\.labelled is 100, 10 images of each class, but class 0 has 4 .* expected at most 40"),
    ):
        with pytest.raises(InputError, match=message):
            tiny_trainer(tmp_path, max_steps=1).fit(tiny(labelled=labelled), TinyData())


def test_data_without_labels_or_not_in_memory_are_refused(tmp_path: Path) -> None:
    class Unlabelled(TinyData):
        num_classes = 0

    with pytest.raises(InputError, match=r"data\.num_classes is 0 but model\.discriminator\.num_classes is 10"):
        tiny_trainer(tmp_path, max_steps=1).fit(tiny(), Unlabelled())
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 1, 28, 28)), batch_size=4)
    with pytest.raises(InputError, match="the trainer has loaders without a data module, but SemiSupervisedGAN"):
        tiny_trainer(tmp_path, max_steps=1).fit(tiny(), loader, loader)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"labelled": 0}, "labelled is 0; expected at least 1"),
        ({"lambda_unsupervised": -1}, "lambda_unsupervised is -1; expected at least 0"),
        ({"discriminator": plain()["discriminator"]}, "DCGANDiscriminator with conditional false"),
        ({"discriminator": MLPDiscriminator(1, 28, **LABELS)}, "MLPDiscriminator, which does not project labels"),
        ({"discriminator": SNGANDiscriminator(1, 28, width=2)}, "SNGANDiscriminator with conditional false"),
        ({"generator": conditional()["generator"]}, "generator.conditional is true"),
        ({"auxiliary": Classification()}, "auxiliary is Classification"),
        ({"packing": 2}, "packing is 2, but the networks use labels"),
        ({"generator_penalty": None}, "lambda_adversarial is 0, and no generator_penalty"),
        ({"generator_penalty": FeatureMatching(interval=2)}, "expected a generator_penalty with interval 1"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        tiny(**kwargs)


def test_any_objective_and_the_baseline_train(tmp_path: Path) -> None:
    for kwargs in ({"objective": LeastSquares(), "lambda_adversarial": 1.0}, {"lambda_unsupervised": 0.0}):
        model = tiny(**kwargs)
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
        tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(model, TinyData())
        after = model.state_dict()
        moved = {name.partition(".")[0] for name, weight in before.items() if not torch.equal(after[name], weight)}
        assert moved == {"generator", "discriminator"}
