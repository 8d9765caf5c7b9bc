"""A folder as the Hugging Face Hub takes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from lightning_gans.export.parity import Parity, compare
from lightning_gans.export.target import Inputs, subject_of
from lightning_gans.inference import ImageTranslator, PretrainedModel, load
from lightning_gans.inference.card import Picture
from lightning_gans.inference.loading import select_network
from lightning_gans.runs.record import read_run_record


def write_hub_folder(model: PretrainedModel, checkpoint: Path, folder: Path, licence: str | None) -> None:
    """Write ``config.json``, ``model.safetensors``, pictures and the card.

    Args:
        model: the trained model.
        checkpoint: where it comes from; what its run says goes into the card.
        folder: an empty folder.
        licence: of the weights, in the hub's words.

    Raises:
        OSError: if something cannot be written.
    """
    record = read_run_record(checkpoint, model.metadata)
    pictures: list[Picture] = []
    # A model from noise draws its own; what a translation makes of its data the run alone can show.
    for grid in record.grids if isinstance(model, ImageTranslator) else []:
        shutil.copyfile(grid.path, folder / grid.path.name)
        into = f", into domain {grid.domain}" if grid.domain else ""
        caption = f"Side by side: source, translation, translation back if any, truth if known{into}"
        pictures.append((grid.path.name, caption))
    model.save_pretrained(folder, model_card_kwargs={"record": record, "pictures": pictures, "licence": licence})


def compare_folder(model: PretrainedModel, folder: Path) -> Parity:
    """Compare a written folder with the model that it came from, each way it goes.

    Raises:
        RunEnded: if they differ.
    """
    read = load(folder)
    ways = model.directions if isinstance(model, ImageTranslator) else [None]
    found = [_compare_way(model, read, way) for way in ways]
    return max(found, key=lambda parity: parity.difference)


def _compare_way(model: PretrainedModel, read: PretrainedModel, way: str | None) -> Parity:
    network = select_network(read, way)

    @torch.inference_mode()
    def run(inputs: Inputs) -> torch.Tensor:
        images: torch.Tensor = network(*inputs)
        return images

    return compare(subject_of(model, way), run)
