"""The time of a step is that of the steps of a run: warmed up, of its own batch, with the penalty in one of four."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lightning_gans.cli.photos import trial
from lightning_gans.cli.photos.parts import Attempt, Device
from lightning_gans.cli.photos.trial import INTERVAL, TIMED, WARM_UP, StepTrial, Timer

ATTEMPT = Attempt(3, (16, 16), 0, (8, 8), False, 64)


def test_the_mean_leaves_out_the_warm_up_and_counts_the_penalty_in_proportion() -> None:
    timer = Timer()
    timer.seconds = [90.0, 50.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0, 5.0, 1.0]
    assert len(timer.seconds) == WARM_UP + TIMED
    assert timer.mean() == (5 + 3 * 1) / INTERVAL
    timer.seconds = timer.seconds[: WARM_UP + INTERVAL]
    assert timer.mean() == (5 + 3 * 1) / INTERVAL


@pytest.mark.parametrize(("first", "timed", "expected"), [(0.5, 64, 0.25), (3.0, 16, 1.0)])
def test_the_batch_itself_is_timed_unless_its_steps_are_long(
    first: float, timed: int, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[int, int]] = []

    def train(attempt: Attempt, accelerator: str, steps: int, timer: Timer) -> None:
        tried.append((attempt.batch_size, steps))
        timer.seconds = [first] + [0.25] * (steps - 1)

    monkeypatch.setattr(trial, "train", train)
    cost = StepTrial(Device("cpu", "this CPU", 2**40))(ATTEMPT)
    assert cost is not None
    assert cost.seconds == expected
    assert tried == [(16, 1), (timed, WARM_UP + TIMED)]


def test_long_steps_are_ended_early(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(trial, "now", lambda _: float(next(clock)))
    trainer: Any = SimpleNamespace(should_stop=False)
    timer, steps = Timer(), 0
    model: Any = None
    while not trainer.should_stop:
        timer.on_train_batch_start(trainer, model, None, steps)
        timer.on_train_batch_end(trainer, model, None, None, steps)
        steps += 1
    assert steps == WARM_UP + INTERVAL
