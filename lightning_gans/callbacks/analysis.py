"""Analyses one trained model after a test: memorization, interpolations, classes, logits and a linear probe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from lightning_gans.analysis.analyses import (
    DIRECTION_STEPS,
    INTERPOLATION_STEPS,
    ProbeResult,
    class_grid,
    discriminator_scores,
    histograms,
    interpolations,
    latents_needed,
    linear_probe,
    mixed_styles,
    move_along_directions,
    nearest_training_images,
)
from lightning_gans.analysis.codes import code_grids
from lightning_gans.analysis.model import RANDOM_STREAM, AnalyzedModel
from lightning_gans.callbacks.evaluation import Evaluation
from lightning_gans.callbacks.outputs import check_drawable
from lightning_gans.callbacks.run_folder import without_nan
from lightning_gans.core.batches import Labelled
from lightning_gans.core.data import InMemoryData, class_titles, data_module
from lightning_gans.core.drawing import grid
from lightning_gans.core.errors import at_least
from lightning_gans.core.images import in_8_bits
from lightning_gans.core.precision import describe_precision, device_name, metrics_device
from lightning_gans.families.latent import LatentGAN
from lightning_gans.metrics.features import FeatureExtractor, PixelFeatures
from lightning_gans.runs.folder import RunFolder, writes_files
from lightning_gans.runs.loggers import image_caption, log_image
from lightning_gans.runs.scores import ScoreRow, Stamp


class Analysis(Callback):
    """Analyses one trained model after a test, and writes the folder ``analysis`` of the run.

    ``lightning-gans test --config RUN/config.yaml --analysis.rows 16``. Only for models that generate
    images from noise, only in ``test``, on rank 0. A second call writes the same files and replaces those of the first.

    - ``neighbors.png``: samples, each beside its nearest training images, by the features of the evaluation's
      extractor, or by pixels if it has none. ``memorization`` compares their distances with those of test images: see
      :func:`lightning_gans.analysis.analyses.memorization`.
    - ``interpolation.png``: interpolations between two samples, spherical for normal noise (White, 2016), linear for
      other noise; each row has one label.
    - ``directions.png``: the first sample moved along the directions in which images change most, found without labels
      (Shen and Zhou, 2021; :mod:`lightning_gans.analysis.directions`), a row for each; ``directions`` holds the share
      of the eigenvalues of each.
    - ``mixing.png``: for generators with a mapping network, samples at the left whose coarse layers, a third of all,
      are given the styles of those above (Karras et al., 2019, figure 3).
    - ``code-1.png`` etc.: for latent vectors with codes, the values of one code in the columns, one latent vector per
      row.
    - ``classes.png``: for conditional models, one class per column, one latent vector per row.
    - ``scores.png``: histograms of the discriminator's logits of training, generated and held-out images, without
      augmentation; ``discriminator`` holds the numbers: see :func:`.compare_logits`.
      Batch normalization in the discriminator uses its running statistics here, which mix real and generated batches.
      In training each batch was normalized by its own statistics, so the logits of such a discriminator differ.
      With ``packing``, logits are those of packs of images.
    - ``probe``: DCGAN's experiment (Radford et al., 2016, section 5.1), a linear SVM on the frozen discriminator's
      hidden layers, trained on labeled training images and scored on test images; ``pixels_accuracy`` is that of the
      same SVM on pixels. Both are added to ``scores.jsonl`` as ``test/probe/accuracy`` and ``test/probe/pixels``.
      Skipped for conditional models, whose discriminator is given the class, and for those with ``packing``.
    - ``analysis.json``: all numbers, and the reason where numbers are missing.

    Args:
        rows: rows of the pictures; 0 disables the analysis.
        probe_images: largest number of labeled training images for the linear probe; 0 skips it. The features of all
            of them are in memory: about 28 bytes per feature, up to 50,000 features per image for wide networks.

    Raises:
        ValueError: if a number is negative.
    """

    def __init__(self, rows: int = 0, probe_images: int = 10_000) -> None:
        at_least("rows", rows, 0)
        at_least("probe_images", probe_images, 0)
        self.rows = rows
        self.probe_images = probe_images
        self.written: Path | None = None
        """The folder of this test's files, once they are written."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check model and data before the test, and load the training images.

        Raises:
            ValueError: if the model does not generate images from noise, or the data's images are not in memory or are
                points in the plane.
        """
        if not self.rows or stage != "test":
            return
        if not isinstance(pl_module, LatentGAN):
            raise ValueError(
                f"rows is {self.rows}, but {type(pl_module).__name__} does not generate images from noise; "
                "expected 0, or a model such as DCGAN"
            )
        data = data_module(trainer)
        if not isinstance(data, InMemoryData):
            raise ValueError(
                f"rows is {self.rows}, but {type(data).__name__} does not hold its images in memory; "
                "expected 0, or data such as those of ImageFolderDataModule"
            )
        check_drawable(trainer, "rows", self.rows)
        if trainer.is_global_zero and writes_files(trainer):
            data.setup("fit")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Analyze on rank 0, while the others wait, and log the accuracy of the linear probe."""
        if not self.rows or not writes_files(trainer):
            return
        assert isinstance(pl_module, LatentGAN)
        # On all ranks: if no seed was given, they agree on one here.
        latent, seed = self._latent(trainer, pl_module), pl_module.run_seed
        accuracy = self._analyze(trainer, pl_module, latent, seed) if trainer.is_global_zero else None
        accuracy = trainer.strategy.broadcast(accuracy)
        if accuracy is not None:
            # Equal on all ranks; without sync_dist, Lightning warns.
            pl_module.log("test/probe/accuracy", accuracy, sync_dist=True)

    def _latent(self, trainer: Trainer, model: LatentGAN) -> Tensor:
        wanted = latents_needed(self.rows, len(data_of(trainer).split_tensors("test").labels))
        with trainer.precision_plugin.forward_context():
            return model.latent(wanted, RANDOM_STREAM)

    def _analyze(self, trainer: Trainer, model: LatentGAN, latent: Tensor, seed: int) -> float | None:
        """Write all files, and return the accuracy of the linear probe; None if it was skipped."""
        data = data_of(trainer)
        train, test = in_8_bits_each(data.split_tensors("train"), data.split_tensors("test"))
        analyzed = AnalyzedModel(
            model=model,
            extractor=extractor_of(trainer, data).to(metrics_device(model.device)),
            train=train,
            test=test,
            num_classes=data.num_classes,
            latent=latent,
            precision=trainer.precision_plugin.forward_context,
        )
        samples, nearest, memorized = nearest_training_images(analyzed, self.rows)
        logits, compared = discriminator_scores(analyzed)
        pictures = {
            "neighbors": draw_neighbors(samples, nearest),
            "interpolation": grid(interpolations(analyzed, self.rows), INTERPOLATION_STEPS, scale=None),
            "scores": histograms(logits, "discriminator logit, high for real"),
        }
        moved, shares = move_along_directions(analyzed, self.rows)
        if moved is not None:
            titles = [f"{step:+g}" if step else "sample" for step in DIRECTION_STEPS]
            pictures["directions"] = grid(moved, len(titles), None, titles)
        if (mixed := mixed_styles(analyzed, self.rows)) is not None:
            pictures["mixing"] = grid(*mixed, scale=None)
        if model.conditional:
            images, labels = class_grid(analyzed, self.rows)
            names = class_titles(data.class_names(), data.num_classes)
            pictures["classes"] = grid(images, len(labels), None, [names[label] for label in labels])
        for number, (images, values) in enumerate(code_grids(analyzed, self.rows), start=1):
            pictures[f"code-{number}"] = grid(images, len(values), None, values)
        probe = linear_probe(analyzed, self.probe_images)
        epoch, step = model.progress
        facts = {"step": step, "epoch": epoch, "weights": model.weights_kind, "seed": seed}
        parts = {"memorization": memorized, "discriminator": compared, "directions": shares, "probe": probe._asdict()}
        caption = image_caption(step, epoch, model.weights_kind)
        self._write(trainer, pictures, {**facts, **parts}, step, caption)
        self._append_scores(trainer, model, probe, seed)
        return probe.accuracy

    def _write(
        self, trainer: Trainer, pictures: dict[str, Image.Image], numbers: dict[str, Any], step: int, caption: str
    ) -> None:
        run = RunFolder.of(trainer)
        run.analysis.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures.items():
            picture.save(run.analysis / f"{name}.png")
            for logger in trainer.loggers:
                log_image(logger, f"analysis/{name}", picture, step, caption)
        run.analysis_numbers.write_text(json.dumps(without_nan(numbers), indent=2) + "\n")
        self.written = run.analysis

    def _append_scores(self, trainer: Trainer, model: LatentGAN, probe: ProbeResult, seed: int) -> None:
        """Add the accuracy of the linear probe to the run's scores, unless it was skipped."""
        if probe.accuracy is None or probe.pixels_accuracy is None:
            return
        stamp = Stamp(
            extractor=f"discriminator-layers,maxpool-4x4,linear-svm,{probe.train_images}-labels",
            real=probe.test_images,
            fake=0,
            split=data_of(trainer).split_label("test"),
            weights="raw",
            batch_norm=model.batch_norm,
            dropout=model.dropout,
            pixels="uint8-rounded",
            neighbors=0,
            device=device_name(model.device),
            precision=describe_precision(trainer.precision, model.device),
            seed=seed,
        )
        epoch, step = model.progress
        scores = {"test/probe/accuracy": probe.accuracy, "test/probe/pixels": probe.pixels_accuracy}
        row = ScoreRow(scores, stamp, step, epoch, model.meter.images, round(model.meter.seconds, 3))
        RunFolder.of(trainer).append_scores(row)


