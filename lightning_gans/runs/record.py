"""Facts about a trained model beside its weights: what produced it, and what the folder of its run holds about it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import torch

from lightning_gans.core import __version__
from lightning_gans.core.arguments import StoresArguments, describe, short_text
from lightning_gans.core.data import Palette, data_module, network_arguments
from lightning_gans.core.machine import available_cores
from lightning_gans.core.precision import describe_precision, device_name
from lightning_gans.runs.folder import GridFile, RunFolder
from lightning_gans.runs.scores import ScoreRow
from lightning_gans.runs.settings import flatten, read_recipe, without_machine_paths

if TYPE_CHECKING:  # commands that only read files start without Lightning
    from lightning.pytorch import Trainer

PACKAGE = Path(__file__).resolve().parents[1]

PACKAGES = ("torchvision", "lightning", "torchmetrics", "numpy")


def package_versions() -> dict[str, str]:
    """Versions of Python, this package and its main dependencies."""
    # torch's own attribute includes the build, as in 2.15.0+cu130.
    here = {"python": platform.python_version(), "lightning-gans": __version__, "torch": str(torch.__version__)}
    return here | {name: version(name) for name in PACKAGES}


def current_commit(package: Path = PACKAGE) -> str | None:
    """The commit of the git checkout that contains the package, with ``+changes`` if files differ from it.

    None if the package is installed from a wheel or git is not available. The commit of another repository around an
    installation is not used.
    """
    root = package.parent
    if not (root / ".git").exists():
        return None
    try:
        head, changes = (
            subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True, timeout=20).stdout
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.strip() + ("+changes" if changes.strip() else "")


def describe_machine(device: torch.device) -> dict[str, str | int]:
    """The operating system, the number of cores and threads, and the device."""
    described: dict[str, str | int] = {
        "system": platform.platform(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "device": str(device),
    }
    if device.type == "cuda":
        described["device_name"] = torch.cuda.get_device_name(device)
    return described


def describe_run(trainer: Trainer, seed: int, added: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run beside its model's hyperparameters, for the loggers.

    Args:
        trainer: the run's trainer, which has its data.
        seed: the run's seed.
        added: further settings, such as those of callbacks.

    Returns:
        Plain data: ``seed``, ``precision``, ``device``, ``processes``, ``versions``, what was added, and ``data`` with
        the class and the arguments of the data module, the number of training images, their size, channels and classes.
    """
    device = trainer.strategy.root_device
    settings = {
        "seed": seed,
        "precision": describe_precision(trainer.precision, device),
        "device": device_name(device),
        "processes": trainer.world_size,
        "versions": package_versions(),
        **added,
    }
    if (data := data_module(trainer)) is not None:
        arguments: dict[str, Any] = {}
        if isinstance(data, StoresArguments):
            with suppress(ValueError):  # of an argument that is no plain data
                arguments = describe(data.constructor_arguments())
        images = {} if (count := data.num_images("train", "a")) is None else {"train_images": count}
        known = {"class": type(data).__name__, **images, **network_arguments(data)}
        settings["data"] = without_machine_paths(arguments) | known
    return settings


class ModelMetadata(TypedDict, total=False):
    """Facts about a trained model, as plain data; a fact that is not known is left out.

    Attributes:
        variant: class path of the GAN, such as ``lightning_gans.variants.DCGAN``.
        weights: "ema" for the moving average of the generator's weights, "raw" for the optimizer's.
        step: number of training steps.
        epoch: number of epochs begun.
        seed: the run's seed.
        data: class path of the data module.
        data_name: name of the data.
        contents: what the images of the data show; see :attr:`lightning_gans.core.data.Data.contents`.
        classes: names of the classes, in the order of their labels.
        domains: by domain, what its images show.
        palettes: by domain, the classes of images that are label maps; see :data:`lightning_gans.core.data.Palette`.
        borders: the domains whose last channel has the borders of instances.
        versions: version of each package that the checkpoint was saved with.
        scores: rows of scores, each with its stamp; see :class:`lightning_gans.runs.scores.ScoreRow`.
        started_from: the weights that the training started from, if they were those of a trained model; see
            :class:`lightning_gans.families.fine_tuning.FineTuning`.
        imported_from: of a model that another program has trained, the file and what it has, in words.
        rounded_to: the type of numbers that the weights were rounded to, "float16"; missing if they were not.
        shipped: of a model that ships with this package its ``name``, the ``command`` that trained it, the time that
            took and where (``trained``), the ``license`` of the weights, and the ``terms`` of the training data.
    """

    variant: str
    weights: str
    step: int
    epoch: int
    seed: int
    data: str
    data_name: str
    contents: str
    classes: list[str]
    domains: dict[str, str]
    palettes: dict[str, Palette]
    borders: list[str]
    versions: dict[str, str]
    scores: list[dict[str, Any]]
    started_from: dict[str, Any]
    imported_from: str
    rounded_to: str
    shipped: dict[str, str]


