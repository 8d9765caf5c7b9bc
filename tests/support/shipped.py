"""A folder of shipped models: tiny ones with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lightning_gans.core import shipped_models
from lightning_gans.export import write_folder
from lightning_gans.inference import load
from lightning_gans.runs.folder import RunFolder
from tests.support import checkpoint_files

LATENT, TRANSLATION = "cgan/tiny", "cyclegan/tiny"
"""Names of the models."""


def facts(name: str) -> dict[str, Any]:
    """What is known of a shipped model beside that of its run."""
    made = {"command": f"lightning-gans fit --config {name}", "trained": "2 s on a CPU"}
    return {"name": name, "license": "mit", "terms": "Made from nothing.", **made}


def write_models(folder: Path) -> Path:
    """Write the checkpoints ``a.ckpt`` and ``b.ckpt``, and the models made of them; returns the models' folder."""
    latent = checkpoint_files.latent(folder / "a.ckpt", conditional=True)
    both = checkpoint_files.both_ways(folder / "b.ckpt", domains={"a": "gray", "b": "color"})
    models = folder / "models"
    for name, checkpoint in ((LATENT, latent), (TRANSLATION, both)):
        model = load(checkpoint)
        model.metadata |= {"shipped": facts(name), "data_name": "tiny"}
        write_folder(model, checkpoint, models / name, "mit", model.to_half())
    example = RunFolder(models / TRANSLATION).example("a", 1)
    example.parent.mkdir()
    Image.fromarray(torch.randint(0, 256, (32, 32), dtype=torch.uint8).numpy()).save(example)
    shipped_models.write_hashes(models)
    return models
