"""The best score so far as a metric."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch

from lightning_gans.callbacks import BestScore
from lightning_gans.core.errors import InputError


class Log:
    def __init__(self) -> None:
        self.rows: list[tuple[dict[str, float], int]] = []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((metrics, step))


def logged(callback: BestScore, scores: list[float], name: str = "val/fid") -> list[tuple[dict[str, float], int]]:
    log = Log()
    for index, score in enumerate(scores, start=1):
        trainer: Any = SimpleNamespace(
            sanity_checking=False,
            callback_metrics={name: torch.tensor(score), "loss/d": torch.tensor(-9.0)},
            loggers=[log],
            global_step=10 * index,
        )
        callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    return log.rows


@pytest.mark.parametrize(("mode", "best"), [("min", [3, 2, 2, 1]), ("max", [3, 3, 4, 4])])
def test_the_last_value_is_the_best(mode: Literal["min", "max"], best: list[float]) -> None:
    rows = logged(BestScore("fid", mode), [3.0, 2.0, 4.0, 1.0])
    assert rows == [({"best/fid": value}, 10 * index - 1) for index, value in enumerate(best, start=1)]


def test_what_is_no_number_is_never_the_best() -> None:
    rows = logged(BestScore(), [math.nan, 3.0, math.nan, 4.0])
    assert [row[0]["best/fid"] for row in rows] == [3, 3, 3]


def test_a_domain_has_its_own() -> None:
    assert logged(BestScore("b/miou", "max"), [0.5], "val/b/miou") == [({"best/b/miou": 0.5}, 9)]


def test_a_resumed_run_keeps_the_best() -> None:
    first, second = BestScore(), BestScore()
    logged(first, [2.0])
    second.load_state_dict(first.state_dict())
    assert logged(second, [5.0]) == [({"best/fid": 2.0}, 9)]


def test_a_score_that_is_not_measured_is_refused() -> None:
    with pytest.raises(InputError, match="BestScore score is kid; validation has fid"):
        logged(BestScore("kid"), [1.0])
