"""Detects symptoms of failing GAN training, such as collapse or a saturated discriminator, from logged scalars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar

from lightning_gans.callbacks.signs import Low, Sign, Skipped

LOSS_SCALES = ("loss_scale/g", "loss_scale/d")
SKIPPED_STEPS = ("skipped_steps/g", "skipped_steps/d")
"""Logged under 16-mixed only; the second is the number of steps that were skipped since the run began."""

MONITORED = (
    *("variance_ratio", "logit/real", "logit/fake", "grad_norm/g", "grad_norm/d", "loss/d"),
    *LOSS_SCALES,
    *SKIPPED_STEPS,
)
"""The logged training scalars that are monitored."""

COLLAPSE_SCORES = ("recall", "coverage", "variance_ratio")
"""The scores of a validation that fall in a collapse."""

FIRST_STEP = 250
"""Before this step images turn from noise into something, and a falling variance is not a collapse."""
EQUAL_IMAGES = 1e-4
"""A variance ratio at or below which images differ by less than a gray level, a collapse at any step."""
WARMUP_STEPS = 1000
"""After this many steps the variance ratio of a batch is expected to have reached :data:`MIN_BEST`."""
MIN_BEST = 0.1
"""A variance ratio or score whose best value is smaller cannot collapse."""
SMALL_MARGIN = 0.1
"""Up to this fraction of the largest margin so far, D's logits do not separate real from generated images."""
LARGE_MARGIN = 0.5
"""From this fraction of the largest margin so far, D may be saturated."""
QUIET_STEPS = 500
"""After this many steps without a skipped one, skipped steps are counted from 0 again."""


class TrainingWarning(UserWarning):
    """A symptom of failing training."""

    symptom: ClassVar[str]
    description: ClassVar[str]


class CollapseWarning(TrainingWarning):
    """Mode collapse: the generated images become equal."""

    symptom = "collapse"
    description = "the generated images are losing their variety"


class DeadDiscriminatorWarning(TrainingWarning):
    """D does not separate real from generated images, and its gradient has vanished."""

    symptom = "dead_discriminator"
    description = "D no longer separates real from generated images, and its gradient has vanished"


class SaturatedDiscriminatorWarning(TrainingWarning):
    """D separates real from generated images so well that G or D receives almost no gradient."""

    symptom = "saturated_discriminator"
    description = "D is saturated: G or D receives almost no gradient"


class OverflowWarning(TrainingWarning):
    """Under 16-mixed: gradients are repeatedly not finite, so that a network is not updated."""

    symptom = "overflow"
    description = "gradients overflow float16 again and again, and these steps are skipped"


@dataclass(frozen=True)
class Finding:
    """A symptom that has just begun.

    Attributes:
        warning: class of the warning.
        evidence: the numbers that show the symptom, by name.
    """

    warning: type[TrainingWarning]
    evidence: dict[str, float]

    def __str__(self) -> str:
        """The symptom and its evidence in one sentence."""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in self.evidence.items())
        return f"{self.warning.description} ({numbers})"


