"""Folders of made-up images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from lightning_gans.datamodules import ImageFolderDataModule

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(path: Path, color: Any = RED, shape: tuple[int, int] = (8, 8), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, shape, color).save(path)
    return path


def fill(root: Path, classes: dict[str, int], count: int = 6) -> Path:
    """``count`` images in each class folder; the red channel says which class, the green one which image."""
    for name, level in classes.items():
        for index in range(count):
            save(root / name / f"{index}.png", (level, index, 0))
    return root


def folder(root: Path, stage: str = "fit", **kwargs: Any) -> ImageFolderDataModule:
    data = ImageFolderDataModule(**{"root": root, "size": 8, "val_size": 2, "batch_size": 2, **kwargs})
    data.setup(stage)
    return data


def whole(data: ImageFolderDataModule) -> tuple[Tensor, Tensor]:
    """Training and validation images together."""
    splits = (data.splits["train"], data.splits["val"])
    return torch.cat([split.images for split in splits]), torch.cat([split.labels for split in splits])
