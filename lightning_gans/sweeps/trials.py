"""Runs the trials of a sweep, one after the other, until the study has enough of them.

A trial is ``lightning-gans fit`` in a process of its own, whose score file is polled.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import Trial, TrialState

from lightning_gans.runs.below import scored_runs_below
from lightning_gans.runs.settings import STUDY, TRIAL
from lightning_gans.sweeps.interruption import NEVER, Interruption
from lightning_gans.sweeps.study import (
    FOLDER,
    HEARTBEAT_SECONDS,
    MACHINE,
    PROCESS,
    QUEUED,
    finished,
    record_heartbeat,
    requeue,
    requeue_dead,
    running,
    this_machine,
    waiting,
)
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

    The best checkpoint of a trial is that of the sweep's score. A score that validation will not measure is refused
    before the trial trains.

    Args:
        sweep: the sweep file.
        drawn: the drawn values by key.
        extra: arguments of the user.
        folder: the folder in which the run writes.
    """
    own = sweep.arguments(drawn)
    best = [f"--best.monitor=val/{sweep.score}", f"--best.mode={'max' if sweep.maximize else 'min'}"]
    return ["--trainer.enable_progress_bar=false", *own, *best, *extra, f"--trainer.logger.save_dir={folder}"]


def read_scores(folder: Path, name: str) -> list[Score]:
    """Return the values of a validation score in all runs below a folder, in the order in which they were written.

    A line that is not complete yet and a value that is not finite are left out.
    """
    found = []
    for run in scored_runs_below(folder):
        for row in run.read_scores():
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
    environment: Mapping[str, str] | None = None,
    interruption: Interruption = NEVER,
) -> TrialResult:
    """Run a fit until it ends or should be pruned.

    Args:
        arguments: the arguments of ``fit``.
        folder: the folder of the run; its output goes there into ``output.log`` and ``errors.log``.
        score: name of the validation score.
        look: called with all scores so far about once a second; returns whether to stop.
        command: the program to run; by default ``lightning-gans fit``.
        environment: variables of the run, beside those of this process.
        interruption: says whether this process is interrupted.

    Raises:
        KeyboardInterrupt: if this process is interrupted; the run is ended first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output.log").open("w") as output, (folder / "errors.log").open("w") as errors:
        # In a session of its own: Ctrl-C in the terminal reaches this process only, which then ends the run in order.
        child = subprocess.Popen(
            [*(command or COMMAND), *arguments],
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        pruned = False
        try:
            while child.poll() is None and not pruned:
                time.sleep(POLL_SECONDS)
                interruption.check()
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


STATE_NAMES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def run_trials(
    study: Study,
    sweep: Sweep,
    folder: Path,
    runs: int,
    queue_only: bool,
    extra: list[str],
    say: Callable[[str], None] = print,
    command: list[str] | None = None,
    interruption: Interruption = NEVER,
) -> None:
    """Run trials until the study has ``runs`` of them, those of other machines included.

    Args:
        study: the study of the sweep.
        sweep: the sweep file.
        folder: parent of the trials' folders.
        runs: number of finished trials at which the sweep ends.
        queue_only: run only the parameter sets in the study's queue, as a grid does.
        extra: arguments that follow those of the sweep file.
        say: prints a line for each trial.
        command: the program to run in place of ``lightning-gans fit``.
        interruption: says whether this process is interrupted.

    Raises:
        KeyboardInterrupt: if this process is interrupted; the trial goes back into the queue first.
    """
    while True:
        interruption.check()
        if lost := requeue_dead(study):
            say(f"{lost} of the study's trials ended with a sweep that was killed; what they tried is tried again")
        if len(finished(study)) + len(running(study)) >= runs or (queue_only and not waiting(study)):
            return
        trial = study.ask(
            {parameter.key: parameter.distribution for parameter in sweep.varied if parameter.distribution}
        )
        if queue_only and QUEUED not in trial.user_attrs:
            # Another machine took the last one in between.
            study.set_user_attr(f"lost-{trial.number}", True)
            study.tell(trial, state=TrialState.FAIL)
            return
        try:
            run_one(study, trial, sweep, folder, extra, say, command, interruption)
        except KeyboardInterrupt:
            requeue(study, trial)
            raise


def run_one(
    study: Study,
    trial: Trial,
    sweep: Sweep,
    folder: Path,
    extra: list[str],
    say: Callable[[str], None],
    command: list[str] | None,
    interruption: Interruption,
) -> None:
    """Run one trial and report its result to the study."""
    place = free_folder(folder, trial.number)
    for name, value in ((MACHINE, this_machine()), (PROCESS, os.getpid()), (FOLDER, str(place))):
        trial.set_user_attr(name, value)
    record_heartbeat(trial)
    arguments = fit_arguments(sweep, trial.params, extra, place)
    say(f"trial {trial.number}: {' '.join(p.argument(trial.params[p.key])[2:] for p in sweep.varied)}")
    started = time.monotonic()
    watch = PruningMonitor(trial, sweep.maximize)
    environment = {STUDY: study.study_name, TRIAL: str(trial.number)}
    ended = run_trial(arguments, place, sweep.score, watch, command, environment, interruption)
    watch.report(ended.scores)
    trial.set_user_attr("seconds", round(time.monotonic() - started, 1))
    told = report_result(study, trial, sweep, ended)
    say(f"trial {trial.number}: {told}, {time.monotonic() - started:.0f} s, {place}")


def report_result(study: Study, trial: Trial, sweep: Sweep, ended: TrialResult) -> str:
    """Report the result of a trial to the study, and return a line about it for the user."""
    best = best_of(ended.scores, sweep.maximize)
    if best is not None:
        trial.set_user_attr("best", best.value)
        trial.set_user_attr("step", best.step)
    shown = "" if best is None else f"best {sweep.score} {best.value:.4g} at step {best.step:,}"
    if ended.error is not None:
        trial.set_user_attr("error", ended.error)
        study.tell(trial, state=TrialState.FAIL)
        return f"failed: {ended.error}"
    if ended.pruned or best is None:
        study.tell(trial, state=TrialState.PRUNED)
        return f"{shown} (pruned)"
    study.tell(trial, best.value)
    return shown


class PruningMonitor:
    """Reports the best score so far to the study after each validation, and asks whether the trial should be pruned.

    Args:
        trial: the trial to which the scores belong.
        maximize: whether a larger score is better.
    """

    def __init__(self, trial: Trial, maximize: bool) -> None:
        self.trial = trial
        self.maximize = maximize
        self.seen = 0
        self.last_heartbeat = time.monotonic()

    def report(self, scores: list[Score]) -> None:
        """Report the scores that were not reported before."""
        for count in range(self.seen + 1, len(scores) + 1):
            best = best_of(scores[:count], self.maximize)
            assert best is not None
            self.trial.report(best.value, step=count)
        self.seen = max(self.seen, len(scores))

    def __call__(self, scores: list[Score]) -> bool:
        """Return whether the run should end, given all its scores so far."""
        if time.monotonic() - self.last_heartbeat > HEARTBEAT_SECONDS:
            self.last_heartbeat = time.monotonic()
            record_heartbeat(self.trial)
        stop = False
        while self.seen < len(scores) and not stop:
            # One by one: two validations within one poll may belong to two brackets.
            self.report(scores[: self.seen + 1])
            stop = self.trial.should_prune()
        return stop


def best_of(scores: list[Score], maximize: bool) -> Score | None:
    """Return the best score; of equal scores the first."""
    pick = max if maximize else min
    return pick(scores, key=lambda score: score.value, default=None)


def free_folder(folder: Path, number: int) -> Path:
    """Return a folder for the trial that does not exist yet."""
    place, again = folder / f"trial-{number:04d}", 1
    while place.exists():
        again += 1
        place = folder / f"trial-{number:04d}-{again}"
    return place
