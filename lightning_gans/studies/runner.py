"""Runs the cells of a study, several at a time, each as ``fit`` and ``test`` in processes of their own."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.core.machine import available_cores, free_memory
from lightning_gans.studies.budget import (
    BatchSizes,
    StepCost,
    add_step_cost,
    fit_arguments,
    read_step_costs,
    steps_of,
)
from lightning_gans.studies.cells import Cell, Setting
from lightning_gans.studies.child import Ended, claimed, error_line, run_child
from lightning_gans.studies.records import Record, State, add_record, failures, read_records, recipe_hash
from lightning_gans.studies.study import Study
from lightning_gans.sweeps.interruption import Interruption

PROGRAM = [sys.executable, "-m", "lightning_gans"]
MEASURE = [sys.executable, "-m", "lightning_gans.cli.step_cost"]

LOGS, LOCKS = "logs", ".locks"
"""Folders of a study's folder: a log for each run, and files that are locked while runs are in progress."""

MEASURED = "step-cost"
"""Beginning of the names of logs and locks of measurements."""

WAIT_SECONDS = 1.0
"""Seconds between two looks at a run that another process has claimed."""

CAUGHT = (130, 143)
"""Exit statuses of a run that was ended by SIGINT or SIGTERM."""


class StudySignals(Interruption):
    """Notes the number of the first signal, which is passed on to the runs in progress.

    Batch systems send SIGUSR1 or SIGUSR2 before a job's time is up.
    """

    SIGNALS = (*Interruption.SIGNALS, signal.SIGUSR1, signal.SIGUSR2)

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def _note(self, *arguments: Any) -> None:
        super()._note()
        # A run saves its state after all of these but SIGHUP.
        number = signal.SIGTERM if arguments[0] == signal.SIGHUP else arguments[0]
        self.number = self.number or int(number)


@dataclass(frozen=True)
class Failure:
    """A child that has failed.

    Attributes:
        state: "failed" after an error, "interrupted" after a signal.
        error: the last line of its errors.
    """

    state: State
    error: str


