"""Scores in validation and in tests, each with its stamp, and the best score so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from lightning_gans.callbacks.expected_scores import (
    ExpectedScores,
    check_images,
    count_images,
    expect_scores,
    measurable,
    refuse_monitors,
)
from lightning_gans.callbacks.label_accuracy import DOMAIN, HeadAccuracy
from lightning_gans.callbacks.memorization import DOMAIN as COPIES
from lightning_gans.callbacks.memorization import MemorizationCheck
from lightning_gans.callbacks.real_statistics import RealStatistics
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput
from lightning_gans.core.data import Data, ImageData, PairData, data_module
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.files import default_cache, expand_path
from lightning_gans.core.images import to_uint8
from lightning_gans.core.precision import describe_precision, device_name, metrics_device
from lightning_gans.families.adversarial import Adversarial, as_adversarial
from lightning_gans.metrics.cache import RealCache
from lightning_gans.metrics.choice import check_features, choose_features, note_on_bias
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.metric_set import MetricSet
from lightning_gans.metrics.perceptual import TruthDistance
from lightning_gans.runs.folder import RunFolder, writes_files
from lightning_gans.runs.loggers import show_best
from lightning_gans.runs.scores import ScoreRow, Stamp, order_scores, update_best

PROGRESS_BAR_SCORES = ("fid", "ssim", "miou", "error")
"""Scores that the progress bar shows."""

CLASSIFIER = "classifier"
"""What precedes the error of a classifier of the model's own, which has nothing to do with the generated images."""


