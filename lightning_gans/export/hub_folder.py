"""Folders for the Hugging Face Hub."""

from __future__ import annotations

import shutil
from pathlib import Path

from lightning_gans.core.files import atomic_folder
from lightning_gans.export.formats import Parity, compare, network_runner
from lightning_gans.export.target import export_target
from lightning_gans.inference import ImageTranslator, PretrainedModel, load
from lightning_gans.inference.card import Picture
from lightning_gans.inference.loading import select_network
from lightning_gans.runs.record import read_run_record


def write_folder(model: PretrainedModel, checkpoint: Path, out: Path, licence: str | None) -> Parity:
    """Export a model as a folder for the hub, and compare the folder with the model.

    Args:
        model: the trained model.
        checkpoint: the model's checkpoint; the record of its run is added to the model card.
        out: the folder; it is written completely or not at all.
        licence: license of the weights, by the hub's name for it, such as "mit".

    Returns:
        The result of the comparison.

    Raises:
        RunEnded: if the folder cannot be written, or differs from the model.
    """
    with atomic_folder(out) as folder:
        fill_folder(model, checkpoint, folder, licence)
        return compare_folder(model, folder)


def fill_folder(model: PretrainedModel, checkpoint: Path, folder: Path, licence: str | None) -> None:
    """Write ``config.json``, ``model.safetensors``, pictures and the model card; see :func:`write_folder`.

    Raises:
        OSError: if a file cannot be written.
    """
    record = read_run_record(checkpoint, model.metadata)
    pictures: list[Picture] = []
    # A model from noise draws its own pictures; for a translation model, the grids of its run are used.
    for grid in record.grids if isinstance(model, ImageTranslator) else []:
        shutil.copyfile(grid.path, folder / grid.path.name)
        into = f", into domain {grid.domain}" if grid.domain else ""
        caption = f"Side by side: source, translation, translation back (if any), target (if known){into}"
        pictures.append((grid.path.name, caption))
    model.save_pretrained(folder, model_card_kwargs={"record": record, "pictures": pictures, "licence": licence})


def compare_folder(model: PretrainedModel, folder: Path) -> Parity:
    """Compare a written folder with its model, in each direction.

    Raises:
        RunEnded: if they differ.
    """
    written = load(folder)
    directions = model.directions if isinstance(model, ImageTranslator) else [None]
    results = [
        compare(export_target(model, direction), network_runner(select_network(written, direction)))
        for direction in directions
    ]
    return max(results, key=lambda parity: parity.difference)
