"""The Optuna study of a sweep, its sampler and its pruner: shared by all machines, and resumable after a kill.

Optuna's own heartbeat needs a relational database; a journal file, the default here, has none. So each running trial
writes a heartbeat as a user attribute, which works in every storage.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from lightning_gans.core.errors import InputError
from lightning_gans.sweeps.wandb_file import Sweep

STARTUP_TRIALS = 5
"""Random trials before TPE starts; a sweep of GANs has tens of trials, not hundreds."""

SAMPLERS = {"random": "random", "grid": "grid", "bayes": "tpe"}
"""The sampler for each W&B method."""


class SeededByTrial(BaseSampler):
    """A sampler that is seeded anew for every trial, with a function of the seed and the trial's number.

    So a study that is resumed or shared by several machines never repeats draws, and draws do not depend on history.

    Args:
        make: creates a sampler from a seed.
        seed: the seed of the study.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make = make
        self.seed = seed
        self.number: int | None = None
        self.sampler = make(seed)

    def of(self, trial: FrozenTrial) -> BaseSampler:
        """Return the sampler of a trial."""
        if trial.number != self.number:
            self.number, self.sampler = trial.number, self.make(self.seed * 1_000_003 + trial.number)
        return self.sampler

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See Optuna."""
        return self.of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See Optuna."""
        return self.of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See Optuna."""
        return self.of(trial).sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """See Optuna."""
        self.of(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """See Optuna."""
        self.of(trial).after_trial(study, trial, state, values)


def make_sampler(name: str, seed: int) -> BaseSampler:
    """Return the sampler of that name; a grid is a queue in the study, so its sampler is never asked."""
    if name == "tpe":
        return SeededByTrial(lambda number: TPESampler(seed=number, n_startup_trials=STARTUP_TRIALS), seed)
    return SeededByTrial(lambda number: RandomSampler(seed=number), seed)


def grid_points(sweep: Sweep) -> list[dict[str, Any]]:
    """Return all combinations of values; those of the last parameter vary fastest.

    Raises:
        InputError: if a parameter has infinitely many values.
    """
    draws = []
    for parameter in sweep.varied:
        if parameter.choices is None:
            raise InputError(
                f"parameters.{parameter.key} has infinitely many values; expected value, values or an integer range "
                f"where the method is grid (in {sweep.path})"
            )
        draws.append(parameter.choices)
    keys = [parameter.key for parameter in sweep.varied]
    return [dict(zip(keys, point, strict=True)) for point in product(*draws)]


def make_pruner(sweep: Sweep) -> BasePruner:
    """Return W&B's hyperband: at each bracket a run continues if it is among the best 1/eta of the runs so far."""
    if sweep.halving is None:
        return NopPruner()
    return SuccessiveHalvingPruner(min_resource=sweep.halving.first, reduction_factor=sweep.halving.factor)


HEARTBEAT_SECONDS = 20.0
"""Seconds between two heartbeats of a running trial."""

DEAD_AFTER_SECONDS = 6 * HEARTBEAT_SECONDS
"""Seconds without a heartbeat after which a trial on another machine counts as lost."""

QUEUED, LAST_HEARTBEAT, MACHINE, PROCESS, FOLDER = "queued", "alive", "machine", "process", "folder"
LOST_PREFIX = "lost-"


def open_storage(given: str) -> BaseStorage:
    """Open a storage from a database URL or the path of a journal file.

    Raises:
        InputError: if it cannot be opened.
    """
    try:
        if "://" in given:
            return RDBStorage(given)
        Path(given).parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(given))
    except Exception as error:  # whatever the database's driver raises
        raise InputError(
            f"--storage is {given}, which cannot be opened: {' '.join(str(error).split())[:200]}; "
            "expected a journal's file or a URL such as sqlite:///sweep.db"
        ) from None


