"""Rows of scores, each with the stamp that says how it was measured, and the order in which scores are shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from lightning_gans.core.errors import short_reason
from lightning_gans.runs.json_lines import OnDamage, ignore_damage, is_after, keep_lines, read_lines

TYPES = {"str": str, "int": int}


@dataclass(frozen=True)
class Stamp:
    """Everything that can change a score while the model stays the same.

    Scores can be compared only if their stamps are equal, except for the seed.

    Attributes:
        extractor: name, weights' hash and resize of the feature extractor; "none" if there is none.
        real: number of real images.
        fake: number of generated images.
        split: which real images.
        weights: "ema" for the moving average of the generator's weights, "raw" for the optimizer's.
        batch_norm: "running" for the statistics of training, as in ``eval()``; "per-image" for each image's own.
        dropout: whether generators use dropout, "on" or "off".
        pixels: how generated images were quantized before the extractor.
        neighbors: k of precision, recall, density and coverage; 0 if these were not measured.
        device: name of the GPU, or type of the device, such as "cpu".
        precision: the trainer's precision, and the float32 operations that are rounded to a shorter format, such as
            "32-true,tf32-convolutions".
        seed: of the generated images' noise.
        added: fields that this version does not know, from files of a later one.
    """

    extractor: str
    real: int
    fake: int
    split: str
    weights: str
    batch_norm: str
    dropout: str
    pixels: str
    neighbors: int
    device: str
    precision: str
    seed: int
    added: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """A stamp from plain data; the inverse of :meth:`as_dict`.

        Raises:
            ValueError: if a field is missing or of another type.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"stamp is {values!r}; expected names and values")
        known = {each.name: TYPES[str(each.type)] for each in fields(cls) if each.name != "added"}
        for name, kind in known.items():
            if not isinstance(values.get(name), kind):
                raise ValueError(f"stamp.{name} is {values.get(name)!r}; expected {kind.__name__}")
        added = {str(name): value for name, value in values.items() if name not in known}
        return cls(**{name: values[name] for name in known}, added=added)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for files and checkpoints."""
        values = asdict(self)
        added: dict[str, Any] = values.pop("added")
        return values | added

    @property
    def protocol(self) -> dict[str, Any]:
        """All fields except the seed: scores can be compared if these are equal."""
        return {name: value for name, value in self.as_dict().items() if name != "seed"}

    @property
    def key(self) -> str:
        """A text that is equal for equal protocols."""
        return json.dumps(self.protocol, sort_keys=True)

    @property
    def images(self) -> int:
        """The number of real or of generated images, whichever is smaller."""
        return min(self.real, self.fake)

    def __str__(self) -> str:
        return self.describe([self.seed])

    def describe(self, seeds: Sequence[int]) -> str:
        """The stamp in one line, with these seeds in place of its own."""
        return " | ".join(text for _, text in self.parts(seeds))

    def parts(self, seeds: Sequence[int]) -> list[tuple[tuple[str, ...], str]]:
        """The parts of :meth:`describe`, each with the names of its fields."""
        parts = [
            (("extractor",), self.extractor),
            (("real", "fake"), f"{self.real} real, {self.fake} generated"),
            (("split",), f"split {self.split}"),
            (("weights",), f"{self.weights} weights"),
            (("batch_norm",), f"batch norm {self.batch_norm}"),
            (("dropout",), f"dropout {self.dropout}"),
            (("pixels",), self.pixels),
            (("neighbors",), f"{self.neighbors} neighbors"),
            (("device",), self.device),
            (("precision",), self.precision),
            (("seed",), f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"),
        ]
        return [
            *parts,
            *(((name,), f"{name} {'null' if value is None else value}") for name, value in self.added.items()),
        ]


SPLITS = ("test", "val")
"""The splits on which scores are measured, the most important first."""

PER_CLASS_SCORE = re.compile(r"class_fid_\d+$")
"""Names of scores of one class each. They are as many as classes, and are shown only on request."""

MIN_IMAGES_FOR_FID = 2000
"""With fewer images KID is more reliable than FID."""

BETTER: Mapping[str, Literal["min", "max"] | None] = {
    **dict.fromkeys(("fid", "relative_fid", "class_fid", "class_fid_worst", "kid", "class_kl"), "min"),
    **dict.fromkeys(("l1", "lpips", "feature_distance", "cycle_l1", "error"), "min"),
    **dict.fromkeys(("precision", "recall", "density", "coverage", "modes", "within_modes", "inception_score"), "max"),
    **dict.fromkeys(("psnr", "ssim", "accuracy", "class_accuracy", "miou", "label_accuracy"), "max"),
    # Best near 1, an uncertainty, the same classifier on the data's own pixels, and best as for new real images.
    **dict.fromkeys(("variance_ratio", "kid_ci95", "inception_score_std", "pixels", "nearest_ratio", "copied_share")),
}
"""Whether less or more of a score is better, by its name without split and domain; None if neither is."""

ARROWS = {"min": "\N{DOWNWARDS ARROW}", "max": "\N{UPWARDS ARROW}", None: ""}
"""What a picture or a table puts beside a score's name, by :func:`better`."""

