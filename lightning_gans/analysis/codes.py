"""Pictures of what the codes of a latent vector mean, as those of InfoGAN."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.analysis.model import AnalyzedModel
from lightning_gans.components.noise import CodedNoise
from lightning_gans.core.images import to_uint8

COLUMNS = 10
"""Most values of a categorical code in a picture."""

CONTINUOUS_VALUES = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Values of a continuous code: Chen et al. (2016, figure 2) go from -2 to 2, twice the range of the training."""


def code_grids(analyzed: AnalyzedModel, rows: int) -> list[tuple[Tensor, list[str]]]:
    """Vary each code of latent vectors, while the rest of a vector remains as it is.

    Args:
        analyzed: the model.
        rows: number of latent vectors.

    Returns:
        For each code, images (rows * columns, C, H, W) uint8 with one latent vector per row and one value of the code
        per column, and the values; empty if the latent vectors have no codes. Categorical codes come first.
    """
    noise = analyzed.model.noise
    if not isinstance(noise, CodedNoise):
        return []
    latent = analyzed.latent[:rows]
    labels = torch.arange(rows) % max(1, analyzed.model.generator.num_classes)
    grids, first = [], latent.shape[1] - noise.length
    for count in noise.categories:
        chosen = torch.arange(min(count, COLUMNS)) * count // min(count, COLUMNS)
        codes = torch.eye(count)[chosen]
        grids.append((vary(analyzed, latent, labels, first, codes), [str(value) for value in chosen.tolist()]))
        first += count
    for _ in range(noise.continuous):
        codes = torch.tensor(CONTINUOUS_VALUES)[:, None]
        titles = [f"{value:+g}" if value else "0" for value in CONTINUOUS_VALUES]
        grids.append((vary(analyzed, latent, labels, first, codes), titles))
        first += 1
    return grids


def vary(analyzed: AnalyzedModel, latent: Tensor, labels: Tensor, first: int, codes: Tensor) -> Tensor:
    """Images (rows * columns, C, H, W) uint8 with other entries of the latent vectors in each column.

    Args:
        analyzed: the model.
        latent: latent vectors (rows, D).
        labels: (rows,) int64.
        first: index of the first entry that is replaced.
        codes: the entries in each column, (columns, K).
    """
    columns = len(codes)
    varied = latent.repeat_interleave(columns, dim=0)
    varied[:, first : first + codes.shape[1]] = codes.repeat(len(latent), 1).to(varied)
    return to_uint8(analyzed.generate(varied, labels.repeat_interleave(columns)))
