"""The settings of a run, as its config file has them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.core.errors import InputError

RECIPE_SECTIONS = ("model", "data", "ema")
"""Sections of a config that define the training, beside ``TRAINER_KEYS``."""

TRAINER_KEYS = ("max_epochs", "max_steps", "limit_train_batches", "precision")
"""Keys of the section ``trainer`` that define the training."""

MACHINE_KEYS = ("root", "download", "unverified", "num_workers", "cache", "dirpath", "save_dir")
"""Keys that hold paths and limits of a machine; a model card does not show them."""

STUDY, TRIAL = "LIGHTNING_GANS_STUDY", "LIGHTNING_GANS_TRIAL"
"""Environment variables by which ``lightning-gans sweep`` tells a run its study and the number of its trial."""

Settings = dict[str, Any]
"""A config, each value under its dotted key."""


def read_settings(path: Path) -> Settings:
    """All settings of a config file.

    Raises:
        InputError: if the file is missing, is not YAML or names no model.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise InputError(f"{path} cannot be read; expected the config that the run's fit wrote") from None
    settings = flatten(config)
    if "model.class_path" not in settings:
        raise InputError(f"{path} has no model.class_path; expected the config that the run's fit wrote")
    return settings


def read_recipe(path: Path) -> dict[str, Any]:
    """The sections of a config file that define the training, without paths of the machine.

    A file that cannot be read has none.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    if not isinstance(config, dict):
        return {}
    trainer = config.get("trainer")
    limits = {}
    if isinstance(trainer, dict):
        limits = {key: trainer[key] for key in TRAINER_KEYS if trainer.get(key) is not None}
    sections = {key: config[key] for key in RECIPE_SECTIONS if key in config} | ({"trainer": limits} if limits else {})
    return {key: without_machine_paths(section) for key, section in sections.items()}


def without_machine_paths(node: Any) -> Any:
    """A part of a config without ``MACHINE_KEYS`` and without values that are absolute paths."""
    if not isinstance(node, dict):
        return node
    return {
        key: without_machine_paths(value)
        for key, value in node.items()
        if key not in MACHINE_KEYS and not (isinstance(value, str) and value.startswith(("/", "~")))
    }


def describe_start(source: object) -> str:
    """The trained model whose weights a run started from, in words; empty if there is none.

    Args:
        source: ``started_from`` of a checkpoint or an exported model, which may come from a stranger.
    """
    if not isinstance(source, Mapping):
        return ""
    hashes = source.get("weights")
    listed = ", ".join(f"{name} {value}" for name, value in hashes.items()) if isinstance(hashes, Mapping) else ""
    step = f" of step {source['step']}" if source.get("step") is not None else ""
    return f"{source.get('path') or 'a model'}{step}{f' (hash {listed})' if listed else ''}"


def sweep_trial() -> dict[str, Any]:
    """The study and the number of the trial under the key ``sweep``, if ``lightning-gans sweep`` runs this."""
    if STUDY not in os.environ:
        return {}
    return {"sweep": {"study": os.environ[STUDY], "trial": int(os.environ[TRIAL])}}


def flatten(config: Any) -> Settings:
    """All values of a nested config under their dotted keys."""
    return dict(_leaves(config, ""))


def _leaves(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, dict):
        yield key, node
        return
    for name, value in node.items():
        yield from _leaves(value, f"{key}.{name}" if key else str(name))