ORDER_FOR_MANY_IMAGES = ("relative_fid", "fid", "kid", "kid_ci95")
ORDER_FOR_FEW_IMAGES = ("kid", "kid_ci95", "relative_fid", "fid")

LONGEST_NUMBER = 1000
"""Bits of a whole number that is a score; a longer one has no float."""

COUNTS = ("step", "epoch", "images_seen")
"""Fields of a row that are whole numbers; None if they are not known."""

LONGEST_TRAINING = 1e12
"""Bound of the seconds of a training."""


@dataclass(frozen=True)
class ScoreRow:
    """Scores that were measured together.

    Attributes:
        scores: by name, which starts with the split and may have a domain: ``val/fid``, ``test/a/fid``.
        stamp: how they were measured.
        step: number of training steps of the model; None if it is not recorded.
        epoch: number of epochs of the model; None if it is not recorded.
        images_seen: number of training images of the model, each as often as it was used; None if it is not known, as
            in rows of earlier versions.
        train_seconds: for how long the model was trained, validations included; None if it is not known. Rows that
            differ in nothing else are equal, since a run and its repetition differ in it.
    """

    scores: Mapping[str, float]
    stamp: Stamp
    step: int | None = None
    epoch: int | None = None
    images_seen: int | None = None
    train_seconds: float | None = field(default=None, compare=False)

    @classmethod
    def from_dict(cls, row: object) -> Self:
        """A row from plain data; the inverse of :meth:`as_dict`.

        Raises:
            ValueError: if it has no scores, one is not a number, or the stamp is incomplete.
        """
        if not isinstance(row, Mapping):
            raise ValueError(f"the row is {row!r}; expected scores and their stamp")
        scores = row.get("scores")
        if not isinstance(scores, Mapping) or not scores:
            raise ValueError(f"scores is {scores!r}; expected names and numbers")
        for name, value in scores.items():
            if not isinstance(value, int | float) or (isinstance(value, int) and value.bit_length() > LONGEST_NUMBER):
                raise ValueError(f"{name} is {value!r}; expected a number")
        counts = {key: row[key] for key in COUNTS if isinstance(row.get(key), int)}
        seconds = row.get("train_seconds")
        if isinstance(seconds, int | float) and 0 <= seconds < LONGEST_TRAINING:
            counts["train_seconds"] = float(seconds)
        return cls(dict(scores), Stamp.from_dict(row.get("stamp")), **counts)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for files and checkpoints."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "images_seen": self.images_seen,
            "train_seconds": self.train_seconds,
            "scores": dict(self.scores),
            "stamp": self.stamp.as_dict(),
        }

    @property
    def minutes(self) -> float | None:
        """For how long the model was trained, in minutes; None if it is not known."""
        return None if self.train_seconds is None else self.train_seconds / 60

    def describe(self) -> str:
        """The scores with their stamp, in one line."""
        return f"{', '.join(f'{name} {value:.4g}' for name, value in self.scores.items())} [{self.stamp}]"

    @property
    def split(self) -> str:
        """The split of all scores, "test" or "val"; empty if they have several."""
        return next((split for split in SPLITS if all(name.startswith(f"{split}/") for name in self.scores)), "")

    @property
    def domain(self) -> str:
        """The domain of the scores, the ``a`` of ``test/a/fid``; empty if there is only one."""
        return next(iter(self.short_scores)).rpartition("/")[0]

    @property
    def short_scores(self) -> dict[str, float]:
        """The scores by name without the split."""
        return {name.removeprefix(f"{self.split}/"): value for name, value in self.scores.items()}


