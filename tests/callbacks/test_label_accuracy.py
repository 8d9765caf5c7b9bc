"""Label accuracy in a test where the extractor is no classifier: the score, its stamp, and what is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.callbacks import BestCheckpoint, Evaluation
from lightning_gans.cli.commands.common import run_command
from lightning_gans.cli.train import build
from lightning_gans.core.data import Contents, ImageData
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float
from lightning_gans.core.randomness import derive_generator
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.networks import Generator, MLPDiscriminator
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import ScoreRow
from lightning_gans.variants import DCGAN
from tests.support.command_line import QUIET
from tests.support.forked import on_two_processes
from tests.support.mean_colors import MEAN_COLORS, MeanColors
from tests.support.tiny import TinyData, tiny_trainer

CLASSES = torch.tensor([[200, 40, 40], [40, 40, 200], [40, 40, 40]])
"""The color of each class."""


def paint(labels: Tensor, size: int = 8) -> Tensor:
    """Images (N, 3, size, size), uint8, of the colors of their classes, with noise."""
    noise = torch.randint(0, 40, (len(labels), 3, size, size), generator=derive_generator("cpu", "paint"))
    return (CLASSES[labels][:, :, None, None] + noise).to(torch.uint8)


class Colors(TinyData):
    """Images of three colors, sorted by class."""

    channels = 3
    num_classes = 3
    contents: Contents = "pictures"

    def __init__(self, length: int = 60) -> None:
        super().__init__(length)
        self.size, self.val_size = (8, 8), 2

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        labels = torch.arange(self.length) * 3 // self.length
        return paint(labels), labels


class Painter(Generator):
    """Paints the class that is ``shift`` after the one that is asked for; without labels, always the first."""

    def __init__(self, shift: int = 0, conditional: bool = True, num_classes: int = 3) -> None:
        super().__init__(3, 8, 2, num_classes, conditional=conditional)
        self.shift, self.weight = shift, torch.nn.Parameter(torch.zeros(()))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        wanted = torch.zeros(len(latent), dtype=torch.long) if labels is None or not self.num_classes else labels
        return to_float(paint((wanted + self.shift) % 3)) + self.weight


class Counting(MeanColors):
    """Counts the images that it sees."""

    images = 0

    def forward(self, images: Tensor) -> Tensor:
        self.images += len(images)
        return super().forward(images)


def painter(shift: int = 0, conditional: bool = True) -> DCGAN:
    discriminator = MLPDiscriminator(3, 8, widths=[2], num_classes=3, conditional=conditional)
    return DCGAN(generator=Painter(shift, conditional), discriminator=discriminator)


def measure(
    folder: Path, model: DCGAN | None = None, data: LightningDataModule | None = None, **settings: Any
) -> tuple[Evaluation, list[ScoreRow]]:
    """The rows of scores of a test."""
    settings = {"extractor": Counting(), "kid": False, "neighbors": 0, "cache": folder / "cache", **settings}
    evaluation = Evaluation(**{"memorization": 0, **settings})
    trainer = tiny_trainer(folder, callbacks=[evaluation])
    trainer.test(model or painter(), data or Colors(), verbose=False)
    return evaluation, evaluation.last_rows


def test_the_score_is_the_share_of_images_of_the_class_that_was_asked_for(tmp_path: Path) -> None:
    for shift, expected in ((0, 1), (1, 0)):
        _, rows = measure(tmp_path, painter(shift))
        assert [row.domain for row in rows] == ["", "head"]
        assert rows[1].scores == {"test/head/label_accuracy": expected}
        assert {"test/fid", "test/class_fid", "test/class_fid_2"} <= rows[0].scores.keys()
        assert "test/label_accuracy" not in rows[0].scores
    assert RunFolder(tmp_path).read_scores()[-2:] == rows


def test_the_stamp_has_the_number_of_training_images_and_the_accuracy_on_the_real_images(tmp_path: Path) -> None:
    class Mislabelled(Colors):
        """A quarter of the test images have another label."""

        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return images, labels if train else torch.where(
                torch.arange(len(labels)) % 4 == 0, (labels + 1) % 3, labels
            )

    for data, images, expected in (
        (Colors(), 10_000, "mean-colors+linear-head-58-1.00"),
        (Colors(), 30, "mean-colors+linear-head-30-1.00"),
        (Mislabelled(), 30, "mean-colors+linear-head-30-0.75"),
    ):
        _, (others, row) = measure(tmp_path, data=data, head_images=images)
        assert row.stamp.extractor == expected
        assert others.stamp.extractor == "mean-colors"
        assert (row.stamp.real, row.stamp.fake, row.stamp.neighbors, row.stamp.split) == (60, 60, 0, "test")


def test_the_classifier_is_fitted_once_and_scores_are_equal_to_the_bit(tmp_path: Path) -> None:
    counts, rows = [], []
    for _ in range(2):
        evaluation, measured = measure(tmp_path)
        assert isinstance(evaluation.extractor, Counting)
        counts.append(evaluation.extractor.images)
        rows.append(measured)
    assert counts == [58 + 60 + 60, 60]
    assert rows[0] == rows[1]
    (file,) = (tmp_path / "cache").glob("*-head-58-mean-colors-cpu.safetensors")
    assert {name: value.shape for name, value in load_file(file).items()} == {"weight": (3, 4), "bias": (3,)}


def test_a_kept_classifier_of_another_shape_is_fitted_again(tmp_path: Path) -> None:
    measure(tmp_path)
    (file,) = (tmp_path / "cache").glob("*-head-58-*")
    kept = load_file(file)
    save_file({"weight": kept["weight"][:2], "bias": kept["bias"]}, file)
    _, rows = measure(tmp_path)
    assert rows[1].scores == {"test/head/label_accuracy": 1}
    assert all(torch.equal(value, kept[name]) for name, value in load_file(file).items())


def test_a_classifier_is_not_taken_for_other_training_labels(tmp_path: Path) -> None:
    class Renamed(Colors):
        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return images, (labels + 1) % 3

    measure(tmp_path)
    _, rows = measure(tmp_path, data=Renamed())
    assert rows[1].scores == {"test/head/label_accuracy": 0}
    assert rows[1].stamp.extractor.endswith("-1.00")


class Classifier(MeanColors):
    """A classifier of its own."""

    num_classes = 3

    def logits(self, features: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(torch.zeros(len(features), dtype=torch.long), 3).float()


def without_head(rows: list[ScoreRow]) -> bool:
    return [row.domain for row in rows] == [""]


@pytest.mark.parametrize(
    ("model", "settings", "label_accuracy"),
    [
        (lambda: painter(conditional=False), {}, None),
        (painter, {"head_images": 0}, None),
        (painter, {"extractor": Classifier()}, 1 / 3),
    ],
)
def test_other_tests_fit_nothing(
    model: Callable[[], DCGAN], settings: dict[str, Any], label_accuracy: float | None, tmp_path: Path
) -> None:
    data = Colors()
    _, rows = measure(tmp_path, model(), data, **settings)
    assert without_head(rows)
    assert rows[0].scores.get("test/label_accuracy") == label_accuracy
    assert "train" not in data.splits


def test_validation_fits_nothing_and_its_best_checkpoint_cannot_be_chosen_by_the_score(tmp_path: Path) -> None:
    evaluation = Evaluation(extractor=MeanColors(), kid=False, neighbors=0)
    trainer = tiny_trainer(tmp_path, callbacks=[evaluation])
    trainer.validate(painter(), Colors(), verbose=False)
    assert without_head(evaluation.last_rows)
    for monitor in ("val/label_accuracy", "val/head/label_accuracy"):
        best = BestCheckpoint(monitor=monitor)
        trainer = tiny_trainer(tmp_path, callbacks=[evaluation, best], max_epochs=0)
        with pytest.raises(ValueError, match=f"monitor is {monitor}, which validation will not measure; expected one"):
            trainer.fit(painter(), Colors())


def test_training_images_of_one_class_give_no_score(tmp_path: Path) -> None:
    class One(Colors):
        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return images, torch.zeros_like(labels) if train else labels

    assert without_head(measure(tmp_path, data=One())[1])


def test_data_without_labels_have_no_score(tmp_path: Path) -> None:
    class Unlabelled(Colors):
        num_classes = 0

    data = Unlabelled()
    assert without_head(measure(tmp_path, painter(conditional=False), data)[1])
    with pytest.raises(InputError, match=r"data\.num_classes is 0 but model\.generator\.num_classes is 3"):
        measure(tmp_path, painter(), data)


def test_data_that_are_not_in_memory_have_no_score_and_a_note_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Own(LightningDataModule, ImageData):
        channels, size, num_classes, eval_batch_size = 3, (8, 8), 3, 30

        def test_dataloader(self) -> DataLoader[Any]:
            labels = torch.arange(60) % 3
            return DataLoader(TensorDataset(to_float(paint(labels)), labels), batch_size=30)

    with caplog.at_level("INFO"):
        _, rows = measure(tmp_path, data=Own())
    assert without_head(rows)
    assert "class_fid" in rows[0].short_scores
    assert "no label_accuracy; Own does not hold its images in memory" in caplog.text


def test_what_a_test_has_loaded_can_be_trained_on(tmp_path: Path) -> None:
    data, model = Colors(), painter()
    measure(tmp_path, model, data)
    assert not data.splits["train"].images.is_inference()
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, data)


def test_two_processes_have_the_score_of_one(tmp_path: Path) -> None:
    class Noisy(Painter):
        """Paints another class in some images."""

        def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
            assert labels is not None
            return super().forward(latent, (labels + (latent[:, 0] > 1).long()) % 3)

    def scores(devices: int) -> tuple[dict[str, float], str]:
        evaluation = Evaluation(extractor=MeanColors(), kid=False, neighbors=0, cache=tmp_path / f"cache{devices}")
        options: dict[str, Any] = {"strategy": AlternatingDDP(process_group_backend="gloo")} if devices > 1 else {}
        trainer = tiny_trainer(tmp_path / str(devices), devices=devices, callbacks=[evaluation], **options)
        discriminator = MLPDiscriminator(3, 8, widths=[2], num_classes=3, conditional=True)
        trainer.test(DCGAN(generator=Noisy(), discriminator=discriminator), Colors(), verbose=False)
        logged = trainer.callback_metrics["test/head/label_accuracy"].item()
        row = evaluation.last_rows[1]
        assert row.scores["test/head/label_accuracy"] == pytest.approx(logged, rel=1e-6)
        return dict(row.scores), row.stamp.extractor

    one = scores(1)
    assert 0 < one[0]["test/head/label_accuracy"] < 1
    assert on_two_processes(lambda: scores(2), tmp_path / "ranks") == [one, one]


def save_folder(folder: Path, count: int) -> Path:
    """Image files of all classes in class folders."""
    labels = torch.arange(count) % 3
    for index, (image, label) in enumerate(zip(paint(labels), labels.tolist(), strict=True)):
        path = folder / "abc"[label] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    return folder


def test_the_command_prints_the_score_with_its_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train, test = save_folder(tmp_path / "train", 45), save_folder(tmp_path / "test", 30)
    data = ["--data", "ImageFolderDataModule", "--data.root", str(train), "--data.test_root", str(test)]
    model = ["--model", "CGAN", "--model.generator", f"{__name__}.Painter"]
    model += ["--model.discriminator.widths", "[2]"]
    few = ["--evaluation.kid", "false", "--evaluation.neighbors", "0", "--evaluation.head_images", "20"]
    few += ["--evaluation.memorization", "0"]
    build(["test", *model, *data, "--data.size", "8", *MEAN_COLORS, *few, *QUIET, "--ckpt_path", "none"])
    printed = capsys.readouterr().out
    assert re.search(r"^label_accuracy +1  higher$", printed, re.MULTILINE)
    assert re.search(r"^head: \[mean-colors\+linear-head-20-1\.00 \| 30 real, 30 generated \|", printed, re.MULTILINE)
    run_command("table", ["runs"])
    assert "head/label_accuracy" in capsys.readouterr().out