def in_8_bits_each(train: Labelled, test: Labelled) -> tuple[Labelled, Labelled]:
    """Training and test images with pixels of 8 bits; if they are the same images, they stay so."""
    rounded = train._replace(images=in_8_bits(train.images))
    if train.images.data_ptr() == test.images.data_ptr():
        return rounded, test._replace(images=rounded.images[: len(test.images)])
    return rounded, test._replace(images=in_8_bits(test.images))


def draw_neighbors(samples: Tensor, nearest: Tensor) -> Image.Image:
    """A grid with a row for each sample, followed by its nearest training images, the nearest first.

    Args:
        samples: (N, C, H, W) uint8.
        nearest: (N * k, C, H, W) uint8, k for each sample.
    """
    count = len(nearest) // len(samples)
    rows = torch.cat([samples[:, None], nearest.view(len(samples), count, *nearest.shape[1:])], dim=1)
    titles = ["sample", "nearest", *(f"{place}." for place in range(2, count + 1))]
    return grid(rows.flatten(0, 1), 1 + count, None, titles, [1, count])


def data_of(trainer: Trainer) -> InMemoryData:
    """The data module, whose type :meth:`Analysis.setup` has checked."""
    data = data_module(trainer)
    assert isinstance(data, InMemoryData)
    return data


def extractor_of(trainer: Trainer, data: InMemoryData) -> FeatureExtractor:
    """The extractor of the evaluation callback, or pixels if it has none."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by its callback connector
    found = [callback.extractor for callback in callbacks if isinstance(callback, Evaluation)]
    extractor = next((each for each in found if each is not None), None)
    return PixelFeatures(data.channels * data.size[0] * data.size[1]) if extractor is None else extractor