class Evaluation(Callback):
    """Computes scores of the generated images at every validation and test.

    Logs the scores as ``val/fid`` etc. and their stamp as hyperparameter ``stamp/val``, and appends both to
    ``scores.jsonl`` in the run's folder. Beside each validation score the best one of the run so far is logged, as
    ``best/fid``: W&B and its sweeps take the last value of a metric for the result of a run. Statistics of the real
    images are computed once and cached under a key that contains everything that they depend on, their number among it;
    the sanity check before training caches nothing. The images are those that ``validation_step`` returns, with a
    :class:`.MetricSet` for each domain.

    Args:
        extractor: extractor of the features in which real and generated images are compared. "auto" chooses by what the
            data's images show: :class:`.DigitFeatures` for digits, :class:`.StackedDigitFeatures` for Stacked MNIST,
            :class:`.ModeFeatures` for points, :class:`.EfficientNetFeatures` for all others. null computes only scores
            that compare with ground truths, if the data has them.
        domain: the only domain whose images are scored, of a model that translates in both directions; null scores
            both. The names of scores are then those of a model of one direction, such as ``val/ssim``.
        perceptual: distance of translations to their ground truths in a network's features: :class:`.FeatureDistance`,
            or :class:`.PerceptualDistance` for LPIPS; null computes none.
        kid: whether to compute KID with its confidence interval, which is more reliable than FID below 2,000 images.
        neighbors: k of precision, recall, density and coverage, the number of the nearest neighbor that defines a
            ball's radius; 0 does not compute them.
        head_images: largest number of training images on whose features a test fits a linear classifier, for the
            ``label_accuracy`` of conditional models in features of an extractor that is no classifier; 0 does not
            compute it. See :class:`.HeadAccuracy`.
        memorization: a test of a model of fewer training images than this checks whether generated images are copies of
            them; 0 never checks it. See :class:`.MemorizationCheck`.
        cache: folder of the real images' statistics; by default a folder in the user's cache folder. If
            it cannot be written to, a warning says so, and each run computes them.

    Raises:
        ValueError: if ``neighbors``, ``head_images`` or ``memorization`` is negative.
    """

    def __init__(
        self,
        extractor: FeatureExtractor | Literal["auto"] | None = "auto",
        domain: Literal["a", "b"] | None = None,
        perceptual: TruthDistance | None = None,
        kid: bool = True,
        neighbors: int = 5,
        head_images: int = 10_000,
        memorization: int = 5000,
        cache: Path | None = None,
    ) -> None:
        at_least("neighbors", neighbors, 0)
        at_least("head_images", head_images, 0)
        at_least("memorization", memorization, 0)
        self._wanted = extractor
        self.extractor: FeatureExtractor | None = None
        """The extractor in use, from ``setup`` on."""
        self.domain = domain
        self.perceptual = perceptual
        self.kid = kid
        self.neighbors = neighbors
        self.head_images = head_images
        self.memorization = memorization
        self.cache = RealCache(default_cache() if cache is None else expand_path(cache, "cache"))
        self._last: list[dict[str, Any]] = []
        self._metric_sets: dict[str, MetricSet] = {}
        self._cached: dict[str, bool] = {}
        self._heads: dict[str, HeadAccuracy] = {}
        self._logged: dict[str, Stamp] = {}
        self._best: dict[str, float] = {}
        self._split = ""
        self._images: dict[str, int | None] = {}

    @property
    def last_rows(self) -> list[ScoreRow]:
        """The newest scores with their stamps, one row for each domain."""
        return [ScoreRow.from_dict(row) for row in self._last]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose the extractor; check that it suits the images, that they are enough, and what callbacks monitor.

        Raises:
            InputError: if the extractor's features mean nothing for the data, there are too few images, or validation
                will not measure what another callback monitors.
        """
        if (split := {"fit": "val", "validate": "val", "test": "test"}.get(stage)) is None:
            return
        domains = pl_module.scored_domains if isinstance(pl_module, Adversarial) else ("a", "b")
        domains = domains if self.domain is None else (self.domain,)
        self._set_extractor(data_module(trainer), domains)
        self._images[split] = count_images(trainer, split)
        if self.extractor is not None:
            check_images(trainer, split, self.kid, self.neighbors)
            if (note := note_on_bias(self.extractor, pl_module.modules())) is not None:
                rank_zero_info(note)
        if stage == "fit" and (expected := self.expected_scores(trainer, pl_module)) is not None:
            refuse_monitors(trainer.callbacks, expected)  # type: ignore[attr-defined]  # set outside __init__

    def _set_extractor(self, data: Data | None, domains: tuple[str, ...] = ("a", "b")) -> None:
        if self._wanted == "auto":
            self.extractor = choose_features(data, self.extractor, domains)
        else:
            self.extractor = self._wanted
            if self.extractor is not None:
                check_features(self.extractor, data, domains)

    def expected_scores(self, trainer: Trainer, pl_module: LightningModule) -> ExpectedScores | None:
        """The scores that validation in ``fit`` will measure; None if they are not known, or there is none.

        Args:
            trainer: a trainer whose data module is set up.
            pl_module: its model.
        """

        def names(domain: str, images: EvaluationImages) -> list[str]:
            scores = self._create_metric_set(trainer, domain, images, "val").names(
                labels=images.labels is not None, truth=images.truth is not None, cycles=images.cycled is not None
            )
            return scores + ([f"{CLASSIFIER}/error"] if images.predicted is not None else [])

        return expect_scores(trainer, as_adversarial(pl_module, self), self._scored, names)

    def _measurable(self, split: str) -> tuple[bool, int]:
        """Whether to compute KID, and k of precision, recall, density and coverage, for the images of a split."""
        return measurable(self._images.get(split), self.kid, self.neighbors)

    def _scored(self, images: EvaluationOutput) -> EvaluationOutput:
        """The images of the domains that are scored, of those that a model returns."""
        if self.domain is None:
            return images
        if self.domain not in images:
            known = " or ".join(["null", *(domain for domain in images if domain in ("a", "b"))])
            raise InputError(f"evaluation.domain is {self.domain}, of which the model has no images; expected {known}")
        return {self.domain: images[self.domain]}

    # The loop: the same for validation and test.

    def _start(self, trainer: Trainer, pl_module: LightningModule, split: str) -> None:
        as_adversarial(pl_module, self)
        for network in (self.extractor, self.perceptual):
            if network is not None:
                network.to(metrics_device(pl_module.device))
        self._split = split
        self._metric_sets, self._cached, self._heads = {}, {}, {}

    def _add(self, trainer: Trainer, pl_module: LightningModule, domains: EvaluationOutput) -> None:
        device = metrics_device(pl_module.device)
        for domain, images in self._scored(domains).items():
            moved = (None if part is None else part.to(device) for part in images)
            sampled = EvaluationImages(*moved)  # type: ignore[arg-type]  # required fields are not None
            if domain not in self._metric_sets:
                self._metric_sets[domain] = self._create_metric_set(trainer, domain, sampled, self._split).to(device)
                self._cached[domain] = self._cache(trainer, domain).load()
                if self._split == "test":
                    self._heads[domain] = self._head(trainer, domain)
                    self._heads[domain].fit()
            metrics, fake = self._metric_sets[domain], to_uint8(sampled.fake)
            if not self._cached[domain] and len(sampled.real):
                metrics.update_real(to_uint8(sampled.real), sampled.real_labels)
            if len(fake):
                metrics.update_fake(fake, sampled.labels)
            if sampled.truth is not None:
                metrics.update_truth(fake, to_uint8(sampled.truth))
            if sampled.cycled is not None and sampled.source is not None:
                metrics.update_cycle(to_uint8(sampled.cycled), to_uint8(sampled.source))
            if sampled.predicted is not None and sampled.real_labels is not None:
                metrics.update_predicted(sampled.predicted, sampled.real_labels)

    def _cache(self, trainer: Trainer, domain: str) -> RealStatistics:
        return RealStatistics(self.cache, trainer, self._split, domain, self._metric_sets[domain], self.extractor)

    def _head(self, trainer: Trainer, domain: str) -> HeadAccuracy:
        return HeadAccuracy(self.cache, trainer, self._metric_sets[domain], self.extractor, self.head_images)

    def _create_metric_set(self, trainer: Trainer, domain: str, sampled: EvaluationImages, split: str) -> MetricSet:
        data = data_module(trainer)
        kid, neighbors = self._measurable(split)
        palette = data.palettes.get(domain) if isinstance(data, PairData) else None
        return MetricSet(
            self.extractor,
            palette=None if palette is None else torch.tensor(list(palette.values()), dtype=torch.uint8),
            perceptual=self.perceptual,
            kid=kid,
            neighbors=neighbors,
            num_labels=data.num_classes if isinstance(data, ImageData) and sampled.labels is not None else 0,
        )

    def _finish(self, trainer: Trainer, pl_module: Adversarial) -> None:
        self._last = []
        for domain, metrics in self._metric_sets.items():
            prefix = self._split if len(self._metric_sets) == 1 else f"{self._split}/{domain}"
            if not self._cached[domain]:
                self._cache(trainer, domain).store()
            real, fake = (self._total(trainer, count) for count in metrics.counts())
            stamp = self._stamp(trainer, pl_module, real, fake)
            self._publish(trainer, pl_module, prefix, metrics.compute(), stamp)
            for name, scores, own_stamp in self._further_scores(trainer, domain, metrics, stamp):
                self._publish(trainer, pl_module, f"{prefix}/{name}", scores, own_stamp)
        self._metric_sets, self._heads = {}, {}

    def _further_scores(
        self, trainer: Trainer, domain: str, metrics: MetricSet, stamp: Stamp
    ) -> Iterator[tuple[str, dict[str, float], Stamp]]:
        """What precedes the names of scores with a stamp of their own, the scores, and the stamp."""
        if (error := metrics.classification_error()) is not None:
            yield CLASSIFIER, {"error": error}, replace(stamp, extractor="none", fake=0, weights="raw", neighbors=0)
        if domain in self._heads and (measured := self._heads[domain].compute()) is not None:
            yield DOMAIN, {"label_accuracy": measured[0]}, replace(stamp, extractor=measured[1], neighbors=0)
        if self._split == "test":
            check = MemorizationCheck(trainer, metrics, self.extractor, self.memorization)
            if (copied := check.compute()) is not None:
                scores, extractor, real, fake = copied
                yield COPIES, scores, replace(stamp, extractor=extractor, real=real, fake=fake, neighbors=0)

    def _publish(
        self, trainer: Trainer, pl_module: Adversarial, prefix: str, values: dict[str, float], stamp: Stamp
    ) -> None:
        """Log scores that were measured together, and the best of each so far in training; write them down."""
        for name, value in values.items():
            # Equal on all ranks already, but Lightning warns of values that are not reduced.
            pl_module.log(f"{prefix}/{name}", value, prog_bar=name in PROGRESS_BAR_SCORES, sync_dist=True)
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            for key, value in update_best(self._best, prefix.removeprefix(self._split), values).items():
                pl_module.log(key, value, sync_dist=True)
        if not values or not writes_files(trainer):
            return
        (epoch, step), seconds = pl_module.progress, round(pl_module.meter.seconds, 3)
        scores = {f"{prefix}/{name}": values[name] for name in order_scores(values, stamp.images)}
        row = ScoreRow(scores, stamp, step, epoch, pl_module.meter.images, seconds)
        self._last.append(row.as_dict())
        if trainer.is_global_zero:
            RunFolder.of(trainer).append_scores(row)
        if self._logged.get(prefix) != stamp:
            self._logged[prefix] = stamp
            for logger in trainer.loggers:
                logger.log_hyperparams({f"stamp/{prefix}": str(stamp)})
                show_best(logger, row.scores)

    def _stamp(self, trainer: Trainer, pl_module: Adversarial, real: int, fake: int) -> Stamp:
        return Stamp(
            extractor=self._description,
            real=real,
            fake=fake,
            split=self._split_label(trainer),
            weights=pl_module.weights_kind,
            batch_norm=pl_module.batch_norm,
            dropout=pl_module.dropout,
            pixels="uint8-rounded",
            neighbors=self._measurable(self._split)[1] if self.extractor is not None else 0,
            device=device_name(pl_module.device),
            precision=describe_precision(trainer.precision, pl_module.device),
            seed=pl_module.run_seed,
        )

    @property
    def _description(self) -> str:
        networks = [network.description for network in (self.extractor, self.perceptual) if network is not None]
        return "+".join(networks) or "none"

    @staticmethod
    def _total(trainer: Trainer, count: Tensor) -> int:
        return int(trainer.strategy.reduce(count.clone(), reduce_op="sum"))

    def _split_label(self, trainer: Trainer) -> str:
        data = data_module(trainer)
        return self._split if data is None else data.split_label(self._split)

    # Hooks.

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start new scores."""
        self._start(trainer, pl_module, "val")

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start new scores."""
        self._start(trainer, pl_module, "test")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the images of a batch."""
        self._add(trainer, pl_module, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute, log and store the scores."""
        pl_module = as_adversarial(pl_module, self)
        self._finish(trainer, pl_module)

    # on_test_epoch_start has stored the split.
    on_test_batch_end = on_validation_batch_end
    on_test_epoch_end = on_validation_epoch_end

    def state_dict(self) -> dict[str, Any]:
        """The newest scores with their stamps, one row for each domain, and the best ones; no extractor."""
        return {"last": self._last, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the newest and the best scores."""
        self._last, self._best = state_dict["last"], state_dict.get("best", {})
