"""Symptoms, from curves alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.callbacks import Watchdog, symptoms
from lightning_gans.callbacks.symptoms import (
    CollapseWarning,
    DeadDiscriminatorWarning,
    Diagnosis,
    Finding,
    SaturatedDiscriminatorWarning,
    TrainingWarning,
)

LATE = 1000
"""A step at which scores are looked at."""


def healthy(step: int) -> dict[str, float]:
    """A run that converges: the spread rises to 1, margin and G's gradient fall."""
    wave = 1 + 0.3 * (-1) ** step
    far = 2.0 * 0.98**step
    return {
        "variance_ratio": wave * min(1.0, 0.05 + step / 30),
        "logit/real": far,
        "logit/fake": -far,
        "grad_norm/g": wave * (0.1 + 2 * 0.95**step),
        "grad_norm/d": wave * (0.5 + 0.95**step),
        "loss/d": 1.3,
    }


def curve(*parts: tuple[int, dict[str, float]]) -> list[dict[str, float]]:
    """A healthy curve of 40 looks, then each part's values in place of the last healthy ones."""
    values = [healthy(step) for step in range(40)]
    return values + [{**values[-1], **part} for count, part in parts for _ in range(count)]


def found(values: Sequence[dict[str, float]], interval: int = 50, **kwargs: Any) -> list[tuple[int, Finding]]:
    """Findings of a series, each with the number of its look."""
    diagnosis = Diagnosis(**{"window": 5, "collapse_ratio": 0.3, "vanishing_ratio": 0.01, **kwargs})
    return [
        (look, finding)
        for look, value in enumerate(values, start=1)
        for finding in diagnosis.update(look * interval, value)
    ]


def kinds(findings: list[tuple[int, Finding]]) -> list[tuple[int, type[TrainingWarning]]]:
    return [(look, finding.warning) for look, finding in findings]


def test_a_healthy_run_shows_no_symptom() -> None:
    assert found([healthy(step) for step in range(400)]) == []


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_unbounded_logits_and_any_scale_of_gradients_are_healthy(scale: float) -> None:
    critic = [{k: v if k == "variance_ratio" else scale * v for k, v in healthy(step).items()} for step in range(200)]
    assert found(critic) == []


def test_a_collapse_is_found_once_most_of_a_window_shows_it() -> None:
    ((look, finding),) = found(curve((20, {"variance_ratio": 0.1})))
    assert (look, finding.warning) == (43, CollapseWarning)
    assert finding.evidence == {
        "variance_ratio": 0.1,
        "best variance_ratio": 1.0,
    }  # a spread of more than 1 is no better than 1
    assert "variance_ratio 0.1" in str(finding)


def test_one_look_of_small_spread_is_no_collapse() -> None:
    assert found(curve((2, {"variance_ratio": 0.01}), (9, {}))) == []


def test_a_symptom_is_found_again_only_after_it_is_gone() -> None:
    wavering = curve((9, {"variance_ratio": 0.25}), (9, {"variance_ratio": 0.35}), (9, {"variance_ratio": 0.25}))
    assert kinds(found(wavering)) == [(43, CollapseWarning)]
    again = curve((9, {"variance_ratio": 0.25}), (9, {"variance_ratio": 0.9}), (9, {"variance_ratio": 0.25}))
    assert kinds(found(again)) == [(43, CollapseWarning), (61, CollapseWarning)]


def test_a_spread_that_never_rises_is_a_collapse_after_the_warm_up() -> None:
    flat = [{**healthy(step), "variance_ratio": 0.02} for step in range(60)]
    assert kinds(found(flat, interval=50)) == [(20, CollapseWarning)]
    assert found(flat, interval=10) == []


def test_a_dead_discriminator_has_neither_margin_nor_gradient() -> None:
    dead = {"logit/real": 0.7, "logit/fake": 0.7, "grad_norm/d": 0.0, "grad_norm/g": 0.0}
    ((look, finding),) = found(curve((9, dead)))
    assert (look, finding.warning) == (43, DeadDiscriminatorWarning)
    assert {"grad_norm/d", "largest grad_norm/d", "margin", "largest margin"} == set(finding.evidence)
    assert found(curve((9, {**dead, "grad_norm/d": 0.5}))) == []  # the optimum of a game


def test_a_discriminator_that_never_lived_is_dead() -> None:
    flat = {"logit/real": 0.0, "logit/fake": 0.0, "grad_norm/d": 0.0, "grad_norm/g": 0.0, "loss/d": 1.39}
    assert kinds(found([flat] * 9)) == [(5, DeadDiscriminatorWarning)]


