"""A close look at one trained model: copies, paths, classes, what D says and what D has learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from datamodules.in_memory import InMemoryDataModule
from lightning_gans.analysis.analyses import (
    COLUMNS,
    Probed,
    class_grid,
    interpolation,
    judgement,
    latents_needed,
    neighbours,
    probed,
)
from lightning_gans.analysis.figures import beside, histograms
from lightning_gans.analysis.model import Subject
from lightning_gans.callbacks.evaluation import Evaluation
from lightning_gans.callbacks.results_file import without_nan
from lightning_gans.callbacks.samples import log_picture, refuse_undrawable
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.image_grids import grid
from lightning_gans.families.latent import LatentGAN
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.pixels import PixelFeatures
from lightning_gans.runs.folder import run_folder, writes
from lightning_gans.runs.score_file import append_scores
from lightning_gans.runs.stamp import Stamp


class Inspection(Callback):
    """Looks closely at one trained model after a test, and writes ``inspection`` in the run's folder.

    ``lightning-gans test --config RUN/config.yaml --ckpt_path best --inspection.count 16``. For models that make images
    from noise; in ``test`` only, on rank 0. The same call writes the same files. They replace those of an earlier one,
    since all of it can be made again.

    - ``neighbours.png``: samples, each beside its nearest training images, in the features of the evaluation's
      extractor, or in pixels if it has none. How near they are, compared with test images, is under ``memorisation``:
      see :func:`lightning_gans.analysis.nearest.memorisation`.
    - ``interpolation.png``: what lies between two samples, spherically for normal noise (White, 2016), on straight
      lines for other noise; a row has one label.
    - ``classes.png``: for conditional models, a class in each column, the same noise in each row.
    - ``scores.png``: what D says of training images, generated ones and held-out ones, without augmentation; numbers
      are under ``discriminator``: see :func:`lightning_gans.analysis.logits.compare_logits`. D's batch normalisation,
      if it has any, uses running statistics, of real and generated batches mixed. In training it saw each batch by its
      own, so that such a D says something else here than it said then.
    - ``probe``: DCGAN's own experiment (Radford et al., 2016, section 5.1), a linear SVM on D's hidden layers, D
      frozen, trained on labelled training images and scored on test images; ``pixels_accuracy`` is that of the same SVM
      on pixels. They go to ``scores.jsonl`` too, as ``test/probe/accuracy`` and ``test/probe/pixels``. Not for
      conditional models, whose D is given the class.
    - ``inspection.json``: all numbers, and the reason where there are none.

    Args:
        count: rows of the pictures; 0 inspects nothing.
        probe_images: training images whose labels the probe is given; 0 leaves it out. D's features of all of them are
            in memory at one time: about 28 bytes for each, of which a network with many maps has 50,000 an image.

    Raises:
        InputError: if a number is negative.
    """

    def __init__(self, count: int = 0, probe_images: int = 10_000) -> None:
        at_least("inspection.count", count, 0)
        at_least("inspection.probe_images", probe_images, 0)
        self.count = count
        self.probe_images = probe_images
        self.written: Path | None = None
        """Where the files of this test are, once they are written."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what cannot be inspected, before anything is measured, and load the training images.

        Raises:
            InputError: if the model does not make images from noise, or the data's images are not in memory or no
                pictures.
        """
        if not self.count or stage != "test":
            return
        if not isinstance(pl_module, LatentGAN):
            raise InputError(
                f"inspection.count is {self.count}, but {type(pl_module).__name__} makes no images from noise; "
                "expected 0, or a model that does"
            )
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, InMemoryDataModule):
            raise InputError(
                f"inspection.count is {self.count}, but the data is {type(data).__name__}, which holds no images in "
                "memory; expected 0, or data such as those of ImageFolderDataModule"
            )
        refuse_undrawable(trainer, "inspection.count 0")
        if trainer.is_global_zero and writes(trainer):
            data.setup("fit")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Inspect on rank 0, while the others wait, and log the probe's accuracy."""
        if not self.count or not writes(trainer):
            return
        assert isinstance(pl_module, LatentGAN)
        # On all ranks: where no seed was given, they agree on one.
        latent, seed = self._latent(trainer, pl_module), pl_module.run_seed
        accuracy = self._inspect(trainer, pl_module, latent, seed) if trainer.is_global_zero else None
        accuracy = trainer.strategy.broadcast(accuracy)
        if accuracy is not None:
            # The same on all ranks already; Lightning warns of what is not reduced.
            pl_module.log("test/probe/accuracy", accuracy, sync_dist=True)

    def _latent(self, trainer: Trainer, model: LatentGAN) -> Tensor:
        wanted = latents_needed(self.count, len(data_of(trainer).splits["test"]))
        with trainer.precision_plugin.forward_context():
            return model.latent(wanted, "inspection")

    def _inspect(self, trainer: Trainer, model: LatentGAN, latent: Tensor, seed: int) -> float | None:
        """Write all files; the probe's accuracy if there is one."""
        data = data_of(trainer)
        subject = Subject(
            model=model,
            extractor=extractor_of(trainer, data).to(model.device),
            train=data.splits["train"],
            test=data.splits["test"],
            num_classes=data.num_classes,
            latent=latent,
            precision=trainer.precision_plugin.forward_context,
        )
        samples, theirs, memorised = neighbours(subject, self.count)
        logits, judged = judgement(subject)
        pictures = {
            "neighbours": beside(grid(samples, 1), grid(theirs, len(theirs) // len(samples))),
            "interpolation": grid(interpolation(subject, self.count), COLUMNS),
            "scores": histograms(logits, "D's output, high for real"),
        }
        if model.conditional:
            pictures["classes"] = grid(*class_grid(subject, self.count))
        found = probed(subject, self.probe_images)
        epoch, step = model.progress
        about = {"step": step, "epoch": epoch, "weights": model.weights_kind, "seed": seed}
        parts = {"memorisation": memorised, "discriminator": judged, "probe": found._asdict()}
        self._write(trainer, pictures, {**about, **parts}, step)
        self._note(trainer, model, found, seed)
        return found.accuracy

    def _write(self, trainer: Trainer, pictures: dict[str, Image.Image], numbers: dict[str, Any], step: int) -> None:
        folder = run_folder(trainer) / "inspection"
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures.items():
            picture.save(folder / f"{name}.png")
            for logger in trainer.loggers:
                log_picture(logger, f"inspection/{name}", picture, step)
        (folder / "inspection.json").write_text(json.dumps(without_nan(numbers), indent=2) + "\n")
        self.written = folder

    def _note(self, trainer: Trainer, model: LatentGAN, found: Probed, seed: int) -> None:
        """Add the probe to the run's scores, if there is one."""
        if found.accuracy is None:
            return
        stamp = Stamp(
            extractor=f"discriminator-layers,maxpool-4x4,linear-svm,{found.train_images}-labels",
            real=found.test_images,
            fake=0,
            split=data_of(trainer).split_label("test"),
            weights="raw",
            batch_norm=model.batch_norm,
            dropout=model.dropout,
            pixels="uint8-rounded",
            neighbours=0,
            seed=seed,
        )
        epoch, step = model.progress
        scores = {"test/probe/accuracy": found.accuracy, "test/probe/pixels": found.pixels_accuracy}
        append_scores(trainer, {"step": step, "epoch": epoch, "scores": scores, "stamp": stamp.as_dict()})


def data_of(trainer: Trainer) -> InMemoryDataModule:
    """The data, which were checked before the test."""
    data = trainer.datamodule  # type: ignore[attr-defined]  # set by Lightning's data connector
    assert isinstance(data, InMemoryDataModule)
    return data


def extractor_of(trainer: Trainer, data: InMemoryDataModule) -> FeatureExtractor:
    """The evaluation's extractor, or the pixels if it has none."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by its callback connector
    found = [callback.extractor for callback in callbacks if isinstance(callback, Evaluation)]
    extractor = next((each for each in found if each is not None), None)
    return PixelFeatures(data.channels * data.size**2) if extractor is None else extractor
