"""What the watchdog reports of short runs, of half precision and at the end of every run."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lightning_gans.callbacks import LastCheckpoint, Watchdog
from lightning_gans.callbacks.symptoms import CollapseWarning, Diagnosis, OverflowWarning
from lightning_gans.core.errors import RunEnded
from tests.support.half import emulated_half, half_trainer
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


class SolidColor(Callback):
    """From a step on, G makes the same image of any noise."""

    def __init__(self, first: int) -> None:
        self.first = first

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.first:
            for parameter in pl_module.generator.parameters():
                parameter.data.zero_()
                parameter.requires_grad_(True)


def report(caplog: pytest.LogCaptureFixture) -> str:
    (line,) = [record.message for record in caplog.records if record.message.startswith("Watchdog:")]
    return line


@pytest.fixture
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="lightning.pytorch.utilities.rank_zero")


@pytest.mark.usefixtures("_logged")
def test_images_of_one_color_are_a_collapse_in_the_first_steps_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=7, limit_val_batches=0, callbacks=[SolidColor(2), Watchdog()])
    with pytest.warns(CollapseWarning, match=r"collapse at step 4: .*variance_ratio of a batch "):
        trainer.fit(tiny_dcgan(), TinyData())
    assert "after 7 steps: collapse" in report(caplog)


@pytest.mark.usefixtures("_logged")
@pytest.mark.parametrize("interval", [5, 50])
def test_the_end_of_a_run_that_is_shorter_than_the_watchdogs_window_tells_its_state(
    interval: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings: dict[str, Any] = {"max_steps": 6, "limit_val_batches": 0, "log_every_n_steps": interval}
    tiny_trainer(tmp_path, callbacks=[Watchdog()], **settings).fit(tiny_dcgan(), TinyData())
    assert "Watchdog: at the end of the run, after 6 steps: no symptom (variance_ratio 0." in report(caplog)
    assert all(f"{key} " in report(caplog) for key in ("margin", "grad_norm/g", "grad_norm/d"))
    caplog.clear()
    watchdog = Watchdog(stop=True, max_rollbacks=1)
    with pytest.warns(CollapseWarning, match=r"collapse at step 6: [^;]*$"):
        tiny_trainer(tmp_path, callbacks=[SolidColor(5), watchdog], **settings).fit(tiny_dcgan(), TinyData())
    assert "after 6 steps: collapse (variance_ratio " in report(caplog)
    assert json.loads((tmp_path / "watchdog.jsonl").read_text())["symptom"] == "collapse"


@pytest.mark.usefixtures("_logged")
def test_the_end_of_a_run_that_logs_nothing_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, log_every_n_steps=0, callbacks=[Watchdog()])
    trainer.fit(tiny_dcgan(), TinyData())
    assert "after 2 steps: no symptom (nothing was measured)" in report(caplog)


class Interrupt(Callback):
    """Ends the run in its third step."""

    def __init__(self, how: BaseException | signal.Signals) -> None:
        self.how = how

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 3:
            if isinstance(self.how, BaseException):
                raise self.how
            signal.raise_signal(self.how)


@pytest.mark.usefixtures("_logged")
@pytest.mark.parametrize(
    ("how", "ends_in"),
    [
        (ZeroDivisionError(), ZeroDivisionError),
        (KeyboardInterrupt(), SystemExit),
        (signal.SIGTERM, RunEnded),
        (signal.SIGUSR1, RunEnded),
    ],
    ids=str,
)
def test_a_run_that_is_ended_tells_its_state_once(
    how: BaseException | signal.Signals,
    ends_in: type[BaseException],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    handler = signal.getsignal(signal.SIGINT)  # Lightning replaces it after Ctrl-C
    callbacks = [SolidColor(2), Interrupt(how), Watchdog(), LastCheckpoint(0)]
    trainer = tiny_trainer(tmp_path, max_steps=9, limit_val_batches=0, log_every_n_steps=1, callbacks=callbacks)
    try:
        with pytest.raises(ends_in), pytest.warns(CollapseWarning, match="variance_ratio of a batch "):
            trainer.fit(tiny_dcgan(), TinyData())
    finally:
        signal.signal(signal.SIGINT, handler)
    assert f"after {trainer.global_step} steps: collapse (variance_ratio " in report(caplog)


@pytest.mark.usefixtures("_logged")
def test_an_error_before_the_first_step_or_after_the_last_adds_no_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails(Callback):
        hook = "on_train_start"

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            assert self.hook != "on_train_start", "at the start"

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            raise AssertionError("at the end")

    fails, watchdog, model = Fails(), Watchdog(), tiny_dcgan()
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, callbacks=[watchdog, fails])
    with pytest.raises(AssertionError, match="at the start"):
        trainer.fit(model, TinyData())
    assert "Watchdog:" not in caplog.text
    fails.hook = "on_train_end"
    with pytest.raises(AssertionError, match="at the end"):
        trainer.fit(model, TinyData())
    assert "after 2 steps: " in report(caplog)


class Overflow(Callback):
    """D's gradients are never finite."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        next(pl_module.discriminator.parameters()).register_hook(lambda gradient: gradient * float("nan"))


@pytest.mark.usefixtures("_logged")
@pytest.mark.parametrize(
    ("scale", "named"),
    [
        (65536.0, r"overflow at step 10: .*\(skipped_steps/d 10\)"),
        (4.0, r"overflow at step 3: .*\(loss_scale/d 0\.5, least loss_scale/d 1\)"),
    ],
)
def test_gradients_that_overflow_again_and_again_are_named(
    scale: float, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, callbacks = tiny_dcgan(), [Overflow(), Watchdog()]
    trainer = half_trainer(tmp_path, emulated_half(scale), max_steps=12, callbacks=callbacks)
    with pytest.warns(OverflowWarning, match=named):
        trainer.fit(model, TinyData())
    assert "after 12 steps: overflow (" in report(caplog)
    assert "loss_scale/g " in report(caplog)


def overflows(counts: Sequence[float], interval: int) -> list[int]:
    """The looks at which overflow is found, for numbers of skipped steps."""
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    return [
        look
        for look, count in enumerate(counts, start=1)
        if diagnosis.update(look * interval, {"skipped_steps/g": count, "loss_scale/g": 1024.0})
    ]


def test_steps_that_a_loss_scale_skips_now_and_then_are_no_symptom() -> None:
    at_the_start = [6.0] * 20
    assert overflows([*at_the_start, *(6.0 + look // 40 for look in range(2000))], interval=50) == []
    assert overflows([*at_the_start, *(6.0 + look for look in range(20))], interval=50) == [31]
    again = [*range(0, 20, 4), *[20.0] * 20, *range(20, 60, 5)]
    assert overflows(again, interval=50) == [4, 28]


def test_images_that_become_different_are_no_collapse() -> None:
    diagnosis = Diagnosis(window=5, collapse_ratio=0.3, vanishing_ratio=0.01)
    rising = [1e-6, 1e-5, 5e-5, 9e-5, 1e-3]
    assert [diagnosis.update(50 * look, {"variance_ratio": value}) for look, value in enumerate(rising)] == [[]] * 5
    assert torch.isfinite(torch.tensor(list(diagnosis.latest.values()))).all()
