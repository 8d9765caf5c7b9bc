"""One trial: ``lightning-gans fit`` in a process of its own, whose score file is polled."""

from __future__ import annotations

import contextlib
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

from lightning_gans.runs.folder import scored_runs_below
from lightning_gans.sweeps.wandb_file import Sweep

POLL_SECONDS = 1.0
"""Seconds between two reads of the score file."""

TERMINATE_SECONDS = 10.0
"""Seconds that a run has to end after SIGTERM, before it is killed."""

COMMAND = [sys.executable, "-m", "lightning_gans", "fit"]


class Score(NamedTuple):
    """The score of one validation.

    Attributes:
        value: the score.
        step: the number of training steps before it.
    """

    value: float
    step: int


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Attributes:
        scores: all scores that the run wrote.
        pruned: whether the run was stopped because of its scores.
        error: the last line on stderr of a run that failed, else None.
    """

    scores: list[Score]
    pruned: bool
    error: str | None


def fit_arguments(sweep: Sweep, drawn: dict[str, Any], extra: list[str], folder: Path) -> list[str]:
    """Return the arguments of a trial's ``fit``: those of the sweep, then those of the user, then the folder.

    Args:
        sweep: the sweep file.
        drawn: the drawn values by key.
        extra: arguments of the user.
        folder: the folder in which the run writes.
    """
    own = sweep.arguments(drawn)
    return ["--trainer.enable_progress_bar=false", *own, *extra, f"--trainer.logger.save_dir={folder}"]


def read_scores(folder: Path, name: str) -> list[Score]:
    """Return the values of a validation score in all runs below a folder, in the order in which they were written.

    A line that is not complete yet and a value that is not finite are left out.
    """
    found = []
    for run in scored_runs_below(folder):
        for row in run.read_scores("skip"):
            value = row.scores.get(f"val/{name}")
            if value is not None and row.step is not None and math.isfinite(value):
                found.append(Score(float(value), row.step))
    return found


def run_trial(
    arguments: list[str],
    folder: Path,
    score: str,
    look: Callable[[list[Score]], bool],
    command: list[str] | None = None,
) -> TrialResult:
    """Run a fit until it ends or should be pruned.

    Args:
        arguments: the arguments of ``fit``.
        folder: the folder of the run; its output goes there into ``output.log`` and ``errors.log``.
        score: name of the validation score.
        look: called with all scores so far about once a second; returns whether to stop.
        command: the program to run; by default ``lightning-gans fit``.

    Raises:
        KeyboardInterrupt: if this process is interrupted; the run is ended first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output.log").open("w") as output, (folder / "errors.log").open("w") as errors:
        # In a session of its own: Ctrl-C in the terminal reaches this process only, which then ends the run in order.
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
    """End a run and all its processes: SIGTERM first, then SIGKILL."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(TERMINATE_SECONDS)
    # The whole session, which includes the data loaders' processes; it may be empty by now.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def last_line(path: Path) -> str:
    """Return the last line of a file that is not blank, or an empty string."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
