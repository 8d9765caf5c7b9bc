"""The progress of a run: one line that is drawn again and again on a terminal, plain lines now and then in a log."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeGuard

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar, Timer
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar as Bar
from rich.table import Column, Table

from lightning_gans.callbacks.pace import Pace, format_duration, format_speed, total_steps, validations_left
from lightning_gans.reporting.table import format_number

REDRAWN_SECONDS = 0.5
"""Between two drawings on a terminal."""

FIRST_LINE_SECONDS, LINE_SECONDS = 10.0, 60.0
"""From the start to the first line in a log, and between two lines; a line with new scores waits for the former."""

NARROWEST, WIDEST = 8, 40
"""Columns of the bar."""

STAGES: dict[TrainerFn | None, str] = {
    TrainerFn.VALIDATING: "validating",
    TrainerFn.TESTING: "testing",
    TrainerFn.PREDICTING: "predicting",
}
"""What commands without training do."""


@dataclass
class Status:
    """What the line says.

    Attributes:
        what: the phase, such as "epoch 3 of 40".
        fraction: done, in [0, 1]; None if the end is not known.
        facts: short texts, the most important first.
    """

    what: str
    fraction: float | None
    facts: list[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line that fits the terminal: the last facts are left out where it is narrow."""
        facts = list(self.facts)
        while facts and self._room(options.max_width, facts) < NARROWEST:
            facts.pop()
        bar = max(0, min(WIDEST, self._room(options.max_width, facts)))
        line = Table.grid(Column(no_wrap=True), Column(width=bar), Column(no_wrap=True), padding=(0, 1))
        done = Bar(total=1, completed=self.fraction or 0, width=bar, pulse=self.fraction is None)
        line.add_row(self.what, done, "  ".join(facts))
        yield line

    def _room(self, width: int, facts: list[str]) -> int:
        """Columns for the bar beside these facts, with a space between each two of the three, and one at the end."""
        return width - len(self.what) - len("  ".join(facts)) - 3

    def __str__(self) -> str:
        return f"{self.what}: {', '.join(self.facts)}"


