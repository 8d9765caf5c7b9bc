"""Folders of made-up images in the layouts of pix2pix and CycleGAN."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules.domain_folders import ImageDomainsDataModule

SMALL: dict[str, Any] = {"size": 8, "load_size": 10, "val_size": 2}


def noise(seed: int, width: int = 10, height: int = 10) -> np.ndarray[Any, Any]:
    """Random pixels (height, width, 3); ``seed`` is that of the first pixel's red, up to 255."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    values[0, 0, 0] = seed
    return values


def save(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def images(folder: Path, count: int, first: int = 0) -> Path:
    """``count`` images with the seeds from ``first`` on."""
    for index in range(count):
        save(folder / f"{index:03d}.png", noise(first + index))
    return folder.parent


def side_by_side(folder: Path, count: int, first: int = 0) -> Path:
    """``count`` pairs in one file each; on the right is the negative of what is on the left."""
    for index in range(count):
        left = noise(first + index)
        save(folder / f"{index:03d}.png", np.concatenate([left, 255 - left], axis=1))
    return folder.parent


def in_two_folders(root: Path, split: str, count: int) -> Path:
    """``count`` pairs in two files each; b is the negative of a."""
    for index in range(count):
        save(root / f"{split}A" / f"{index:03d}.png", noise(index))
        save(root / f"{split}B" / f"{index:03d}.bmp", 255 - noise(index))
    return root


def refusal(data: ImageDomainsDataModule, stage: str = "fit") -> str:
    """The message with which ``setup`` refuses."""
    with pytest.raises((InputError, ValueError)) as error:
        data.setup(stage)
    message = str(error.value)
    assert "\n" not in message
    return message


def pretend(data: ImageDomainsDataModule, step: int = 0, training: bool = True) -> None:
    """Give the data a trainer that is at this step."""
    trainer: Any = SimpleNamespace(training=training, global_step=step, limit_train_batches=1.0)
    data.trainer = trainer


def seeds(batch: torch.Tensor) -> list[int]:
    """The seeds of images that were not cropped, or of their negatives."""
    return [int(image[0, 0, 0]) for image in batch]
