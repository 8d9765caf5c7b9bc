"""The messages at the end of a run: its results, or the cause of its failure where that is known."""

from __future__ import annotations

import re
import shlex
from typing import TypeVar

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from lightning_gans.callbacks import Analysis, Evaluation, SampleGrid
from lightning_gans.cli.score_table import curve_table, score_table
from lightning_gans.core.errors import RunEnded
from lightning_gans.runs.folder import RunFolder

Kind = TypeVar("Kind", bound=Callback)

SHIPPED = "`lightning-gans models` lists trained models to compare it with"
"""The end of the line that says what can be done next."""


def fit_summary(trainer: Trainer) -> str:
    """The scores of a finished fit, and the paths of its images and checkpoints."""
    folder = RunFolder.of(trainer)
    lines = [scores_lines(trainer), f"run: {folder}", *grid_lines(trainer)]
    lines += [f"timeline: {path}" for path in folder.timelines()]
    if folder.curves.is_file():
        lines.append(f"curves: {folder.curves}")
    for callback in callbacks_of(trainer, ModelCheckpoint):
        if callback.best_model_path:
            lines.append(f"best checkpoint: {callback.best_model_path}")
    lines.append(f"last checkpoint: {folder.last_checkpoint}")
    lines.append(f"next: `lightning-gans demo {shlex.quote(str(folder))}` shows the model on a page; {SHIPPED}")
    return "\n".join(lines)


def test_summary(trainer: Trainer, several: bool) -> str:
    """The scores of a test of one or several checkpoints, and the paths of its results."""
    results = RunFolder.of(trainer).results
    analyses = [f"analysis: {each.written}" for each in callbacks_of(trainer, Analysis) if each.written]
    return "\n".join([scores_lines(trainer, several), *grid_lines(trainer), *analyses, f"results: {results}"])


def grid_lines(trainer: Trainer) -> list[str]:
    """Paths of the newest sample grids, one line per domain."""
    return [f"grid: {path}" for grids in callbacks_of(trainer, SampleGrid) for path in grids.newest]


def scores_lines(trainer: Trainer, several: bool = False) -> str:
    """The table of the latest scores; the first one is the one that decides which checkpoint is the best.

    Args:
        trainer: the run's trainer.
        several: whether several checkpoints were scored, whose scores are then in a table before it.
    """
    rows = next((each.last_rows for each in callbacks_of(trainer, Evaluation) if each.last_rows), None)
    if rows is None:
        return "no scores were measured"
    best = next((each for each in callbacks_of(trainer, ModelCheckpoint) if each.monitor), None)
    history = RunFolder.of(trainer).read_scores()
    headline = "" if best is None else str(best.monitor)
    table = score_table(rows, history, headline, None if best is None else "max" if best.mode == "max" else "min")
    return f"{curve_table(rows, history, headline)}\n\n{table}" if several else table


def callbacks_of(trainer: Trainer, kind: type[Kind]) -> list[Kind]:
    """The trainer's callbacks of one kind."""
    return [callback for callback in trainer.callbacks if isinstance(callback, kind)]  # type: ignore[attr-defined]


KNOWN_FAILURES = (
    # A data loader's process was killed, for example because memory ran out.
    (
        r"DataLoader worker \(pid\(?s?\)? ?[\d, ]+\) (?:is killed by signal: \w+|exited unexpectedly)",
        "{0}; such processes load images, and are the first to be killed when memory runs out: use fewer "
        "(data.num_workers)",
    ),
    # From gloo and NCCL, when the process at the other end of a connection has ended.
    (
        r"Connection closed by peer|Connection reset by peer|Broken pipe|remote process exited|Socket closed",
        "another process of this run has ended; see that process's output for the reason",
    ),
    (r"No space left on device", "no space is left on the device that the run writes to"),
    (r"Disk quota exceeded", "the quota of the disk that the run writes to is used up"),
)
"""Pairs of a regular expression and the sentence for an error whose message it matches; ``{0}`` is the match."""


def notes_of(error: BaseException) -> list[str]:
    """What callbacks have added to an error that ended the run, such as how it is resumed."""
    return list(getattr(error, "__notes__", []))


def explain_known_failure(error: BaseException) -> RunEnded | None:
    """Explain a failure whose cause is known.

    Args:
        error: any exception that ended the run.

    Returns:
        The explanation in one sentence, with how to resume if the run was saved; None if the cause is not known, as for
        an error in code.
    """
    if type(error).__module__.partition(".")[0] == "wandb":
        reason = str(error).strip().splitlines()[0].rstrip(".")
        return RunEnded(
            f"W&B: {reason}; log in with `wandb login`, or log to this machine only with --trainer.logger.offline true"
        )
    if not isinstance(error, (RuntimeError, OSError)):
        return None
    for pattern, sentence in KNOWN_FAILURES:
        if match := re.search(pattern, str(error)):
            return RunEnded("; ".join([sentence.format(match.group()), *notes_of(error)]))
    return None