@pytest.mark.parametrize("side", ["g", "d"])
def test_a_saturated_discriminator_is_sure_and_a_gradient_has_vanished(side: str) -> None:
    sure = {"logit/real": 8.0, "logit/fake": -8.0}
    ((look, finding),) = found(curve((9, {**sure, f"grad_norm/{side}": 1e-3})))
    assert (look, finding.warning) == (43, SaturatedDiscriminatorWarning)
    assert finding.evidence["margin"] == 16
    assert found(curve((9, sure))) == []


def test_a_generator_at_rest_is_no_symptom_while_the_margin_is_small() -> None:
    assert found(curve((9, {"grad_norm/g": 1e-4}))) == []


@pytest.mark.parametrize(("loss", "kind"), [(1e-3, SaturatedDiscriminatorWarning), (1.4, DeadDiscriminatorWarning)])
def test_without_logits_the_loss_says_which(loss: float, kind: type[TrainingWarning]) -> None:
    values = curve((9, {"grad_norm/d": 1e-5, "loss/d": loss}))
    unseen = ("variance_ratio", "logit/real", "logit/fake")
    assert kinds(found([{k: v for k, v in value.items() if k not in unseen} for value in values])) == [(43, kind)]


def test_what_is_missing_or_not_a_number_is_left_out() -> None:
    assert found([{}, {"variance_ratio": float("nan"), "loss/d": float("nan")}] * 40) == []
    some = [{"variance_ratio": value["variance_ratio"]} for value in curve((9, {"variance_ratio": 0.1}))]
    assert kinds(found(some)) == [(43, CollapseWarning)]


@pytest.mark.parametrize("name", ["recall", "coverage", "variance_ratio"])
def test_a_score_that_falls_below_a_share_of_its_best_is_a_collapse(name: str) -> None:
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    key = f"val/b/{name}"
    for value in (0.02, 0.6, 0.4, float("nan"), 0.25):
        assert diagnosis.update_scores(LATE, {key: value, "val/fid": 9.0, f"test/{name}": 0.0}) == []
    (finding,) = diagnosis.update_scores(LATE, {key: 0.1})
    assert finding == Finding(CollapseWarning, {key: 0.1, f"best {key}": 0.6})
    assert diagnosis.update_scores(LATE, {key: 0.0}) == []


def test_a_score_that_was_never_high_cannot_fall() -> None:
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    assert [diagnosis.update_scores(LATE, {"val/recall": value}) for value in (0.09, 0.0)] == [[], []]


def test_noise_that_gives_way_to_something_is_no_collapse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symptoms, "FIRST_STEP", 250)
    # An untrained generator's images may spread far before they become anything.
    first = [{"variance_ratio": 3.0}] * 4 + [{"variance_ratio": 0.02}] * 6
    assert found(first) == []
    assert kinds(found([*first, *curve((9, {"variance_ratio": 0.1}))])) == [(53, CollapseWarning)]
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    assert [diagnosis.update_scores(step, {"val/recall": value}) for step, value in ((100, 0.9), (300, 0.1))] == [
        [],
        [],
    ]


@pytest.mark.parametrize("cut", [3, 39, 42, 50])
def test_a_diagnosis_that_is_stored_goes_on_as_if_it_had_not_been(cut: int, tmp_path: Path) -> None:
    dead = {"logit/real": 0.7, "logit/fake": 0.7, "grad_norm/d": 0.0}
    values = curve((9, {"variance_ratio": 0.1}), (9, {}), (9, {"variance_ratio": 0.1, **dead}))
    whole, first, second = (Watchdog() for _ in range(3))
    expected = [whole._diagnosis.update(50 * look, value) for look, value in enumerate(values)]
    begun = [first._diagnosis.update(50 * look, value) for look, value in enumerate(values[:cut])]
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    rest = [second._diagnosis.update(50 * look, value) for look, value in enumerate(values[cut:], start=cut)]
    assert begun + rest == expected
    assert sum(map(len, expected)) == 3


@pytest.mark.parametrize(
    "kwargs",
    [
        {"window": -1},
        {"collapse_ratio": 0.0},
        {"collapse_ratio": 1.0},
        {"vanishing_ratio": 0.0},
        {"vanishing_ratio": 1.5},
        {"max_rollbacks": -1},
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(kwargs))} is {next(iter(kwargs.values()))}"):
        Watchdog(**kwargs)