METADATA_TYPES: dict[str, tuple[type, ...]] = {
    "variant": (str,),
    "weights": (str,),
    "step": (int,),
    "epoch": (int,),
    "seed": (int,),
    "data": (str,),
    "data_name": (str,),
    "contents": (str,),
    "classes": (list,),
    "domains": (dict,),
    "palettes": (dict,),
    "borders": (list,),
    "versions": (dict,),
    "scores": (list,),
    "started_from": (dict,),
    "imported_from": (str,),
    "rounded_to": (str,),
    "shipped": (dict,),
}
"""Types of the entries of :class:`ModelMetadata`."""


SHIPPED = {"name", "command", "trained", "license", "terms"}
"""Keys of ``shipped`` in :class:`ModelMetadata`."""


def check_metadata(metadata: object) -> None:
    """Check the types of a model's metadata, which may come from a stranger's file.

    Raises:
        ValueError: if it is no mapping, or an entry has another type.
    """
    if not isinstance(metadata, Mapping):
        raise ValueError(f"metadata is {short_text(metadata)}; expected a mapping")
    for key, kinds in METADATA_TYPES.items():
        if key in metadata and type(metadata[key]) not in kinds:
            raise ValueError(f"metadata.{key} is {short_text(metadata[key])}; expected a {kinds[0].__name__}")
        if isinstance(metadata.get(key), str) and not is_short_text(metadata[key]):
            raise ValueError(f"metadata.{key} is {short_text(metadata[key])}; expected a short text of one line")
    if "shipped" in metadata and set(metadata["shipped"]) != SHIPPED:
        raise ValueError(
            f"metadata.shipped is {short_text(metadata['shipped'])}; expected {', '.join(sorted(SHIPPED))}"
        )
    for name, number in metadata.get("versions", {}).items():
        if not isinstance(name, str) or not isinstance(number, str):
            raise ValueError(f"metadata.versions has {short_text(number)}; expected texts")
    texts = {key: metadata.get(key, {}).values() for key in ("domains", "shipped")}
    texts |= {key: metadata.get(key, []) for key in ("classes", "borders")}
    for key, names in texts.items():
        if wrong := [name for name in names if not is_short_text(name)]:
            raise ValueError(f"metadata.{key} has {short_text(wrong[0])}; expected short texts of one line")
    for key, value in flatten(metadata.get("started_from", {})).items():
        if not is_short_text(key) or not (value is None or type(value) is int or is_short_text(value)):
            raise ValueError(f"metadata.started_from has {short_text(value)}; expected numbers and texts of one line")
    for domain, palette in metadata.get("palettes", {}).items():
        if not is_palette(palette):
            raise ValueError(f"metadata.palettes.{domain} is {short_text(palette)}; expected colors by name")


def is_short_text(value: object) -> bool:
    """Whether a value is a text of one line, such as a name."""
    return isinstance(value, str) and value.isprintable() and len(value) < 500


def is_palette(palette: object) -> bool:
    """Whether a value is a :data:`lightning_gans.core.data.Palette`."""
    return isinstance(palette, Mapping) and all(
        isinstance(name, str)
        and isinstance(color, list | tuple)
        and 1 <= len(color) <= 4
        and all(type(level) is int and 0 <= level <= 255 for level in color)
        for name, color in palette.items()
    )


@dataclass(frozen=True)
class RunRecord:
    """Facts about a checkpoint from the folder of its run.

    Attributes:
        settings: the sections of the run's config that define the training.
        rows: scores of the checkpoint, oldest first.
        grids: sample grids of the checkpoint's step, or of the newest validation, one for each domain.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    rows: list[ScoreRow] = field(default_factory=list)
    grids: list[GridFile] = field(default_factory=list)


def read_run_record(checkpoint: Path, metadata: ModelMetadata) -> RunRecord:
    """Facts about a checkpoint from the folder of its run; none if it does not lie in one.

    What cannot be read is left out, since the model can be used without it.

    Args:
        checkpoint: the file.
        metadata: of the model in the checkpoint.
    """
    folder = RunFolder.containing(checkpoint)
    if folder is None or not folder.configs():
        return RunRecord()
    return RunRecord(
        settings=read_recipe(folder.config),
        rows=[row for row in folder.read_scores() if matches_checkpoint(row, metadata)],
        grids=grids_of_step(folder, metadata.get("step", 0)),
    )


def matches_checkpoint(row: ScoreRow, metadata: ModelMetadata) -> bool:
    """Whether the scores were measured at this step with this kind of weights."""
    return row.step == metadata.get("step") and row.stamp.weights == metadata.get("weights")


def grids_of_step(folder: RunFolder, step: int) -> list[GridFile]:
    """Sample grids, one for each domain: a test's at this step, else a validation's, else the newest validation's."""
    try:
        grids = folder.grids()
    except OSError:
        return []
    at_step = [[grid for grid in grids if grid.split == split and grid.step == step] for split in ("test", "val")]
    found = next(filter(None, [*at_step, [grid for grid in grids if grid.split == "val"]]), [])
    newest = max(((grid.epoch, grid.step) for grid in found), default=None)
    return [grid for grid in found if (grid.epoch, grid.step) == newest]
