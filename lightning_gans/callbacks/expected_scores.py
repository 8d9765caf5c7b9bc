"""The scores that a run's validation will measure, as far as they are known before training."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.core.batches import EvaluationImages, EvaluationOutput
from lightning_gans.core.data import data_module, empty_batches
from lightning_gans.core.errors import InputError
from lightning_gans.families.adversarial import Adversarial
from lightning_gans.runs.scores import PER_CLASS_SCORE

HEADLINES = ("fid", "miou", "ssim")
"""Scores by which a best checkpoint is chosen, the preferred one first. A cycle error is none of them: a generator that
returns its input has the least."""

TRAINING = ("loss", "logit", "grad_norm", "variance_ratio", "loss_scale", "skipped_steps", "lr", "best")
"""Beginnings of the names of other values that can be monitored: those of training, learning rates, and best scores."""

LEAST_IMAGES, LEAST_IMAGES_FOR_KID = 2, 3
"""Images of a set without which its covariance, and the interval of KID, are not defined."""

PACKAGES = ("lightning_gans", "lightning")
"""Packages whose callbacks and models log no values but those that are known here."""


@dataclass(frozen=True)
class ExpectedScores:
    """Names of the scores that validation will measure, such as ``val/fid`` or ``val/b/miou``.

    Attributes:
        sure: those that it will measure.
        possible: those that it may measure; None if code of the user's may log any.
    """

    sure: list[str]
    possible: list[str] | None

    @property
    def headline(self) -> str | None:
        """The score to choose the best checkpoint by; of several domains that of the last, ``b``; None if none says."""
        named = [
            (HEADLINES.index(short), name) for name in self.sure if (short := name.rpartition("/")[2]) in HEADLINES
        ]
        best = min((rank for rank, _ in named), default=None)
        return next((name for rank, name in reversed(named) if rank == best), None)

    def refusal(self, monitor: str) -> str | None:
        """Why a value cannot be monitored, and what can; None if it can be, or may be."""
        if self.possible is None or monitor in self.possible:
            return None
        if not monitor.startswith("val/") and monitor.startswith(TRAINING):
            return None
        if not self.possible:
            return "but validation will measure no scores (evaluation.extractor is null, and there are no true images)"
        names = [name for name in self.possible if not PER_CLASS_SCORE.search(name)]
        close = difflib.get_close_matches(monitor, names, n=1) or [name for name in names if name == f"val/{monitor}"]
        hint = f" (did you mean {close[0]}?)" if close else ""
        return f"which validation will not measure; expected one of {', '.join(names)}{hint}"


def expect_scores(
    trainer: Trainer,
    model: Adversarial,
    scored: Callable[[EvaluationOutput], EvaluationOutput],
    names: Callable[[str, EvaluationImages], list[str]],
) -> ExpectedScores | None:
    """The scores that validation in ``fit`` will measure; None if they are not known, or there is no validation.

    Args:
        trainer: a trainer whose data module is set up.
        model: its model.
        scored: takes what a validation step returns, and returns the part that is scored.
        names: takes a domain and its images, which are none, and returns the names of the scores without a prefix.
    """
    if (data := data_module(trainer)) is None or count_images(trainer, "val") == 0 or logs_more([model]):
        return None
    # What the model returns for no images shows which scores there are. It may seed the generator of the CPU.
    with torch.random.fork_rng(devices=[]):
        outputs: list[Any] = [model.validation_step(batch, 0) for batch in empty_batches(data, "val")]
    found = [
        [
            f"{'val' if len(output) == 1 else f'val/{domain}'}/{name}"
            for domain, images in output.items()
            for name in names(domain, images)
        ]
        for output in map(scored, outputs)
    ]
    if not found:
        return None
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
    possible = None if logs_more(callbacks) else list(dict.fromkeys(chain.from_iterable(found)))
    return ExpectedScores([name for name in found[0] if all(name in each for each in found)], possible)


def count_images(trainer: Trainer, split: str, limited: bool = True) -> int | None:
    """Number of images of the smaller domain that an evaluation compares; None if it is not known.

    Args:
        trainer: a trainer whose data module is set up.
        split: ``val`` or ``test``.
        limited: whether the trainer's limit of batches counts.
    """
    if (data := data_module(trainer)) is None:
        return None
    limit: int | float = trainer.limit_val_batches if split == "val" else trainer.limit_test_batches
    counts = [count for domain in "ab" if (count := data.num_images(split, domain)) is not None]
    if len(counts) < 2:
        return None
    step = data.eval_batch_size * trainer.world_size
    batches = -(-max(counts) // step)
    if limited:
        batches = min(batches, limit) if isinstance(limit, int) else int(limit * batches)
    return min(*counts, batches * step)


def measurable(images: int | None, kid: bool, neighbors: int) -> tuple[bool, int]:
    """Whether to compute KID, and k of precision, recall, density and coverage: not where images are too few.

    Args:
        images: number of images; None if it is not known.
        kid: whether KID is wanted.
        neighbors: the k that is wanted.
    """
    if images is None:
        return kid, neighbors
    return kid and images >= LEAST_IMAGES_FOR_KID, neighbors if images > neighbors else 0


def check_images(trainer: Trainer, split: str, kid: bool, neighbors: int) -> None:
    """Refuse too few images for any distance of two sets; warn of scores that are left out because images are few.

    Args:
        trainer: a trainer whose data module is set up.
        split: ``val`` or ``test``.
        kid: whether KID is wanted.
        neighbors: k of precision, recall, density and coverage.

    Raises:
        InputError: if there are fewer than two images.
    """
    if not (images := count_images(trainer, split)):
        return
    if images < LEAST_IMAGES:
        limited = count_images(trainer, split, limited=False) != images
        remedy = f"a larger trainer.limit_{split}_batches" if limited else "more images, or a larger data.val_size"
        raise InputError(
            f"{split} has {images} image(s), but evaluation.extractor compares sets of images; expected at least "
            f"{LEAST_IMAGES}: {remedy}"
        )
    has_kid, has_neighbors = measurable(images, kid, neighbors)
    left_out = [f"kid, which needs {LEAST_IMAGES_FOR_KID}"] if kid and not has_kid else []
    if neighbors != has_neighbors:
        left_out.append(f"precision, recall, density and coverage, which need {neighbors + 1}")
    if left_out:
        rank_zero_warn(f"{split} has {images} images, too few for {' and '.join(left_out)}; they are left out")


def logs_more(parts: Iterable[Callback | LightningModule]) -> bool:
    """Whether one of a run's parts is of a class outside this package and Lightning that may log values of its own."""
    classes = {kind for part in parts for kind in type(part).__mro__}
    return any(
        name.startswith("on_") or name.endswith("_step")
        for kind in classes
        if kind.__module__.partition(".")[0] not in PACKAGES
        for name in vars(kind)
    )


def refuse_monitors(callbacks: Iterable[Callback], expected: ExpectedScores) -> None:
    """Check that the values which Lightning's callbacks monitor will be measured.

    Raises:
        InputError: if one will not.
    """
    for callback in callbacks:
        # Our own subclasses say it by the key of their argument.
        own = type(callback).__module__.startswith("lightning_gans.")
        monitor = callback.monitor if isinstance(callback, EarlyStopping | ModelCheckpoint) and not own else None
        if monitor is not None and (refusal := expected.refusal(monitor)):
            raise InputError(f"{type(callback).__name__} monitors {monitor}, {refusal}")
