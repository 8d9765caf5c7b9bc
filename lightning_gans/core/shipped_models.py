"""The trained models that ship with the package: folders as ``lightning-gans export`` writes them, and hashes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import did_you_mean, similar_names

HASHES = "SHA256SUMS"
"""Name of the file with the hash of each file of the shipped models, in the form of ``sha256sum``."""

MOST_BYTES = 12_000_000
"""Largest size of all files of the shipped models together."""


def models_folder() -> Path:
    """The folder of the shipped models: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def read_hashes(folder: Path) -> dict[str, str]:
    """The recorded SHA-256 of each file of the models in a folder, in hexadecimal, by path below the folder."""
    path = folder / HASHES
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def write_hashes(folder: Path) -> None:
    """Write the hashes of all files of the models in a folder."""
    files = sorted(path for path in folder.glob("*/*/**/*") if path.is_file())
    lines = [f"{hash_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / HASHES).write_text("".join(lines), encoding="utf-8", newline="\n")


def hash_file(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def model_names(folder: Path | None = None) -> list[str]:
    """Names of the shipped models, such as ``cgan/mnist``, as :func:`lightning_gans.load` takes them.

    Args:
        folder: of the models; None for that of the package.
    """
    return sorted({"/".join(name.split("/")[:2]) for name in read_hashes(folder or models_folder())})


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def model_bytes(name: str) -> int:
    """Bytes of the files of a shipped model."""
    return folder_bytes(models_folder() / name)


def read_description(name: str) -> dict[str, Any]:
    """The ``config.json`` of a shipped model."""
    config: dict[str, Any] = json.loads((models_folder() / name / "config.json").read_text(encoding="utf-8"))
    return config


def find_model(given: Path, key: str = "path") -> Path:
    """The folder of a shipped model, whose files are those that were shipped.

    Args:
        given: its name.
        key: the setting or argument that names it, for messages.

    Raises:
        InputError: if there is no shipped model of that name, or a file of it is missing or was changed.
    """
    folder, name = models_folder(), given.as_posix()
    if name not in (names := model_names(folder)):
        listed = f", or a shipped model: {', '.join(names)}" if names else ""
        expected = f"; expected a checkpoint file, a folder of a run or of an export{listed}"
        meant = similar_names(name, names) if "/" in name and not given.suffix else []
        raise InputError(f"{key} is {given}, which does not exist{did_you_mean(meant) or expected}")
    for file, digest in read_hashes(folder).items():
        path = folder / file
        if file.startswith(f"{name}/") and (not path.is_file() or hash_file(path) != digest):
            state = "has been changed" if path.is_file() else "is missing"
            raise InputError(f"{key} is {given}, whose file {path} {state}; install lightning-gans again")
    return folder / name
