"""Single real images of a run, which its page offers as examples to translate."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.core.drawing import to_pil
from lightning_gans.core.files import atomic_file
from lightning_gans.runs.folder import RunFolder

Parts = dict[str, Tensor]
"""The images that a grid shows side by side for each example: batches (N, C, H, W) of uint8 images, by title."""

SOURCE = "source"
"""Title of the images that were translated."""

EXAMPLES = 6
"""Largest number of files for each domain."""

OTHER_DOMAIN = {"a": "b", "b": "a"}


def write_examples(run: RunFolder, kept: dict[str, list[Parts]]) -> None:
    """Write the first images that evaluation translates, one file each, with their own pixels.

    Nothing is written for images that are generated from noise.

    Args:
        run: the run's folder.
        kept: batches of a grid's images by the domain of the generated images.
    """
    for domain, batches in kept.items():
        sources = [parts[SOURCE] for parts in batches if SOURCE in parts]
        if domain not in OTHER_DOMAIN or not sources:
            continue
        for number, image in enumerate(torch.cat(sources)[:EXAMPLES], start=1):
            path = run.example(OTHER_DOMAIN[domain], number)
            with atomic_file(path) as temporary:
                to_pil(image).save(temporary)
