"""What an exported generator is written as, a file of some format or a folder for the Hugging Face Hub.

What is written is compared with the model that it comes from.
"""

from __future__ import annotations

import math
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch

from lightning_gans.core.errors import RunEnded
from lightning_gans.core.files import atomic_file, atomic_folder
from lightning_gans.export.target import ExportTarget, Inputs, Runner, TranslationTarget, export_target
from lightning_gans.inference import ImageTranslator, PretrainedModel
from lightning_gans.inference.card import Picture
from lightning_gans.inference.loading import load_folder, load_generator_file, select_network
from lightning_gans.runs.folder import GridFile
from lightning_gans.runs.record import read_run_record
from lightning_gans.runs.weights_file import to_safetensors

PNG = b"\x89PNG\r\n\x1a\n"
"""The first bytes of a PNG file."""

LIMIT = 1e-4
"""Largest allowed difference of values in [-1, 1]; one level of gray is 78 times larger."""

HALF_LIMIT = 4 / 255
"""The same for weights that are rounded to float16: two levels of gray."""


@dataclass(frozen=True)
class Parity:
    """The difference between an exported generator and the model.

    Attributes:
        difference: largest absolute difference of values in [-1, 1].
        compared: the inputs that were compared, in words.
    """

    difference: float
    compared: str

    def __str__(self) -> str:
        return f"largest difference: {self.difference:.2g} ({self.compared})"


def compare(target: ExportTarget, runner: Runner, limit: float = LIMIT) -> Parity:
    """Run the exported generator and the model on the same inputs.

    Args:
        target: the model's generator.
        runner: runs the exported one.
        limit: largest allowed difference of values in [-1, 1].

    Raises:
        RunEnded: if an output differs by more, or in its shape.
    """
    largest = 0.0
    for inputs in target.test_inputs():
        expected, exported = target.model_output(inputs), runner(inputs)
        if expected.shape != exported.shape:
            raise RunEnded(
                f"the exported generator returns shape {tuple(exported.shape)}, the model {tuple(expected.shape)}; "
                "nothing was written"
            )
        difference = float((expected - exported).abs().max())
        largest = difference if math.isnan(difference) else max(largest, difference)
        if not largest <= limit:  # also true for NaN
            raise RunEnded(
                f"the exported generator differs from the model by {largest:.2g}, which is more than {limit:.2g}; "
                "nothing was written"
            )
    return Parity(largest, target.test_description())


class Format(ABC):
    """A file format that can be written and run.

    Attributes:
        suffix: suffix of the file's name.
    """

    suffix: str

    @abstractmethod
    def write(self, target: ExportTarget, path: Path) -> str:
        """Write the file.

        Returns:
            A few words about the file's contents, to print.

        Raises:
            InputError: if this generator cannot be exported in this format.
            OSError: if the file cannot be written.
        """

    @abstractmethod
    def runner(self, target: ExportTarget, path: Path) -> Runner:
        """Read the file back, and return a function that runs it as a user would."""


class SafetensorsFile(Format):
    """The weights of a generator, and a header from which :func:`lightning_gans.load` builds the network."""

    suffix = ".safetensors"

    def write(self, target: ExportTarget, path: Path) -> str:
        """Write the file."""
        config = target.model.config
        if isinstance(target, TranslationTarget):
            config["generators"] = {target.direction: config["generators"][target.direction]}
        path.write_bytes(to_safetensors(target.network.state_dict(), config, target.model.is_half))
        return "weights, and the config of the network"

    def runner(self, target: ExportTarget, path: Path) -> Runner:
        """Build the network from the file's header, and load its weights."""
        return network_runner(select_network(load_generator_file(path, target.model.trust)))


def network_runner(network: torch.nn.Module) -> Runner:
    """A function that runs ``network`` without gradients."""

    @torch.inference_mode()
    def run(inputs: Inputs) -> torch.Tensor:
        images: torch.Tensor = network(*inputs)
        return images

    return run


