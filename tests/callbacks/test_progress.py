"""What a run shows on a terminal and in a log."""

from __future__ import annotations

import io
import logging
import math
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from rich.console import Console

from lightning_gans.callbacks import Evaluation, progress
from lightning_gans.callbacks.layers import NetworkSummary
from lightning_gans.callbacks.pace import WINDOW, Pace, format_duration, total_steps, validations_left
from lightning_gans.callbacks.progress import RunProgress, Status
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SHOW_CURSOR = "\x1b[?25h"


class Stream(io.StringIO):
    """In place of stderr: a terminal of 80 columns, or the log of a batch job."""

    terminal = True

    def isatty(self) -> bool:
        return self.terminal

    @property
    def frames(self) -> list[str]:
        """Every line that was drawn or printed."""
        return [line.strip() for line in re.split(r"[\r\n]", CONTROL.sub("", self.getvalue())) if line.strip()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Stream:
    for name, value in {"TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(progress, "REDRAWN_SECONDS", 0)
    return Stream()


@pytest.fixture
def log() -> Stream:
    stream = Stream()
    stream.terminal = False
    return stream


@contextmanager
def shown_on(stream: Stream) -> Iterator[None]:
    """Context manager in which stderr is ``stream``, which it must be again at the end."""
    with mock.patch.object(sys, "stderr", stream):
        yield
        assert sys.stderr is stream


def fit(folder: Path, stream: Stream, *callbacks: Callback, **settings: Any) -> None:
    best = ModelCheckpoint(folder / "best", monitor="val/fid")
    scores = Evaluation(kid=False, neighbors=0, cache=folder / "cache")
    checkpoint = settings.pop("ckpt_path", None)
    settings = {"max_epochs": 2, "enable_progress_bar": True, **settings}
    trainer = tiny_trainer(folder, callbacks=[RunProgress(), best, scores, *callbacks], **settings)
    with shown_on(stream):
        trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=checkpoint, weights_only=False)


def test_a_terminal_shows_one_line_that_counts_from_one_and_ends_whole(tmp_path: Path, terminal: Stream) -> None:
    fit(tmp_path, terminal)
    frames = [frame for frame in terminal.frames if frame.startswith("epoch")]
    assert all(len(frame) <= 80 for frame in frames)
    assert frames[0].startswith("epoch 1 of 2 ")
    assert re.search(r"0:0\d left .*validating 1/\d ", "\n".join(frames))
    assert re.fullmatch(r"epoch 2 of 2 ━+ fid [\d.]+, best [\d.]+  in \d+:\d\d  100%", frames[-1])
    assert terminal.getvalue().endswith(f"\n{SHOW_CURSOR}")


def test_what_others_print_is_above_the_line(tmp_path: Path, terminal: Stream) -> None:
    handler = logging.StreamHandler(terminal)
    logging.getLogger("some.library").addHandler(handler)

    class Talks(Callback):
        def on_train_epoch_end(self, *_: Any) -> None:
            print("a warning", file=sys.stderr)
            logging.getLogger("some.library").warning("a log record")

    fit(tmp_path, terminal, Talks(), max_epochs=1)
    logging.getLogger("some.library").removeHandler(handler)
    assert {"a warning", "a log record"} <= set(terminal.frames)
    assert handler.stream is terminal


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_terminal_as_it_was(tmp_path: Path, terminal: Stream, error: type[BaseException]) -> None:
    class Fails(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise error

    with pytest.raises((RuntimeError, SystemExit)):
        fit(tmp_path, terminal, Fails())
    assert terminal.getvalue().endswith(f"\n{SHOW_CURSOR}")


def test_a_log_has_plain_lines_now_and_then(tmp_path: Path, log: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 4))  # seconds between two looks at it
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    fit(tmp_path, log, max_epochs=6, check_val_every_n_epoch=3)
    lines = log.getvalue().splitlines()
    shown = [line for line in lines if line.startswith("epoch")]
    assert not CONTROL.search(log.getvalue())
    assert 3 < len(shown) < 12
    assert re.fullmatch(r"epoch 1 of 6: \d+:\d\d left, [\d.]+ steps/s, \d%", shown[0])
    assert re.fullmatch(r"epoch 6 of 6: fid [\d.]+, best [\d.]+, in \d+:\d\d, 100%", shown[-1])


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_resumed_run_counts_on_and_knows_its_best_score(
    tmp_path: Path, log: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path, log, max_epochs=1)
    monkeypatch.setattr(progress, "FIRST_LINE_SECONDS", 0)
    (checkpoint,) = (tmp_path / "best").glob("*.ckpt")
    score = log.frames[-1].split(", best ")[1].split(",")[0]
    fit(tmp_path, log, ckpt_path=checkpoint)
    resumed = [frame for frame in log.frames if frame.startswith("epoch 2 of 2: ")]
    assert f"best fid {score}," in resumed[0]
    assert resumed[0].endswith(" 60%")


def test_only_the_first_process_shows_anything() -> None:
    shown = RunProgress()
    shown.setup(SimpleNamespace(is_global_zero=False), tiny_dcgan(), "fit")  # type: ignore[arg-type]
    assert not shown._enabled


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_other_commands_count_batches(tmp_path: Path, terminal: Stream, stage: str) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[RunProgress()], enable_progress_bar=True)
    with shown_on(terminal):
        getattr(trainer, stage)(tiny_dcgan(), TinyData())
    doing = {"validate": "validating", "test": "testing", "predict": "predicting"}[stage]
    assert re.fullmatch(rf"{doing} ━+ (\d+)/\1", [line for line in terminal.frames if line.startswith(doing)][-1])