class RunProgress(ProgressBar):
    """Shows how far a run is, how long the rest takes, its speed, and the newest and the best score.

    On a terminal it is one line on stderr, which is drawn twice a second at most, by the training loop itself. Where
    stderr is a file or a pipe, such as the log of a batch job, it is a plain line about once a minute. The score is the
    one that the first ``ModelCheckpoint`` of the trainer monitors.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._screen: ExitStack | None = None
        self._live: Live | None = None
        self._pace = Pace(0, 0.0)
        self._shown = 0.0
        self._has_line = False
        self._scored = False
        self._score = ""
        self._done = 0
        self._total: float = 0

    def disable(self) -> None:
        """Show nothing."""
        self._enabled = False

    def enable(self) -> None:
        """Show the progress again."""
        self._enabled = True

    # Training.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; a resumed run has a best score already."""
        self._pace = Pace(trainer.global_step, time.monotonic())
        self._update_score(trainer)
        self._open()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Let the clock go on after a validation."""
        self._pace.go_on(time.monotonic())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show the progress if it is time."""
        now = time.monotonic()
        if self._is_due(now):
            self._pace.mark(trainer.global_step, now)
            self._show(self._train_status(trainer), now)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show how far the run has come."""
        now = time.monotonic()
        self._pace.go_on(now)
        self._show(self._train_status(trainer, f"in {format_duration(self._pace.duration(now))}"), now)

    def _train_status(self, trainer: Trainer, doing: str = "") -> Status:
        step, total = trainer.global_step, total_steps(trainer)
        left = self._pace.seconds_left(total - step, validations_left(trainer, total))
        fraction = step / total if math.isfinite(total) and total else None
        for timer in trainer.callbacks:  # type: ignore[attr-defined]  # set outside __init__
            if isinstance(timer, Timer) and (rest := timer.time_remaining()) is not None:
                gone = timer.time_elapsed()
                left = min(rest, math.inf if left is None else left)
                fraction = max(fraction or 0, gone / (gone + rest) if rest > 0 else 1)
        if total == trainer.max_steps:
            what = f"step {step:,} of {total:,}"
        else:
            last = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None
            epoch = min(trainer.current_epoch + 1, last or math.inf)
            what = f"epoch {epoch}" + (f" of {last}" if last else "")
        facts = []
        if left:
            facts.append(f"{format_duration(left)} left")
        if self._score:
            facts.append(self._score)
        if doing:
            facts.append(doing)
        elif (speed := self._pace.steps_per_second) is not None:
            facts.append(f"{format_speed(speed)} steps/s")
        if fraction is not None:
            facts.append(f"{100 * fraction:.0f}%")
        return Status(what, fraction, facts)

    def _update_score(self, trainer: Trainer) -> None:
        checkpoint = next((each for each in trainer.checkpoint_callbacks if is_monitoring(each)), None)
        if checkpoint is None:
            return
        name, scores = str(checkpoint.monitor).removeprefix("val/"), []
        value = trainer.callback_metrics.get(str(checkpoint.monitor)) if trainer.validating else None
        for score in (value, checkpoint.best_model_score):
            if score is not None and not math.isnan(number := float(score)):
                scores.append(number)
        if value is not None and scores:
            best = (max if checkpoint.mode == "max" else min)(scores)
            self._score = f"{name} {format_number(float(value))}, best {format_number(best)}"
            self._scored = True
        elif scores:
            self._score = f"best {name} {format_number(scores[0])}"

    # Validation, test and prediction.

    def _start_evaluation(self, trainer: Trainer, batches: list[int | float]) -> None:
        self._done, self._total = 0, sum(batches)
        self._open()

    def _batch_done(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        self._done += 1
        now = time.monotonic()
        if self._is_due(now):
            self._show(self._evaluation_status(trainer), now)

    def _evaluation_status(self, trainer: Trainer) -> Status:
        done = f"{self._done}/{self._total}"
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            return self._train_status(trainer, f"validating {done}")
        stage = "checking the validation" if trainer.sanity_checking else STAGES[trainer.state.fn]
        return Status(stage, self._done / self._total if self._total else None, [done])

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of training, and count batches."""
        if trainer.sanity_checking:
            return self._start_evaluation(trainer, trainer.num_sanity_val_batches)
        self._pace.pause(time.monotonic())
        return self._start_evaluation(trainer, trainer.num_val_batches)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count batches."""
        self._start_evaluation(trainer, trainer.num_test_batches)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count batches."""
        self._start_evaluation(trainer, trainer.num_predict_batches)

    on_validation_batch_end = on_test_batch_end = on_predict_batch_end = _batch_done

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the new score beside the best one."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._update_score(trainer)
            if self._live is not None:
                self._show(self._train_status(trainer), time.monotonic())

    # The terminal or the log.

    def _open(self) -> None:
        """Begin to draw, unless that has begun."""
        if not self._enabled or self._screen is not None:
            return
        self._screen, self._shown, self._has_line = ExitStack(), time.monotonic(), False
        console = Console(stderr=True)
        if sys.stderr.isatty() and not console.is_dumb_terminal:
            self._live = self._screen.enter_context(live_line(console))

    def _close(self) -> None:
        """Leave the line as it is, with the cursor below it."""
        if self._screen is not None:
            self._screen.close()
            self._screen = self._live = None

    def _is_due(self, now: float) -> bool:
        if not self._enabled or self._screen is None:
            return False
        if self._live is not None:
            return now - self._shown >= REDRAWN_SECONDS
        soon = self._scored or not self._has_line
        return now - self._shown >= (FIRST_LINE_SECONDS if soon else LINE_SECONDS)

    def _show(self, status: Status, now: float) -> None:
        if self._live is not None:
            self._live.update(status, refresh=True)
        elif self._enabled:
            print(status, file=sys.stderr, flush=True)
        self._shown, self._has_line, self._scored = now, True, False

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """End the line."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the line."""
        self._close()


@contextmanager
def live_line(console: Console) -> Iterator[Live]:
    """Context manager in which a line is drawn again and again, and everything else that is printed appears above it.

    The cursor stays visible, so that nothing is left to restore if the process is killed.
    """
    live = Live(console=console, auto_refresh=False, redirect_stdout=sys.stdout.isatty())
    before = sys.stderr
    with live:
        console.show_cursor(True)
        # Handlers keep the stream that they were made with, which is now behind the line.
        handlers = [each for each in stream_handlers() if each.stream is before]
        for handler in handlers:
            handler.setStream(sys.stderr)
        try:
            yield live
        finally:
            for handler in handlers:
                handler.setStream(before)


def stream_handlers() -> list[logging.StreamHandler[Any]]:
    """The handlers of all loggers that write to a stream."""
    loggers = [logging.root, *(each for each in logging.root.manager.loggerDict.values())]
    handlers = [handler for each in loggers if isinstance(each, logging.Logger) for handler in each.handlers]
    return [handler for handler in handlers if isinstance(handler, logging.StreamHandler)]


def is_monitoring(callback: object) -> TypeGuard[ModelCheckpoint]:
    """Whether a callback keeps the checkpoint with the best value of something."""
    return isinstance(callback, ModelCheckpoint) and callback.monitor is not None
