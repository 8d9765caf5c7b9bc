"""``lightning-gans doctor``: say what is installed, which devices there are, and what is missing for what.

Asks nothing of the network. Loads torch, which knows the devices, and no other large package.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from lightning_gans.cli.commands.common import CommandParser, format_megabytes
from lightning_gans.cli.start import announce_loading
from lightning_gans.core import __version__
from lightning_gans.core.errors import RunEnded
from lightning_gans.core.extras import EXTRAS, install_command, is_installed, missing_modules
from lightning_gans.core.files import default_cache
from lightning_gans.core.machine import available_cores, free_memory

PACKAGE = "lightning-gans"

VERSIONS = ("torch", "torchvision", "lightning", "torchmetrics", "wandb", "numpy", "pillow")
"""Packages whose versions are always printed."""

USES = {
    "demo": "`lightning-gans demo`",
    "export": "`lightning-gans export --format onnx`",
    "sweeps": "`lightning-gans sweep` and `study`",
    "tensorboard": "`--config logger/tensorboard`",
    "video": "videos of `translate` and `interpolate`",
}
"""What each extra is for."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    return CommandParser(
        "doctor",
        "Print versions, devices, and the places and sizes of caches, and what is missing for what. The exit status is "
        "1 if something is missing that every command needs.",
    )


def run(_: argparse.Namespace) -> None:
    """Print all of it.

    Raises:
        RunEnded: if a package that every command needs is missing, or has a version that cannot be used.
    """
    announce_loading()
    sections = {"versions": versions(), "devices": devices(), "caches": caches(), "extras": extras()}
    for title, rows in sections.items():
        print(title)
        width = max(map(len, rows))
        for name, text in rows.items():
            print(f"  {name:<{width}}  {text}")
    if wrong := unmet_requirements():
        install = " ".join(["pip install", *(f"'{needed}'" for needed in wrong)])
        raise RunEnded(f"not as {PACKAGE} needs it: {'; '.join(wrong.values())}; expected `{install}`")


def versions() -> dict[str, str]:
    """Versions of Python and of packages, and where ours is."""
    found = {
        PACKAGE: f"{__version__} in {Path(__file__).resolve().parents[2]}",
        "python": f"{platform.python_version()} in {sys.prefix}, {platform.platform()}",
    }
    return found | {name: installed_version(name) or "missing" for name in VERSIONS}


def installed_version(name: str) -> str | None:
    """The version of an installed package; None if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def devices() -> dict[str, str]:
    """The processor, and the accelerators that torch finds."""
    cores = f"{available_cores()} cores, {free_memory() / 2**30:.1f} GiB of memory free"
    if not is_installed("torch"):
        return {"cpu": cores}
    import torch

    found = {"cpu": f"{cores}, {torch.get_num_threads()} threads of torch"}
    built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is built without it"
    found["cuda"] = f"no device; {built}"
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        found["cuda"] = ", ".join(f"{card.name} ({card.total_memory / 2**30:.0f} GiB)" for card in cards)
    if torch.backends.mps.is_available():
        found["mps"] = "Apple's GPU"
    return found


def caches() -> dict[str, str]:
    """The places and the sizes of what is kept between runs; all of it may be deleted."""
    places = {"statistics, images": default_cache()}
    # As torch.hub.get_dir: its weights are those of Inception and of torchvision.
    home = os.environ.get("TORCH_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch")
    places["downloaded weights"] = Path(os.path.expanduser(home)) / "hub" / "checkpoints"  # noqa: PTH111 (no home is fine)
    return {name: describe_folder(place) for name, place in places.items()}


def describe_folder(place: Path | None) -> str:
    """A folder with its size."""
    if place is None:
        return "none: the home folder is not known"
    if not place.is_dir():
        return f"{place} (does not exist yet)"
    return f"{place} ({format_megabytes(folder_size(place))})"


def folder_size(place: Path) -> int:
    """Bytes of all files below a folder that can be read; links are not followed."""
    size = 0
    for parent, _, names in os.walk(place):
        for name in names:
            try:
                size += (Path(parent) / name).lstat().st_size
            except OSError:
                continue
    return size


def extras() -> dict[str, str]:
    """For each extra what it is for, and the command that installs what is missing."""
    found = {}
    for extra, use in USES.items():
        missing = missing_modules(extra)
        what = f"{', '.join(missing)} missing; `{install_command(extra)}`" if missing else ", ".join(EXTRAS[extra])
        found[extra] = f"for {use}: {what}"
    return found


def unmet_requirements() -> dict[str, str]:
    """What every command needs and is missing or of a version that cannot be used, such as "torch>=2.11", and why."""
    from packaging.requirements import Requirement

    try:
        given = [Requirement(text) for text in metadata.requires(PACKAGE) or ()]
    except metadata.PackageNotFoundError:
        return {}  # it runs from its source
    wrong = {}
    for requirement in given:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version, needed = installed_version(requirement.name), f"{requirement.name}{requirement.specifier}"
        if version is None:
            wrong[needed] = f"{requirement.name} is missing"
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong[needed] = f"{requirement.name} is {version}, needed is {requirement.specifier}"
    return wrong