def render(status: Status, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=True)
    with console.capture() as captured:
        console.print(status)
    return CONTROL.sub("", captured.get()).rstrip("\n")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_line_fits_the_terminal(width: int) -> None:
    facts = ["10:01:12 left", "b/miou 0.4412, best 0.4518", "1,250 steps/s", "31%"]
    line = render(Status("epoch 113 of 200", 0.5, facts), width)
    assert len(line) <= width
    assert "\n" not in line
    assert line.startswith("epoch 113 of 200 ━━━━")
    assert [fact in line for fact in facts] == sorted((fact in line for fact in facts), reverse=True)
    assert (facts[-1] in line) == (width >= 80 + 20)


def test_the_pace_is_that_of_the_last_steps_without_validations() -> None:
    pace = Pace(100, 50.0)
    assert pace.steps_per_second is None
    assert pace.seconds_left(10, 1) is None
    pace.mark(110, 60.0)
    assert pace.steps_per_second == 1
    pace.pause(60.0)
    pace.go_on(90.0)
    pace.go_on(91.0)  # every batch says so
    pace.mark(120, 100.0)
    assert pace.steps_per_second == 1
    assert pace.seconds_left(40, 2) == 40 + 2 * 30
    assert pace.seconds_left(math.inf, 0) is None
    assert pace.duration(100.0) == 50
    for second in range(WINDOW):
        pace.mark(120 + 5 * second, 101.0 + second)
    assert pace.steps_per_second == 5


def plan(**settings: Any) -> Any:
    defaults = {"max_epochs": 10, "max_steps": -1, "num_training_batches": 50, "check_val_every_n_epoch": 1}
    return SimpleNamespace(**{**defaults, "val_check_batch": 50, "global_step": 120, **settings})


@pytest.mark.parametrize(
    ("settings", "steps", "validations"),
    [
        ({}, 500, 8),
        ({"check_val_every_n_epoch": 4}, 500, 2),
        ({"val_check_batch": 25}, 500, 16),
        ({"check_val_every_n_epoch": None, "val_check_batch": 200}, 500, 2),
        ({"check_val_every_n_epoch": None, "val_check_batch": None}, 500, 0),
        ({"max_steps": 130}, 130, 0),
        ({"max_epochs": -1, "max_steps": 1000}, 1000, 18),
        ({"max_epochs": -1}, math.inf, 0),
        ({"max_epochs": None, "max_steps": 40}, 40, 0),
        ({"num_training_batches": math.inf, "max_steps": 400, "val_check_batch": math.inf}, 400, 0),
    ],
)
def test_the_end_of_a_run_is_known(settings: dict[str, Any], steps: float, validations: int) -> None:
    trainer = plan(**settings)
    assert total_steps(trainer) == steps
    assert validations_left(trainer, steps) == max(0, validations)


@pytest.mark.parametrize(
    ("settings", "timer", "what", "fact"),
    [
        ({"max_steps": 1500}, None, "step 120 of 1,500", "8%"),
        ({"max_epochs": 40}, None, "epoch 3 of 40", "6%"),
        ({"max_epochs": -1}, None, "epoch 3", None),
        ({"max_epochs": -1}, Timer(timedelta(minutes=5)), "epoch 3", "0%"),
    ],
)
def test_a_run_is_counted_in_the_unit_of_its_limit(
    settings: dict[str, Any], timer: Timer | None, what: str, fact: str | None
) -> None:
    if timer is not None:
        timer.start_time()
        timer._start_time["train"] = time.monotonic()  # type: ignore[index]
    trainer = plan(**{"current_epoch": 2, "callbacks": [timer], "max_epochs": -1, **settings})
    status = RunProgress()._train_status(trainer)
    assert status.what == what
    assert (status.facts[-1] if status.facts else None) == fact


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65.4, "1:05"), (3599.6, "1:00:00"), (90_061, "25:01:01")])
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_the_summary_has_the_networks_and_nothing_that_is_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = NetworkSummary()
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[summary]).fit(tiny_dcgan(), TinyData())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["network", "class", "parameters"]
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["generator", "DCGANGenerator"],
        ["discriminator", "DCGANDiscriminator"],
    ]
    assert re.fullmatch(r"[\d.]+ K parameters are trained, 0 are not; [\d.]+ MB", lines[-1])
    assert all(len(line) == len(lines[0]) for line in lines[:-1])
