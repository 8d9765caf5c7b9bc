"""Run folders: what each run is, and its last scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.core.errors import InputError

SCORES = "scores.jsonl"

SUBCOMMANDS = {"test": "test", "val": "validate"}
"""What writes the scores of each split."""

STAMPED = ("extractor", "real", "fake", "split", "weights", "batch_norm", "dropout", "pixels", "neighbours", "seed")
"""The fields of :class:`lightning_gans.metrics.Stamp`, whose package would load torch."""

RECIPE = ("model", "data", "ema")
"""Sections of a config that all seeds of one recipe share, and beside them ``TRAINER``."""

TRAINER = ("max_epochs", "max_steps", "limit_train_batches", "precision")

ROOT, DOWNLOAD, WORKERS = (f"data.init_args.{key}" for key in ("root", "download", "num_workers"))
"""Settings that say where a run was made, not what it is; but the root of a user's own images is what they are."""


@dataclass(frozen=True)
class Run:
    """One run: what it is, and its last scores.

    Attributes:
        folder: as the user reaches it, for messages.
        label: name of the folder around it, which is the row's name.
        settings: the config, each value under its dotted key.
        scores: by name, without the split.
        stamps: how they were measured, for each domain; the only one is "".
        trained: whether the model had taken a step.
    """

    folder: Path
    label: str
    settings: dict[str, Any]
    scores: dict[str, float]
    stamps: dict[str, dict[str, Any]]
    trained: bool

    @property
    def seed(self) -> int:
        """The run's seed, the same in all its stamps."""
        return int(next(iter(self.stamps.values()))["seed"])

    def compares(self, domain: str) -> bool:
        """Whether real and generated images were compared as sets, in a domain."""
        return f"{domain}/fid".lstrip("/") in self.scores

    @property
    def recipe(self) -> dict[str, Any]:
        """The settings that runs of one row must share."""
        trainer = {f"trainer.{key}" for key in TRAINER}
        # What can be downloaded is the same wherever it lies.
        machine = {ROOT, DOWNLOAD, WORKERS} if DOWNLOAD in self.settings else {WORKERS}
        return {
            key: value
            for key, value in self.settings.items()
            if (key.partition(".")[0] in RECIPE and key not in machine) or key in trainer
        }


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """Run folders among the given ones and below them, each once.

    Raises:
        InputError: if a folder is none, or holds no run.
    """
    return each_once(folders, scored, f"no {SCORES}")


def scored(folder: Path) -> list[Path]:
    """The folder, if it has scores, else those below it that have."""
    return [folder] if (folder / SCORES).is_file() else sorted(path.parent for path in folder.rglob(SCORES))


def each_once(folders: Iterable[Path], runs_in: Callable[[Path], list[Path]], lacking: str) -> list[Path]:
    """The runs in all of these folders, each once.

    Args:
        folders: runs' folders, or those of several runs.
        runs_in: finds the runs in one of them.
        lacking: what a folder without any holds, for the message.

    Raises:
        InputError: if a folder is none, or holds no run.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; expected a run's folder or one of several runs")
        runs = runs_in(folder)
        if not runs:
            raise InputError(f"{folder} holds {lacking}; expected a run's folder or one of several runs")
        for run in runs:
            found.setdefault(run.resolve(), run)
    return list(found.values())


def read_run(folder: Path, split: str) -> Run:
    """A run's settings and its last scores on a split.

    Raises:
        InputError: if it has no such scores, or one of its files cannot be read.
    """
    # Several domains, several rows.
    last = {domain_of(row, split): row for row in read_rows(folder / SCORES) if on_split(row, split)}
    if not last:
        raise InputError(
            f"{folder} has no {split} scores; run `lightning-gans {SUBCOMMANDS[split]} "
            f"--config {folder / 'config.yaml'} --ckpt_path best` first"
        )
    return Run(
        folder=folder,
        label=folder.resolve().parent.name,
        settings=read_settings(newest_config(folder)),
        scores={name.removeprefix(f"{split}/"): v for row in last.values() for name, v in row["scores"].items()},
        stamps={domain: row["stamp"] for domain, row in last.items()},
        trained=any(row.get("step") for row in last.values()),
    )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a ``scores.jsonl``.

    Raises:
        InputError: if a line is no such row, as after a write that was cut short.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read; expected rows of scores") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            row = None
        if not is_row(row):
            raise InputError(f"{path}, line {number}, is no row of scores; expected JSON with scores and their stamp")
        rows.append(row)
    return rows


def is_row(row: Any) -> bool:
    """Whether this has numbers for scores, and their whole stamp."""
    scores, stamp = (row.get(key) if isinstance(row, dict) else None for key in ("scores", "stamp"))
    return (
        isinstance(scores, dict)
        and bool(scores)
        and all(isinstance(value, int | float) for value in scores.values())
        and isinstance(stamp, dict)
        and all(field in stamp for field in STAMPED)
    )


def on_split(row: dict[str, Any], split: str) -> bool:
    """Whether a row's scores were measured on this split."""
    return all(name.startswith(f"{split}/") for name in row["scores"])


def domain_of(row: dict[str, Any], split: str) -> str:
    """The ``a`` of ``test/a/fid``."""
    name: str = next(iter(row["scores"]))
    return name.removeprefix(f"{split}/").rpartition("/")[0]


def newest_config(folder: Path) -> Path:
    """The config a run ended with: a resumed run writes ``config-2.yaml`` and so on, maybe with more epochs."""
    later = sorted(folder.glob("config-[0-9]*.yaml"), key=lambda path: (len(path.name), path.name))
    return later[-1] if later else folder / "config.yaml"


def read_settings(path: Path) -> dict[str, Any]:
    """A config, each value under its dotted key.

    Raises:
        InputError: if it is missing, is no YAML or has no model.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise InputError(f"{path} cannot be read; expected the config that the run's fit wrote") from None
    settings = dict(flat(config))
    if "model.class_path" not in settings:
        raise InputError(f"{path} has no model.class_path; expected the config that the run's fit wrote")
    return settings


def flat(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """All values below a node with their dotted keys."""
    if not isinstance(node, dict):
        yield key, node
        return
    for name, value in node.items():
        yield from flat(value, f"{key}.{name}" if key else str(name))
