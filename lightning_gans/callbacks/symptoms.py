"""What a run's curves say of a game that goes wrong: plain numbers in, named symptoms out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar

WATCHED = ("variance_ratio", "logit/real", "logit/fake", "grad_norm/g", "grad_norm/d", "loss/d")
"""The recorded scalars that are looked at."""

SCORED = ("recall", "coverage", "variance_ratio")
"""The scores of a validation that fall in a collapse."""

EARLY = 250
"""Until this step images are noise that gives way to something: how far they spread is not looked at."""
WARM_UP = 1000
"""After as many steps the spread of a batch is expected to have reached :data:`LEAST`."""
LEAST = 0.1
"""A spread or score whose best is less than this has nothing to fall from."""
NEAR = 0.1
"""At this share of the largest margin so far, D's logits tell real and generated images no longer apart."""
FAR = 0.5
"""At this share of it, D is sure."""


class TrainingWarning(UserWarning):
    """A symptom of a game that goes wrong."""

    symptom: ClassVar[str]
    says: ClassVar[str]


class CollapseWarning(TrainingWarning):
    """The generated images become one another."""

    symptom = "collapse"
    says = "the generated images are losing their variety"


class DeadDiscriminatorWarning(TrainingWarning):
    """D tells real and generated images no longer apart, and no longer learns to."""

    symptom = "dead_discriminator"
    says = "D tells nothing and no longer learns"


class SaturatedDiscriminatorWarning(TrainingWarning):
    """D is so sure that nobody learns from it."""

    symptom = "saturated_discriminator"
    says = "D is so sure that a side has nothing to learn from it"


@dataclass(frozen=True)
class Finding:
    """A symptom that was not there before.

    Attributes:
        warning: its class.
        evidence: the numbers that show it, by name.
    """

    warning: type[TrainingWarning]
    evidence: dict[str, float]

    def __str__(self) -> str:
        """The symptom and its evidence in one sentence."""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in self.evidence.items())
        return f"{self.warning.says} ({numbers})"


@dataclass(frozen=True)
class Sign:
    """A value that shows a symptom where it is at most ``share`` of ``reference``.

    The symptom is gone once the value is back above the geometric mean of that limit and the reference; a value that
    wavers about the limit is warned of once.

    Attributes:
        kind: what the reference is, such as "best".
    """

    name: str
    value: float
    kind: str
    reference: float
    share: float

    @property
    def shows(self) -> bool:
        """Whether the value is below the limit."""
        return self.value <= self.share * self.reference

    @property
    def lingers(self) -> bool:
        """Whether the value has not recovered, if it has been below the limit."""
        return self.value <= math.sqrt(self.share) * self.reference

    @property
    def evidence(self) -> dict[str, float]:
        """The two numbers by name."""
        return {self.name: self.value, f"{self.kind} {self.name}": self.reference}


