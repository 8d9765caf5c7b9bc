"""Grids of mixed styles: some layers of a generator are given the w of one image, the others that of another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_gans.networks.styles import mix_styles


def mixing_grid(generate: Callable[[Tensor], Tensor], rows: Tensor, columns: Tensor, layers: Sequence[int]) -> Tensor:
    """Make the images of a grid of mixed styles, with those of the columns above and those of the rows at the left.

    Args:
        generate: maps w of each layer (N, L, style_dim) to images (N, C, H, W) in [-1, 1].
        rows: w of the images at the left, (R, L, style_dim).
        columns: w of the images above, (C, L, style_dim).
        layers: numbers of the layers that are given the w of the column, from 0.

    Returns:
        Images ((R + 1) * (C + 1), C, H, W), the first of which is gray, since no image belongs there.

    Raises:
        ValueError: if there are no layers, or not all are the generator's.
    """
    mixed = mix_styles(rows, columns, layers)
    sides = torch.cat([rows[:, None], mixed], dim=1)
    images = generate(torch.cat([columns, sides.flatten(0, 1)]))
    return torch.cat([torch.zeros_like(images[:1]), images])