class Diagnosis:
    """Compares recent values of a run with the run's own best, so that it works for objectives of any scale.

    For each scalar, the median over the newest ``window`` values is compared with the largest median so far:

    - Collapse: the variance ratio of a batch is at most ``collapse_ratio`` of its largest (counted as 1 if it is
      larger, the ratio of real images), or has never risen in the warm-up, or the images of two batches in a row were
      equal. After a validation: recall, coverage or variance ratio is at most this fraction of its best.
    - Dead D: its gradient norm is at most ``vanishing_ratio`` of the largest, and the margin, the difference of its
      mean logits of real and generated images, at most a tenth of the largest. At the optimum the margin is 0 too, but
      the gradient is not, since batches differ.
    - Saturated D: the margin is at least half of the largest, and the gradient of G or D has vanished.
    - Overflow, under 16-mixed: :data:`.MANY_SKIPPED` steps were skipped, without :data:`QUIET_STEPS` steps between them
      in which none was, or a loss scale is below 1.

    If no logits are logged, D's loss takes the place of the margin: a saturated D has a loss near 0.

    Args:
        window: number of values in a window.
        collapse_ratio: fraction of the best value, in (0, 1).
        vanishing_ratio: fraction of the largest gradient norm, in (0, 1).
    """

    def __init__(self, window: int, collapse_ratio: float, vanishing_ratio: float) -> None:
        self.window = window
        self.collapse_ratio = collapse_ratio
        self.vanishing_ratio = vanishing_ratio
        self.windows: dict[str, list[float]] = {}
        self.largest: dict[str, float] = {}
        self.present: dict[str, list[str]] = {}
        self.latest: dict[str, float] = {}
        self.skipped: dict[str, list[float]] = {}

    def update(self, step: int, values: Mapping[str, float], final: bool = False) -> list[Finding]:
        """Add the scalars that a batch logged, and return the symptoms that began.

        Args:
            step: number of training steps.
            values: scalars by name; those not in :data:`MONITORED` and those that are not finite are ignored.
            final: whether the run ends, so that one batch of equal images is a collapse.
        """
        before = self.latest.get("variance_ratio", math.inf)
        self._add(values)
        if step < FIRST_STEP:
            self.windows.pop("variance_ratio", None)
        medians = {key: median(window) for key, window in self.windows.items() if len(window) == self.window}
        for key, value in medians.items():
            self.largest[key] = max(self.largest.get(key, 0.0), abs(value))
        signs: list[tuple[Sign, bool]] = []
        if "variance_ratio" in self.latest:
            # At the start images may be nearly equal too, but their variance grows.
            low = Low("variance_ratio of a batch", self.latest["variance_ratio"], "least", EQUAL_IMAGES, 1.0)
            signs.append((low, final or low.value <= before <= EQUAL_IMAGES))
        if "variance_ratio" in medians:
            best = min(self.largest["variance_ratio"], 1.0)
            never_rose = step >= WARMUP_STEPS and best < MIN_BEST
            kind, reference = ("expected", MIN_BEST) if never_rose else ("best", best)
            sign = Low("variance_ratio", medians["variance_ratio"], kind, reference, self.collapse_ratio)
            signs.append((sign, reference >= MIN_BEST))
        return [
            *self._new_findings(CollapseWarning, signs, {}),
            *self._discriminator(medians),
            *self._new_findings(OverflowWarning, self._overflow(step), {}),
        ]

    def update_scores(self, step: int, scores: Mapping[str, float]) -> list[Finding]:
        """Add the scores of a validation, such as ``val/recall`` or ``val/b/recall``; return a collapse that began."""
        if step < FIRST_STEP:
            return []
        signs: list[tuple[Sign, bool]] = []
        for key, value in scores.items():
            if not key.startswith("val/") or key.rpartition("/")[2] not in COLLAPSE_SCORES or not math.isfinite(value):
                continue
            self.largest[key] = max(self.largest.get(key, 0.0), value)
            best = min(self.largest[key], 1.0)
            signs.append((Low(key, value, "best", best, self.collapse_ratio), best >= MIN_BEST))
        return self._new_findings(CollapseWarning, signs, {})

    def reset_windows(self) -> None:
        """Forget recent values and present symptoms, after earlier weights were restored; keep the best values."""
        self.windows, self.present = {}, {}

    def state_dict(self) -> dict[str, Any]:
        """All that later findings depend on, as plain data."""
        return {
            "windows": {key: list(window) for key, window in self.windows.items()},
            "largest": dict(self.largest),
            "present": {key: list(names) for key, names in self.present.items()},
            "latest": dict(self.latest),
            "skipped": {key: list(counts) for key, counts in self.skipped.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state; longer windows are cut to their newest values."""
        self.windows = {key: list(window)[-self.window :] for key, window in state["windows"].items()}
        self.largest = dict(state["largest"])
        self.present = {key: list(names) for key, names in state["present"].items()}
        self.latest = dict(state["latest"])
        self.skipped = {key: list(counts) for key, counts in state["skipped"].items()}

    def __str__(self) -> str:
        """The symptoms that are present and the latest values, in one sentence."""
        present = ", ".join(symptom.replace("_", " ") for symptom, names in self.present.items() if names)
        shown = ("variance_ratio", "margin", "grad_norm/g", "grad_norm/d", *LOSS_SCALES)
        numbers = ", ".join(f"{key} {self.latest[key]:.3g}" for key in shown if key in self.latest)
        return f"{present or 'no symptom'} ({numbers or 'nothing was measured'})"

    def _add(self, values: Mapping[str, float]) -> None:
        added = {key: value for key, value in values.items() if key in MONITORED and math.isfinite(value)}
        if "logit/real" in added and "logit/fake" in added:
            added["margin"] = added["logit/real"] - added["logit/fake"]
        self.latest.update(added)
        for key, value in added.items():
            self.windows[key] = [*self.windows.get(key, []), value][-self.window :]

    def _overflow(self, step: int) -> list[tuple[Sign, bool]]:
        """Signs of overflow: a small loss scale, and steps that are skipped again and again."""
        # Scales are powers of 2, so that a scale is below 1 or at least 1.
        scales = {key: self.latest[key] for key in LOSS_SCALES if key in self.latest}
        signs: list[Sign] = [Low(key, scale, "least", 1.0, 0.999) for key, scale in scales.items()]
        for key in SKIPPED_STEPS:
            if key in self.latest:
                total = self.latest[key]
                start, last, since = self.skipped.get(key, [0.0, 0.0, 0.0])
                if total > last:
                    since = step
                elif step - since >= QUIET_STEPS:
                    start = total
                self.skipped[key] = [start, total, since]
                signs.append(Skipped(key, total - start))
        return [(sign, True) for sign in signs]

    def _discriminator(self, medians: Mapping[str, float]) -> list[Finding]:
        """D's symptoms: a vanished gradient, which the margin (or D's loss) tells dead from saturated."""
        gradients = {
            side: Low(key, medians[key], "largest", self.largest[key], self.vanishing_ratio)
            for side, key in (("d", "grad_norm/d"), ("g", "grad_norm/g"))
            if key in medians
        }
        measure = "margin" if "margin" in medians else "loss/d"
        if measure not in medians or "d" not in gradients:
            return []
        level = abs(medians[measure])
        small = level <= SMALL_MARGIN * self.largest[measure]
        evidence = {measure: medians[measure], f"largest {measure}": self.largest[measure]}
        dead = small if measure == "margin" else not small
        large = measure == "margin" and not small and level >= LARGE_MARGIN * self.largest[measure]
        saturated = [(gradients["d"], not dead)] + ([(gradients["g"], large)] if "g" in gradients else [])
        return [
            *self._new_findings(DeadDiscriminatorWarning, [(gradients["d"], dead)], evidence),
            *self._new_findings(SaturatedDiscriminatorWarning, saturated, evidence),
        ]

    def _new_findings(
        self, warning: type[TrainingWarning], signs: Iterable[tuple[Sign, bool]], evidence: Mapping[str, float]
    ) -> list[Finding]:
        """Update which signs of a symptom are present; a finding if none was present before.

        Args:
            warning: the symptom.
            signs: each with whether it is relevant now.
            evidence: further numbers for the finding.
        """
        before = self.present.get(warning.symptom, [])
        signs = list(signs)
        triggered = [sign for sign, relevant in signs if sign.triggered and relevant]
        recovered = {sign.name for sign, _ in signs if not sign.not_recovered}
        now = sorted({*before, *(sign.name for sign in triggered)} - recovered)
        self.present[warning.symptom] = now
        if before or not now:
            return []
        numbers = {name: value for sign in triggered for name, value in sign.evidence.items()}
        return [Finding(warning, {**numbers, **evidence})]
