"""W&B as a runner of a study's cells: a sweep over their numbers, and what each sends to W&B.

An agent runs ``lightning-gans study FILE --cell=N``, which trains the cell as any other runner does. Its scores are
sent when it is complete, so that a run on W&B has the same numbers as the study's results.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.core.files import atomic_file
from lightning_gans.studies.cells import Cell
from lightning_gans.studies.study import Study

SWEEP_VARIABLE = "WANDB_SWEEP_ID"
"""Environment variable of what an agent runs."""


def sweep_of(study: Study, given: list[str], cells: int) -> dict[str, Any]:
    """The content of a sweep file whose runs are the cells of a study.

    Args:
        study: the study.
        given: arguments of ``lightning-gans study`` from the file on, without the number of a cell.
        cells: number of cells.
    """
    options, end, extra = partition(given)
    return {
        "program": "lightning-gans",
        "method": "grid",
        "metric": {"name": f"test/{study.score}", "goal": "minimize" if study.mode == "min" else "maximize"},
        "parameters": {"cell": {"values": list(range(cells))}},
        "command": ["${env}", "lightning-gans", "study", *options, "${args}", *end, *extra],
    }


def partition(arguments: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Arguments before ``--``, the ``--`` if there is one, and those after it."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place : place + 1], arguments[place + 1 :]


def write_sweep(path: Path, content: dict[str, Any]) -> None:
    """Write a sweep file.

    Raises:
        RunEnded: if it cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def is_agents() -> bool:
    """Whether an agent of W&B runs this process."""
    return SWEEP_VARIABLE in os.environ


def send_cell(study: Study, cell: Cell, folder: Path) -> None:
    """Send the scores of a complete run to the W&B run of this process: of validations over steps, and of the test.

    Args:
        study: the study.
        cell: the run.
        folder: of the study.
    """
    # Imported here for start-up time: only an agent's process needs it.
    import wandb

    setting = cell.setting
    config = {"data": setting.data.name, "method": setting.method.name, "seed": cell.seed, **setting.drawn}
    with wandb.init(config=config, group=study.name, name=cell.name, dir=str(folder)) as run:
        for row in cell.folder(folder).read_scores():
            if row.split == "val":
                run.log(dict(row.scores), step=row.step)
            else:
                run.summary.update(dict(row.scores))