def write_file(
    target: ExportTarget, file_format: Format, out: Path, half: ExportTarget | None = None
) -> tuple[str, Parity]:
    """Export one generator as a file, and compare the file with the model.

    Args:
        target: the generator.
        file_format: the file's format.
        out: the file; it is written completely or not at all.
        half: the generator of :meth:`.PretrainedModel.to_half`, which is written in place of the first.

    Returns:
        A few words about the file's contents, and the result of the comparison.

    Raises:
        InputError: if the generator cannot be exported in this format.
        RunEnded: if the file cannot be written, or differs from the model.
    """
    with atomic_file(out) as path:
        contents = file_format.write(half or target, path)
        return contents, compare(target, file_format.runner(target, path), HALF_LIMIT if half else LIMIT)


def write_folder(
    model: PretrainedModel, checkpoint: Path, out: Path, license: str | None, half: PretrainedModel | None = None
) -> Parity:
    """Export a model as a folder for the hub, and compare the folder with the model.

    Args:
        model: the trained model.
        checkpoint: the model's checkpoint; the record of its run is added to the model card.
        out: the folder; it is written completely or not at all.
        license: license of the weights, by the hub's name for it, such as "mit".
        half: the result of :meth:`.PretrainedModel.to_half`, which is written in place of the model.

    Returns:
        The result of the comparison.

    Raises:
        RunEnded: if the folder cannot be written, or differs from the model.
    """
    with atomic_folder(out) as folder:
        fill_folder(half or model, checkpoint, folder, license)
        return compare_folder(model, folder, HALF_LIMIT if half else LIMIT)


def write_imported(model: PretrainedModel, out: Path, license: str | None) -> None:
    """Write a model that comes from no run as a folder for the hub, and compare the weights in it with the model's.

    Args:
        model: the model.
        out: the folder; it is written completely or not at all.
        license: see :func:`write_folder`.

    Raises:
        RunEnded: if the folder cannot be written, or differs from the model.
    """
    with atomic_folder(out) as folder:
        model.save_pretrained(folder, model_card_kwargs={"license": license})
        written = load_folder(folder, model.trust).state_dict()
        if not all(torch.equal(value, written[name]) for name, value in model.state_dict().items()):
            raise RunEnded(f"the weights in {out} differ from the model's; nothing was written")


def fill_folder(model: PretrainedModel, checkpoint: Path, folder: Path, license: str | None) -> None:
    """Write ``config.json``, ``model.safetensors``, pictures and the model card; see :func:`write_folder`.

    Raises:
        OSError: if a file cannot be written.
    """
    record = read_run_record(checkpoint, model.metadata)
    pictures: list[Picture] = []
    # A model from noise draws its own pictures; for a translation model, the grids of its run are used.
    for grid in filter(is_png, record.grids) if isinstance(model, ImageTranslator) else []:
        shutil.copyfile(grid.path, folder / grid.path.name)
        into = f", into domain {grid.domain}" if grid.domain else ""
        caption = f"Side by side: source, translation, translation back (if any), target (if known){into}"
        pictures.append((grid.path.name, caption))
    model.save_pretrained(folder, model_card_kwargs={"record": record, "pictures": pictures, "license": license})


def is_png(grid: GridFile) -> bool:
    """Whether a file of a run, which may be a stranger's, is a PNG, and not a link to some other file."""
    try:
        if not grid.path.is_file():
            return False
        with grid.path.open("rb") as file:
            return file.read(len(PNG)) == PNG
    except OSError:
        return False


def compare_folder(model: PretrainedModel, folder: Path, limit: float = LIMIT) -> Parity:
    """Compare a written folder with its model, in each direction.

    Args:
        model: the model.
        folder: the folder.
        limit: see :func:`compare`.

    Raises:
        RunEnded: if they differ.
    """
    written = load_folder(folder, model.trust)
    directions = model.directions if isinstance(model, ImageTranslator) else [None]
    results = [
        compare(export_target(model, direction), network_runner(select_network(written, direction)), limit)
        for direction in directions
    ]
    return max(results, key=lambda parity: parity.difference)