@dataclass
class Runner:
    """Runs cells of one study.

    Args:
        study: the study.
        folder: of the study.
        extra: arguments of ``fit`` that follow those of the study.
        batches: numbers of images in a step.
        jobs: number of runs at a time.
        signals: says which signal this process has received.
        say: prints a line for the user.
        program: the program of ``fit`` and ``test``.
        measure: the program that measures the cost of a step.

    Attributes:
        threads: number of threads of each run: those of the machine are shared, and a budget of seconds of one core is
            spent on one.
    """

    study: Study
    folder: Path
    extra: list[str]
    batches: BatchSizes
    jobs: int
    signals: StudySignals
    say: Callable[[str], None] = print
    program: list[str] = field(default_factory=lambda: PROGRAM)
    measure: list[str] = field(default_factory=lambda: MEASURE)

    @property
    def threads(self) -> int:
        """Number of threads of each run."""
        return 1 if self.study.budget.unit == "core_seconds" else max(1, available_cores() // self.jobs)

    def is_complete(self, cell: Cell) -> bool:
        """Whether a run was trained and tested."""
        return cell.folder(self.folder).results.is_file()

    def missing(self, cells: Iterable[Cell], retry: bool) -> list[Cell]:
        """The cells that are not complete.

        Args:
            cells: of the study.
            retry: also those that have failed with an error.
        """
        failed = {} if retry else failures(read_records(self.folder))
        return [cell for cell in cells if not self.is_complete(cell) and cell.name not in failed]

    def run(self, cells: Sequence[Cell]) -> None:
        """Run cells, those that another process is running last. A cell that fails does not stop the others.

        Raises:
            KeyboardInterrupt: after a signal, when all runs in progress have ended.
        """
        total, done = len(cells), 0
        with ThreadPoolExecutor(self.jobs) as pool:
            waiting: set[Future[str]] = {pool.submit(self._run_one, cell) for cell in cells}
            while waiting:
                ended, waiting = wait_for(waiting, timeout=1.0)
                for each in ended:
                    try:
                        told = each.result()
                    except BaseException:
                        self.signals.number = self.signals.number or signal.SIGTERM
                        self.signals.noted = True
                        raise
                    done += 1
                    if told:
                        self.say(f"[{done}/{total}] {told}")
        self.signals.check()

    def _run_one(self, cell: Cell) -> str:
        """Run a cell, or wait until the process that runs it has ended; returns a line for the user."""
        is_said = False
        while not self.signals.noted:
            with claimed(self._lock_file(cell.name)) as lock:
                if lock is not None:
                    return "" if self.is_complete(cell) else self._attempt(cell, lock)
            if not is_said:
                self.say(f"{cell.name}: another process runs it; waiting")
                is_said = True
            time.sleep(WAIT_SECONDS)
        return ""

    def _lock_file(self, name: str) -> Path:
        return self.folder / LOCKS / name.replace("/", "-")

    def _log(self, name: str) -> Path:
        return self.folder / LOGS / f"{name.replace('/', '-')}.log"

    def _attempt(self, cell: Cell, lock: int) -> str:
        """Train and test a cell, and record how that went; returns a line for the user."""
        recipe = recipe_hash(cell.setting.arguments(self.study, self.extra))
        parts: list[Ended] = []
        steps = self.steps(cell.setting)
        if isinstance(steps, int):
            if not self.signals.noted:
                self.say(f"{cell.name}: {steps:,} steps{described(cell.setting)}")
            failure = self._fit_and_test(cell, steps, lock, parts)
        else:
            failure, steps = steps, 0
        record = Record(
            cell=cell.name,
            recipe=recipe,
            state="complete" if failure is None else failure.state,
            steps=steps,
            seconds=round(sum(part.seconds for part in parts), 3),
            core_seconds=round(sum(part.core_seconds for part in parts), 3),
            peak_mib=round(max((part.peak_mib for part in parts), default=0.0), 1),
            threads=self.threads,
            error=None if failure is None else failure.error,
        )
        add_record(self.folder, record)
        if failure is None:
            return f"{cell.name}: complete after {record.seconds:.0f} s"
        return f"{cell.name}: {failure.state}: {failure.error}"

    def _fit_and_test(self, cell: Cell, steps: int, lock: int, parts: list[Ended]) -> Failure | None:
        """Train and test a cell; returns why it is not complete.

        Args:
            cell: the run.
            steps: of the run.
            lock: descriptor of its lock.
            parts: each command that has ended is added.
        """
        run = cell.folder(self.folder)
        failure = self._command(cell, fit_arguments(cell, self.study, steps, self.folder, self.extra), lock, parts)
        if failure is not None:
            return failure
        last = max((row.step or 0 for row in run.read_scores() if row.split == "val"), default=0)
        if last < steps:  # a job of SLURM that has requeued itself ends with status 0
            return Failure("interrupted", f"it has ended after a validation at step {last} of {steps}")
        failure = self._command(cell, ["test", "--config", str(run.config)], lock, parts)
        if failure is None and not self.is_complete(cell):
            return Failure("failed", f"the test wrote no {run.results.name}")
        return failure

    def _command(self, cell: Cell, arguments: list[str], lock: int, parts: list[Ended]) -> Failure | None:
        """Run a command of a cell; returns why it has failed."""
        log = self._log(cell.name)
        start = log.stat().st_size if log.is_file() else 0
        ended = self._child([*self.program, *arguments], log, lock)
        parts.append(ended)
        return None if ended.status == 0 else self._failure(ended, log, start)

    def _child(self, command: list[str], log: Path, lock: int | None, output: Path | None = None) -> Ended:
        threads = str(self.threads)
        environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        return run_child(command, log, environment, lambda: self.signals.number, lock, output)

    def _failure(self, ended: Ended, log: Path, start: int) -> Failure:
        if ended.status < 0 or ended.was_asked or ended.status in CAUGHT:
            by = f"signal {-ended.status}" if ended.status < 0 else error_line(log, start, ended.status)
            return Failure("interrupted", f"ended by {by}" if ended.status < 0 else by)
        return Failure("failed", error_line(log, start, ended.status))

    def steps(self, setting: Setting) -> int | Failure:
        """The number of steps of a setting's runs; the cost of a step is measured if it is needed and not known."""
        found = steps_of(setting, self.study, self.batches, read_step_costs(self.folder))
        while found is None:
            if self.signals.noted:
                return Failure("interrupted", "the cost of a step was not measured")
            with claimed(self._lock_file(f"{MEASURED}-{setting.name}")) as lock:
                if lock is not None:
                    costs = read_step_costs(self.folder)
                    if setting.name not in costs:
                        cost = self._measure(setting, lock)
                        if isinstance(cost, Failure):
                            return cost
                        costs[setting.name] = cost
                    found = steps_of(setting, self.study, self.batches, costs)
            if found is None:
                time.sleep(WAIT_SECONDS)
        return found

    def _measure(self, setting: Setting, lock: int) -> StepCost | Failure:
        """Measure and record the cost of a step of a setting."""
        name = f"{MEASURED}-{setting.name}"
        log, output = self._log(name), self.folder / LOGS / f"{name}.json"
        start = log.stat().st_size if log.is_file() else 0
        arguments = [*setting.arguments(self.study, self.extra), "--trainer.accelerator=cpu"]
        ended = self._child([*self.measure, *arguments], log, lock, output)
        if ended.status:
            return self._failure(ended, log, start)
        try:
            cost = StepCost.from_dict(json.loads(output.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            return Failure("failed", f"the cost of a step was not measured ({error})")
        cost = add_step_cost(self.folder, setting.name, cost)
        self.say(f"{setting.name}: a step takes {cost.core_seconds:.4f} s of one core, measured on {cost.steps} steps")
        return cost


def described(setting: Setting) -> str:
    """The drawn values of a setting, for a line for the user."""
    return f", {setting.describe()}" if setting.drawn else ""


BYTES_OF_A_RUN = 2 * 2**30
"""Memory for each run where no number of runs at a time is given."""


def default_jobs() -> int:
    """The number of runs at a time where none is given: one for each core, as far as memory allows; one for a GPU."""
    if shutil.which("nvidia-smi"):
        return 1
    return max(1, min(available_cores(), free_memory() // BYTES_OF_A_RUN))


def check_jobs(jobs: int) -> None:
    """Check the number of runs at a time.

    Raises:
        InputError: if there are more than cores.
    """
    if not 1 <= jobs <= available_cores():
        raise InputError(f"--jobs is {jobs}; expected from 1 to {available_cores()}, the number of cores")