def open_study(storage: BaseStorage, name: str, sweep: Sweep, sampler: str, extra: list[str], seed: int) -> Study:
    """Load the study ``name``, or create it.

    Raises:
        InputError: if the study there is one of another sweep.
    """
    what = {key: sweep.raw.get(key) for key in ("method", "metric", "parameters", "early_terminate", "command")}
    what |= {"sampler": sampler, "arguments": extra}
    direction = StudyDirection.MAXIMIZE if sweep.maximize else StudyDirection.MINIMIZE
    made = make_sampler(sampler, seed)
    try:
        # One machine makes it, and no other can: it alone fills the queue.
        study = optuna.create_study(
            study_name=name, storage=storage, direction=direction, sampler=made, pruner=make_pruner(sweep)
        )
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage, sampler=made, pruner=make_pruner(sweep))
        wait_until_made(study)
    if "sweep" not in study.user_attrs:
        if sampler == "grid":
            for point in grid_points(sweep):
                study.enqueue_trial(point, user_attrs={QUEUED: True}, skip_if_exists=True)
        study.set_user_attr("sweep", json.dumps(what))
    known = json.loads(study.user_attrs["sweep"])
    for key in what:
        if known.get(key) != json.loads(json.dumps(what[key])):
            raise InputError(
                f"{key} is {json.dumps(what[key])}, but study {name} was made with {json.dumps(known.get(key))}; "
                "give another --name for a new study"
            )
    return study


def wait_until_made(study: Study, patience: float = 30.0) -> None:
    """Wait until the machine that created the study has filled its queue, or until ``patience`` seconds are over."""
    until = time.monotonic() + patience
    while "sweep" not in study.user_attrs and time.monotonic() < until:
        time.sleep(0.5)


# Which trials count.


def is_lost(study: Study, trial: FrozenTrial) -> bool:
    """Return whether a trial was aborted together with its sweep, so that its result says nothing of its parameters."""
    return f"{LOST_PREFIX}{trial.number}" in study.user_attrs


def finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that ended by themselves: complete, pruned or failed."""
    return [
        trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished() and not is_lost(study, trial)
    ]


def running(study: Study) -> list[FrozenTrial]:
    """Return the trials that are running now, on any machine."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def waiting(study: Study) -> int:
    """Return the number of parameter sets in the queue."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))


def requeue(study: Study, trial: FrozenTrial | Trial) -> None:
    """Mark a trial as lost and put its parameters back into the queue."""
    study.set_user_attr(f"{LOST_PREFIX}{trial.number}", True)
    try:
        study.tell(trial.number, state=TrialState.FAIL)
    except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
        return  # another machine has seen it too
    known = study.get_trials(deepcopy=False)[trial.number]
    # A trial that came from the queue may have been lost before it had taken its parameters.
    params = known.system_attrs.get("fixed_params", {}) | known.params
    if params:
        study.enqueue_trial(params, user_attrs={QUEUED: True})


def requeue_dead(study: Study) -> int:
    """Requeue the trials whose sweep was killed, and return their number."""
    dead = [trial for trial in running(study) if not is_alive(trial)]
    for trial in dead:
        requeue(study, trial)
    return len(dead)


# Heartbeats.


def this_machine() -> str:
    """Return a name of this machine or container: within it, process ids are unique."""
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()} {namespace.stat().st_ino if namespace.exists() else ''}".strip()


def record_heartbeat(trial: Trial) -> None:
    """Write a heartbeat: the current time."""
    trial.set_user_attr(LAST_HEARTBEAT, time.time())


def is_alive(trial: FrozenTrial) -> bool:
    """Return whether the process of a running trial is still alive, as far as this machine can know."""
    process = trial.user_attrs.get(PROCESS)
    here = trial.user_attrs.get(MACHINE) == this_machine()
    # This process runs none while it asks, so one with its id was another's before.
    if process is not None and here and (process == os.getpid() or not is_process(process)):
        return False
    started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return time.time() - float(trial.user_attrs.get(LAST_HEARTBEAT, started)) < DEAD_AFTER_SECONDS


def is_process(number: int) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
