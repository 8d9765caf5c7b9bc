"""Rows of scores, each with its stamp, and the order in which scores are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from lightning_gans.core.errors import InputError
from lightning_gans.runs.stamp import Stamp

SPLITS = ("test", "val")
"""The splits on which scores are measured, the most important first."""

PER_CLASS_SCORE = re.compile(r"class_fid_\d+$")
"""Names of scores of one class each. They are as many as classes, and are shown only on request."""

MIN_IMAGES_FOR_FID = 2000
"""With fewer images KID is more reliable than FID."""

ORDER_FOR_MANY_IMAGES = ("relative_fid", "fid", "kid", "kid_ci95")
ORDER_FOR_FEW_IMAGES = ("kid", "kid_ci95", "relative_fid", "fid")

OnError = Literal["raise", "skip"]
"""How to treat what cannot be read: raise an error, or leave it out."""


@dataclass(frozen=True)
class ScoreRow:
    """Scores that were measured together.

    Attributes:
        scores: by name, which starts with the split and may have a domain: ``val/fid``, ``test/a/fid``.
        stamp: how they were measured.
        step: number of training steps of the model; None if it is not recorded.
        epoch: number of epochs of the model; None if it is not recorded.
    """

    scores: Mapping[str, float]
    stamp: Stamp
    step: int | None = None
    epoch: int | None = None

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
            if not isinstance(value, int | float):
                raise ValueError(f"{name} is {value!r}; expected a number")
        step, epoch = (row[key] if isinstance(row.get(key), int) else None for key in ("step", "epoch"))
        return cls(dict(scores), Stamp.from_dict(row.get("stamp")), step, epoch)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for files and checkpoints."""
        return {"step": self.step, "epoch": self.epoch, "scores": dict(self.scores), "stamp": self.stamp.as_dict()}

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


def read_score_rows(path: Path, on_error: OnError = "raise") -> list[ScoreRow]:
    """The rows of a ``scores.jsonl``, oldest first.

    Args:
        path: the file.
        on_error: with "skip", lines that are not a complete row are left out, and a file that cannot be read has none;
            a run that is killed while it writes leaves half a line.

    Raises:
        InputError: with "raise", if the file cannot be read or a line is not a complete row.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="strict" if on_error == "raise" else "replace")
    except (OSError, UnicodeDecodeError):
        if on_error == "skip":
            return []
        raise InputError(f"{path} cannot be read; expected rows of scores") from None
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            rows.append(ScoreRow.from_dict(json.loads(line)))
        except (ValueError, RecursionError):
            if on_error == "raise":
                raise InputError(
                    f"{path}, line {number}, is not a row of scores; expected JSON with scores and their stamp"
                ) from None
    return rows


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