def parse_complete_rows(rows: Iterable[object]) -> list[ScoreRow]:
    """Rows from plain data; incomplete ones are left out."""
    found = []
    for row in rows:
        try:
            found.append(ScoreRow.from_dict(row))
        except ValueError:
            continue
    return found


def read_score_rows(path: Path, on_damage: OnDamage = ignore_damage) -> list[ScoreRow]:
    """The rows of a ``scores.jsonl``, oldest first; none if it does not exist.

    Lines that are not a complete row are left out: a run that is killed while it writes leaves half a line.

    Args:
        path: the file.
        on_damage: is told of each line that is left out, and of a file that cannot be read.
    """
    rows = []
    for number, line in read_lines(path, on_damage):
        try:
            rows.append(ScoreRow.from_dict(json.loads(line.decode())))
        except (ValueError, RecursionError) as error:
            on_damage(f"{path}, line {number}, is not a row of scores ({short_reason(error)})")
    return rows


def drop_later_scores(path: Path, step: int) -> None:
    """Drop the lines of a ``scores.jsonl`` that are no complete rows, and those of validations after a step.

    Raises:
        RunEnded: if the file cannot be written.
    """

    def is_kept(line: dict[str, Any]) -> bool:
        rows = parse_complete_rows([line])
        return bool(rows) and (rows[0].split == "test" or not is_after(line, step))

    keep_lines(path, is_kept)


def better(name: str) -> Literal["min", "max"] | None:
    """Whether less or more of a score is better; None if neither is, or the score is not known.

    Args:
        name: of the score, with or without split and domain: ``fid``, ``val/a/fid``, ``class_fid_3``.
    """
    short = name.rpartition("/")[2]
    return BETTER.get("class_fid" if PER_CLASS_SCORE.fullmatch(short) else short)


def order_scores(names: Iterable[str], images: int) -> list[str]:
    """Names of scores, such as ``fid`` or ``a/fid``, the most informative first, the others in their given order.

    FID of few images is biased upwards, more so the fewer they are, and by an amount that depends on the generator; the
    estimate of KID is unbiased (Bińkowski et al., 2018, section 3).

    Args:
        names: of scores.
        images: number of real or of generated images, whichever is smaller.
    """
    first = ORDER_FOR_FEW_IMAGES if images < MIN_IMAGES_FOR_FID else ORDER_FOR_MANY_IMAGES
    order = {name: place for place, name in enumerate(first)}
    return sorted(names, key=lambda name: order.get(name.rpartition("/")[2], len(order)))


def comparable_rows(rows: Sequence[ScoreRow], name: str) -> list[ScoreRow]:
    """The rows with a finite value of a score and the protocol of the newest of them, oldest first.

    Args:
        rows: oldest first.
        name: of the score, with its split: ``val/fid``.
    """
    measured = [row for row in rows if math.isfinite(row.scores.get(name, math.nan))]
    return [row for row in measured if row.stamp.protocol == measured[-1].stamp.protocol]


def best_row(rows: Sequence[ScoreRow], name: str, mode: Literal["min", "max"]) -> ScoreRow | None:
    """The row with the best value of a score among those with the protocol of the newest; None if there is none.

    Args:
        rows: oldest first.
        name: of the score, with its split: ``val/fid``.
        mode: whether less or more of it is better.
    """
    choose = min if mode == "min" else max
    return choose(comparable_rows(rows, name), key=lambda row: row.scores[name], default=None)


def by_step(rows: Iterable[ScoreRow]) -> list[ScoreRow]:
    """The newest row of each step, in order of the steps; rows without a step are left out.

    Args:
        rows: oldest first.
    """
    newest = {row.step: row for row in rows if row.step is not None}
    return [newest[step] for step in sorted(newest)]


def update_best(best: dict[str, float], domain: str, values: Mapping[str, float]) -> dict[str, float]:
    """Update the best of each score so far, by keys such as ``best/b/fid``, and return those of the new values.

    Args:
        best: the best so far; it is changed.
        domain: what the keys have between "best" and the score's name: "" or "/b".
        values: the new scores by name, without split and domain. NaN is never the best.
    """
    modes = {name: mode for name in values if (mode := better(name)) and not PER_CLASS_SCORE.fullmatch(name)}
    for name, mode in modes.items():
        key, value = f"best{domain}/{name}", values[name]
        if not math.isnan(value):
            best[key] = (min if mode == "min" else max)(value, best.get(key, value))
    return {key: best[key] for name in modes if (key := f"best{domain}/{name}") in best}
