"""One trial: a real ``lightning-gans fit`` in a process of its own, watched through the scores that it writes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lightning_gans.sweeps.wandb_file import Sweep

POLL_SECONDS = 1.0
"""Seconds between two looks at the scores."""

TERMINATE_SECONDS = 10.0
"""Seconds for a run to end by itself after it was asked to."""

COMMAND = [sys.executable, "-m", "lightning_gans", "fit"]


class Score(NamedTuple):
    """A validation's score.

    Attributes:
        value: the score.
        step: after how many steps.
    """

    value: float
    step: int


@dataclass(frozen=True)
class TrialResult:
    """How a run ended.

    Attributes:
        scores: all it has written.
        pruned: whether it was stopped because of them.
        error: the last line on its stderr, where it failed.
    """

    scores: list[Score]
    pruned: bool
    error: str | None


def fit_arguments(sweep: Sweep, drawn: dict[str, Any], extra: list[str], folder: Path) -> list[str]:
    """What a trial's fit is given: the sweep's own arguments, then the user's, and its folder.

    Args:
        sweep: what is varied.
        drawn: by key.
        extra: arguments after the sweep's own.
        folder: where to write.
    """
    own = sweep.arguments(drawn)
    return ["--trainer.enable_progress_bar=false", *own, *extra, f"--trainer.logger.save_dir={folder}"]


def read_scores(folder: Path, name: str) -> list[Score]:
    """A validation score's values in all runs below a folder, in the order they were written.

    A line that is only half written is left for the next look, and so is what is no number.
    """
    found = []
    for path in sorted(folder.rglob("scores.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                row = json.loads(line)
                value = row["scores"].get(f"val/{name}")
                if value is not None and math.isfinite(value):
                    found.append(Score(float(value), int(row["step"])))
    return found


def run_trial(
    arguments: list[str],
    folder: Path,
    score: str,
    look: Callable[[list[Score]], bool],
    command: list[str] | None = None,
) -> TrialResult:
    """Run a fit to its end, unless what its scores say is that it should stop.

    Args:
        arguments: those of the fit.
        folder: where it is told to write; what it prints lies there in ``output.log`` and ``errors.log``.
        score: which validation score to read.
        look: called with all scores so far about once a second; whether to stop.
        command: what to run; by default ``lightning-gans fit``.

    Raises:
        KeyboardInterrupt: if this process is interrupted; the run is ended first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output.log").open("w") as output, (folder / "errors.log").open("w") as errors:
        # A session of its own: Ctrl-C in the terminal reaches this process alone, which ends the run in order.
        child = subprocess.Popen(
            [*(command or COMMAND), *arguments], stdout=output, stderr=errors, start_new_session=True
        )
        pruned = False
        try:
            while child.poll() is None and not pruned:
                time.sleep(POLL_SECONDS)
                pruned = look(read_scores(folder, score)) and child.poll() is None
        finally:
            end(child)
    scores = read_scores(folder, score)
    if pruned:
        return TrialResult(scores, True, None)
    error = last_line(folder / "errors.log") or f"exit status {child.returncode}" if child.returncode else None
    if not error and not scores:
        error = f"it ended without a val/{score}"
    return TrialResult(scores, False, error)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a run and all its processes: first by asking, then by force."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(TERMINATE_SECONDS)
    # The run's session, which has its loaders' processes too; by now there may be none.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def last_line(path: Path) -> str:
    """The last line of a file that is not empty."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
