"""Callbacks that keep files in the run's folder: its lock, facts about fit and test, the figure of its log."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.callbacks.ema import EMA
from lightning_gans.core.arguments import StoresArguments, describe
from lightning_gans.core.data import data_module
from lightning_gans.core.errors import InputError, RunEnded, os_reason
from lightning_gans.core.files import atomic_file, close_in_children
from lightning_gans.core.precision import describe_precision
from lightning_gans.families.adversarial import as_adversarial
from lightning_gans.families.reconstruction import CLASS_PATH, describe_model
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.curves import draw_curves
from lightning_gans.runs.folder import RunFolder, writes_files
from lightning_gans.runs.record import current_commit, describe_machine, package_versions
from lightning_gans.runs.refused import FolderBefore
from lightning_gans.runs.settings import TRAINER_KEYS


def lock_folder(folder: RunFolder) -> TextIO:
    """Lock a run's folder, which is created if necessary, until the file that is returned is closed.

    The operating system releases the lock when the process ends for whatever reason; processes that it forks do not
    hold it. The file ``.lock`` only names the process that holds it. Where the file system has no locks, there is none.

    Raises:
        InputError: if another process has the lock.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    file = folder.lock.open("a+")
    close_in_children(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise InputError(
            f"the run in {folder} is in progress ({holder}); wait until it ends, or start a new run with "
            "another --trainer.logger.version"
        ) from error
    except OSError as error:
        rank_zero_warn(f"{folder.lock} cannot be locked ({os_reason(error)}); start no second run in this folder")
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


def how_to_resume(trainer: Trainer) -> str:
    """What continues a trainer's run from its last checkpoint: a command, or a call in the script that started it."""
    folder, callbacks = RunFolder.of(trainer), trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
    if any(isinstance(callback, SettingsFile) for callback in callbacks):
        return f"lightning_gans.train(model, data, resume={str(folder)!r})"
    if not folder.configs():
        return f"trainer.fit(model, data, ckpt_path={str(folder.last_checkpoint)!r})"
    return folder.resume_command


class RunLock(Callback):
    """Keeps the folder of a run in progress to itself.

    A second ``fit`` in the folder is refused; see :func:`lock_folder`. If the folder is renamed or removed, the run
    ends before it writes to a new folder of that name, of which nothing could be resumed. A run that fails before its
    first step leaves nothing that was not there before.

    Args:
        before: what was there before the run; what loggers have made by the time of ``setup`` is new only if it is
            given.
    """

    def __init__(self, before: FolderBefore | None = None) -> None:
        self.before = FolderBefore() if before is None else before
        self._has_begun = False
        self._file: TextIO | None = None
        self._folder = RunFolder(Path())
        self._identity: tuple[int, int] | None = None
        self._resume = ""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Acquire the lock, and say which folder it is.

        Raises:
            InputError: if another process has it.
        """
        if stage == "fit" and trainer.is_global_zero and writes_files(trainer):
            self._folder, self._has_begun = RunFolder.of(trainer), False
            self.before.note_files(self._folder)
            self._file = lock_folder(self._folder)
            self._identity = identity(self._folder.path)
            print(f"run: {self._folder}", flush=True)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store how the run is resumed, which depends on the files in its folder."""
        self._resume = how_to_resume(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note that the run has begun."""
        self._has_begun = True

    def check_folder(self, *_: Any, **__: Any) -> None:
        """Check that the folder is still there.

        Raises:
            RunEnded: if it is not.
        """
        if self._file is not None and identity(self._folder.path) != self._identity:
            raise RunEnded(
                f"the run's folder {self._folder} was renamed or removed while the run was in progress; the run ends; "
                f"if the folder is put back, resume with: {self._resume}"
            )

    # Before any other callback or logger writes: this one is the first.
    on_train_batch_end = on_validation_start = on_validation_epoch_end = check_folder
    on_train_epoch_end = on_validation_end = on_train_end = on_fit_end = check_folder

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Release the lock."""
        self._release()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Release the lock; take back what a run has made that has not begun."""
        if self._file is not None and not self._has_begun and identity(self._folder.path) == self._identity:
            self.before.restore(self._folder)
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from all others of this machine, whatever its name; None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def warn_if_not_written(path: Path) -> Iterator[None]:
    """Context manager around the writing of a figure after training: without it, the run is complete all the same."""
    try:
        yield
    except (OSError, RunEnded) as error:
        rank_zero_warn(f"the run is finished, but {path} cannot be written ({os_reason(error)})")


class Curves(Callback):
    """Keeps ``metrics.csv`` in the run's folder, and draws it to ``curves.png`` at the end of ``fit``.

    If no logger of the trainer writes the CSV log, one is added, so that runs that log to a service have it too; a
    trainer without any logger has none. The figure shows losses, gradient norms, D's logits and scores over steps,
    including the parts before a run was resumed. If nothing was logged, there is no figure.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Add the logger of the CSV log, if there is none."""
        if not trainer.loggers or not writes_files(trainer):
            return
        folder = RunFolder.of(trainer).path
        if not any(isinstance(each, CSVLogger) and Path(each.log_dir) == folder for each in trainer.loggers):
            csv = ResumableCSVLogger(folder.parent, name="", version=folder.name)
            trainer.loggers = [*trainer.loggers, csv]

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the log to disk, and draw it."""
        if not trainer.is_global_zero or not writes_files(trainer):
            return
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                logger.save()
        folder = RunFolder.of(trainer)
        name = "/".join(folder.path.resolve().parts[-2:])
        with warn_if_not_written(folder.curves):
            draw_curves(folder.metrics, folder.curves, f"{name}: {type(pl_module).__name__}")


class SettingsFile(Callback):
    """Writes ``config.yaml`` to the folder of a run of a script, with what ``report``, ``table`` and ``test`` need.

    These are the model, the data, the average, the limits of training and the seed. A part that cannot be described as
    plain data, such as a function, is left out. The command line writes its own config; then this callback does
    nothing.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, unless there is one."""
        folder = RunFolder.of(trainer)
        if not trainer.is_global_zero or not writes_files(trainer) or folder.configs():
            return
        model, _ = describe_model(as_adversarial(pl_module, self), {})
        config: dict[str, Any] = {
            "seed_everything": pl_module.run_seed,
            "model": {"class_path": model.pop(CLASS_PATH, None), "init_args": model},
            "trainer": {key: getattr(trainer, key) for key in TRAINER_KEYS},
        }
        data = data_module(trainer)
        if isinstance(data, StoresArguments):
            config["data"] = describe(data)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set outside __init__
            if isinstance(callback, EMA):
                config["ema"] = {"decay": callback.decay}
        with atomic_file(folder.next_config()) as temporary:
            temporary.write_text(yaml.safe_dump(config, sort_keys=False))


class FitFile(Callback):
    """Writes ``fit.json`` to the run's folder: when and where the run is trained, for reports.

    Its keys are ``started`` and ``written``, in UTC; ``train_seconds``, the duration of training, including
    validations; ``processes``; ``precision``; ``started_from``, the weights of a trained model that the run started
    from, if there are any; ``commit``, ``versions`` and ``machine``. It is written when training starts, with every
    checkpoint, and when training ends. A resumed run keeps ``started``. A run goes on without the file if it cannot be
    written.
    """

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Collect the facts, and write the file."""
        if not trainer.is_global_zero or not writes_files(trainer):
            return
        path = RunFolder.of(trainer).fit_facts
        now = datetime.now(UTC).isoformat(timespec="seconds")
        source = as_adversarial(pl_module, self).started_from
        self._facts = {
            "started": read_fact(path, "started", now) if trainer.global_step else now,
            "processes": trainer.world_size,
            "precision": describe_precision(trainer.precision, pl_module.device),
            **({} if source is None else {"started_from": source}),
            "commit": current_commit(),
            "versions": package_versions(),
            "machine": describe_machine(pl_module.device),
        }
        self._write(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the file."""
        self._write(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        self._write(trainer, pl_module)

    def _write(self, trainer: Trainer, pl_module: LightningModule) -> None:
        path = RunFolder.of(trainer).fit_facts
        if not self._facts or not path.parent.is_dir():
            return
        changing = {
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "train_seconds": round(as_adversarial(pl_module, self).meter.seconds, 3),
        }
        with suppress(OSError, RunEnded), atomic_file(path) as temporary:
            temporary.write_text(json.dumps({**self._facts, **changing}, indent=2) + "\n")


def read_fact(path: Path, key: str, default: str) -> str:
    """A text in a JSON file; ``default`` if the file or the text is not there."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default
    value = content.get(key) if isinstance(content, dict) else None
    return value if isinstance(value, str) else default


class ResultsFile(Callback):
    """Writes ``results.json`` to the run's folder after a test.

    Its keys are ``measurements``, the scores with their stamps as in ``scores.jsonl`` (null for a score that is not
    finite); ``config``, ``checkpoint``, ``versions``, ``commit`` and ``machine``; ``test_seconds``; and
    ``train_seconds``, the duration of training up to this checkpoint, including validations. A test of several
    checkpoints writes the measurements of all, and their paths as ``checkpoints``; the other keys are those of the
    last one. The file of an earlier test is renamed to ``results-1.json`` and so on.

    Args:
        config: the settings of this test.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self._start: float | None = None
        self._num_earlier = 0
        self._checkpoints: list[str | None] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the time, and the number of earlier scores, before the first checkpoint."""
        if self._start is None:
            self._start = time.perf_counter()
            self._num_earlier = len(RunFolder.of(trainer).read_scores())

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        if not trainer.is_global_zero or not writes_files(trainer) or self._start is None:
            return
        pl_module = as_adversarial(pl_module, self)
        folder = RunFolder.of(trainer)
        self._checkpoints.append(None if trainer.ckpt_path is None else str(trainer.ckpt_path))
        results = {
            "measurements": [row.as_dict() for row in folder.read_scores()[self._num_earlier :]],
            "checkpoint": self._checkpoints[-1],
            **({"checkpoints": self._checkpoints} if len(self._checkpoints) > 1 else {}),
            "test_seconds": round(time.perf_counter() - self._start, 3),
            "train_seconds": round(pl_module.meter.seconds, 3),
            "commit": current_commit(),
            "versions": package_versions(),
            "machine": describe_machine(pl_module.device),
            "config": self.config,
        }
        if len(self._checkpoints) == 1:
            folder.archive_results()
        with atomic_file(folder.results) as temporary:
            temporary.write_text(json.dumps(without_nan(results), indent=2, allow_nan=False) + "\n")


def without_nan(value: Any) -> Any:
    """Plain data in which None replaces numbers that are not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
