"""What the folder of a run says of one of its checkpoints, for the model card."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.core.model_metadata import ModelMetadata
from lightning_gans.reporting.runs import RECIPE, SCORES, TRAINER, is_row, newest_config

MACHINE_KEYS = ("root", "download", "num_workers", "cache", "dirpath", "save_dir")
"""Settings that say where a run was made, which is nobody's business."""


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run.

    Attributes:
        settings: the sections of its config that make the model what it is.
        rows: scores of the checkpoint, each with its stamp, in the order in which they were measured.
        grids: pictures that the run has drawn of the checkpoint's state, or of its newest one, one for each domain.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    grids: list[Path] = field(default_factory=list)


def run_record(checkpoint: Path, metadata: ModelMetadata) -> RunRecord:
    """What the folder around a checkpoint says; nothing where the checkpoint lies in no run's folder.

    What cannot be read is left out: the model is there without it.

    Args:
        checkpoint: the file.
        metadata: of the model in the checkpoint.
    """
    place = checkpoint.resolve().parent
    folder = place.parent
    if place.name != "checkpoints" or not newest_config(folder).is_file():
        return RunRecord()
    return RunRecord(
        settings=settings_of(newest_config(folder)),
        rows=[row for row in rows_of(folder / SCORES) if matches_checkpoint(row, metadata)],
        grids=grids_of(folder / "samples", metadata.get("step", 0)),
    )


def settings_of(path: Path) -> dict[str, Any]:
    """The sections of a config that make the model what it is."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    if not isinstance(config, dict):
        return {}
    trainer = config.get("trainer")
    limits = {key: trainer[key] for key in TRAINER if trainer.get(key) is not None} if isinstance(trainer, dict) else {}
    sections = {key: config[key] for key in RECIPE if key in config} | ({"trainer": limits} if limits else {})
    return {key: without_places(section) for key, section in sections.items()}


def without_places(node: Any) -> Any:
    """A part of a config without the paths of the machine."""
    if not isinstance(node, dict):
        return node
    return {
        key: without_places(value)
        for key, value in node.items()
        if key not in MACHINE_KEYS and not (isinstance(value, str) and value.startswith(("/", "~")))
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a ``scores.jsonl`` that are whole."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if is_row(row):
            rows.append(row)
    return rows


def matches_checkpoint(row: dict[str, Any], metadata: ModelMetadata) -> bool:
    """Whether these are scores of this state and of this kind of weights."""
    return bool(row.get("step") == metadata.get("step") and row["stamp"]["weights"] == metadata.get("weights"))


def grids_of(folder: Path, step: object) -> list[Path]:
    """A run's grids of a state, one for each domain: of a test, else of a validation, else its newest ones."""
    for pattern in (f"test-epoch-*-step-{step:0>7}*.png", f"epoch-*-step-{step:0>7}*.png", "epoch-*.png"):
        grids = sorted(folder.glob(pattern))
        if grids:
            newest = grids[-1].stem.partition("-step-")[0]
            return [path for path in grids if path.stem.startswith(newest)]
    return []