class Diagnosis:
    """Compares the newest looks at a run with its own best, so that no scale of any objective need be known.

    A look is what one batch recorded. Each curve's newest ``looks`` values are a window, and a window's median is
    compared with the largest median of that curve so far:

    - Collapse: the spread of a batch is at most ``collapse`` of its largest (counted as 1 at most, the spread of real
      images), or after a warm-up has never risen. In a validation: so is recall, coverage or spread.
    - Dead D: its gradient is at most ``vanished`` of its largest, and so is a tenth the margin of its mean logits, real
      less generated. At the optimum of a game the margin is 0 too, but D's gradient is not: batches differ.
    - Saturated D: as large a margin as ever, or half of it, and the gradient of G or D has vanished.

    Where no logits are recorded, D's loss takes the margin's place: a saturated D has none.

    Args:
        looks: looks in a window.
        collapse: share of the best, in (0, 1).
        vanished: share of the largest gradient, in (0, 1).
    """

    def __init__(self, looks: int, collapse: float, vanished: float) -> None:
        self.looks = looks
        self.collapse = collapse
        self.vanished = vanished
        self.windows: dict[str, list[float]] = {}
        self.largest: dict[str, float] = {}
        self.present: dict[str, list[str]] = {}

    def look(self, step: int, values: Mapping[str, float]) -> list[Finding]:
        """Take the scalars that a batch has recorded, of those in :data:`WATCHED`, and say what symptoms began."""
        self._add(values)
        if step < EARLY:
            self.windows.pop("variance_ratio", None)
        medians = {key: median(window) for key, window in self.windows.items() if len(window) == self.looks}
        for key, value in medians.items():
            self.largest[key] = max(self.largest.get(key, 0.0), abs(value))
        signs = []
        if "variance_ratio" in medians:
            best = min(self.largest["variance_ratio"], 1.0)
            late = step >= WARM_UP and best < LEAST
            kind, reference = ("expected", LEAST) if late else ("best", best)
            signs.append(
                (Sign("variance_ratio", medians["variance_ratio"], kind, reference, self.collapse), reference >= LEAST)
            )
        return [*self._began(CollapseWarning, signs, {}), *self._discriminator(medians)]

    def validated(self, step: int, scores: Mapping[str, float]) -> list[Finding]:
        """Take the scores of a validation, such as ``val/recall`` or ``val/b/recall``, and say if a collapse began."""
        if step < EARLY:
            return []
        signs = []
        for key, value in scores.items():
            if not key.startswith("val/") or key.rpartition("/")[2] not in SCORED or not math.isfinite(value):
                continue
            self.largest[key] = max(self.largest.get(key, 0.0), value)
            best = min(self.largest[key], 1.0)
            signs.append((Sign(key, value, "best", best, self.collapse), best >= LEAST))
        return self._began(CollapseWarning, signs, {})

    def start_anew(self) -> None:
        """Forget the newest looks and the symptoms, as weights of another time are put back; keep what was best."""
        self.windows, self.present = {}, {}

    def state_dict(self) -> dict[str, Any]:
        """All that later findings depend on, as plain data."""
        return {
            "windows": {key: list(window) for key, window in self.windows.items()},
            "largest": dict(self.largest),
            "present": {key: list(names) for key, names in self.present.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; a window that was longer keeps its newest looks."""
        self.windows = {key: list(window)[-self.looks :] for key, window in state["windows"].items()}
        self.largest = dict(state["largest"])
        self.present = {key: list(names) for key, names in state["present"].items()}

    def _add(self, values: Mapping[str, float]) -> None:
        seen = {key: value for key, value in values.items() if key in WATCHED and math.isfinite(value)}
        if "logit/real" in seen and "logit/fake" in seen:
            seen["margin"] = seen["logit/real"] - seen["logit/fake"]
        for key, value in seen.items():
            self.windows[key] = [*self.windows.get(key, []), value][-self.looks :]

    def _discriminator(self, medians: Mapping[str, float]) -> list[Finding]:
        """D's symptoms, from a gradient that has vanished and a margin that says which way."""
        gradients = {
            side: Sign(key, medians[key], "largest", self.largest[key], self.vanished)
            for side, key in (("d", "grad_norm/d"), ("g", "grad_norm/g"))
            if key in medians
        }
        witness = "margin" if "margin" in medians else "loss/d"
        if witness not in medians or "d" not in gradients:
            return []
        level = abs(medians[witness])
        near = level <= NEAR * self.largest[witness]
        evidence = {witness: medians[witness], f"largest {witness}": self.largest[witness]}
        dead = near if witness == "margin" else not near
        far = witness == "margin" and not near and level >= FAR * self.largest[witness]
        saturated = [(gradients["d"], not dead)] + ([(gradients["g"], far)] if "g" in gradients else [])
        return [
            *self._began(DeadDiscriminatorWarning, [(gradients["d"], dead)], evidence),
            *self._began(SaturatedDiscriminatorWarning, saturated, evidence),
        ]

    def _began(
        self, warning: type[TrainingWarning], signs: Iterable[tuple[Sign, bool]], evidence: Mapping[str, float]
    ) -> list[Finding]:
        """Note which signs show, each with whether it counts at all; a finding if none has shown so far."""
        before = self.present.get(warning.symptom, [])
        signs = list(signs)
        shown = [sign for sign, counts in signs if sign.shows and counts]
        gone = {sign.name for sign, _ in signs if not sign.lingers}
        now = sorted({*before, *(sign.name for sign in shown)} - gone)
        self.present[warning.symptom] = now
        if before or not now:
            return []
        numbers = {name: value for sign in shown for name, value in sign.evidence.items()}
        return [Finding(warning, {**numbers, **evidence})]
