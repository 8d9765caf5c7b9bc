"""The configs that ship with the package."""

from __future__ import annotations

from pathlib import Path

from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_home
from lightning_gans.core.names import did_you_mean, similar_names


def config_folder() -> Path:
    """The folder of the shipped configs: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


SWEEPS = "sweeps"
"""Folder of the sweep files, which ``lightning-gans sweep`` takes and ``--config`` does not."""

STUDIES = "studies"
"""Folder of the study files, which ``lightning-gans study`` takes and ``--config`` does not."""


PARTS = ("data", "logger")
"""Folders of configs that are given after another one."""


PHOTOS = "photos"
"""Name of the config whose settings are chosen for the pictures that it is given with."""

DEFAULTS = "base"
"""Name of the config that all others start from."""


def config_names() -> list[str]:
    """Names of all shipped configs, as ``--config`` takes them: paths below the folder, without suffix."""
    return [name for name in _names() if not name.startswith((f"{SWEEPS}/", f"{STUDIES}/"))]


def recipe_names() -> list[str]:
    """Names of the shipped configs with which a run is complete: all but parts such as those of data and loggers."""
    return [name for name in config_names() if name.partition("/")[0] not in (*PARTS, DEFAULTS)]


def sweep_names() -> list[str]:
    """Names of all shipped sweeps, as ``lightning-gans sweep`` takes them."""
    return [name for name in _names() if name.startswith(f"{SWEEPS}/")]


def study_names() -> list[str]:
    """Names of all shipped studies, as ``lightning-gans study`` takes them."""
    return [name for name in _names() if name.startswith(f"{STUDIES}/")]


def _names() -> list[str]:
    folder = config_folder()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def config_title(name: str) -> str:
    """The first comment line of a shipped config."""
    first = (config_folder() / f"{name}.yaml").read_text().partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def find_config(given: str) -> str:
    """Find a config: a file of that path, or else the shipped config of that name.

    Args:
        given: a path, or a name as ``dcgan/mnist``.

    Returns:
        The config's path.

    Raises:
        InputError: if there is neither.
    """
    if Path(path := expand_home(given, "--config")).is_file():
        return path
    shipped = config_folder() / f"{given.removesuffix('.yaml')}.yaml"
    if shipped.is_file():
        return str(shipped)
    hint = did_you_mean(similar_names(given, config_names())) or "; `lightning-gans configs` lists the shipped ones"
    raise InputError(f"--config is {given}, which is neither a file nor a shipped config{hint}")
