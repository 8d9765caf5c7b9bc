"""The file of a run's scores, a line for each measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from lightning_gans.runs.folder import run_folder, writes


def score_file(trainer: Trainer) -> Path:
    """Where the scores of this run are."""
    return run_folder(trainer) / "scores.jsonl"


def append_scores(trainer: Trainer, row: dict[str, Any]) -> None:
    """Add a measurement: its ``step``, ``epoch``, ``scores`` by name and ``stamp``; on rank 0 only."""
    if not trainer.is_global_zero or not writes(trainer):
        return
    path = score_file(trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
