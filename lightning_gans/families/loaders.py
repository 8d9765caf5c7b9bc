"""Loaders that a user passes to the trainer in place of a data module, whose batches are checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_gans.core.data import AttachableLoader, data_module
from lightning_gans.core.errors import InputError


def attach_loaders(trainer: Trainer) -> None:
    """Let training loaders that come from a data module, but were passed without it, use the trainer's settings."""
    if data_module(trainer) is not None:
        return
    for loader in training_loaders(trainer):
        if isinstance(loader, AttachableLoader):
            loader.attach(trainer)


def training_loaders(trainer: Trainer) -> list[Any]:
    """The training loader, or all of those that are iterated over together."""
    given: Any = trainer.train_dataloader
    return list(given.values() if isinstance(given, Mapping) else given if isinstance(given, list | tuple) else [given])


def check_shape(images: Tensor, channels: int, size: tuple[int, int], name: str = "images") -> None:
    """Check the shape of a batch of images (N, C, H, W), of which networks would raise errors that do not name it.

    Args:
        images: the images.
        channels: expected number of channels.
        size: expected (height, width).
        name: name of the images, for the error message.

    Raises:
        InputError: if the shape is another one.
    """
    if images.shape[1:] != (channels, *size):
        expected = ", ".join(map(str, ("N", channels, *size)))
        raise InputError(
            f"a batch of the data has {name} of shape {tuple(images.shape)}, but the model is for ({expected}); "
            "expected the same"
        )


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Check the labels (N,) of a batch, of which networks would raise errors that do not name them.

    Raises:
        InputError: if they are not integers in [0, num_classes).
    """
    found = f"of type {labels.dtype}"
    if not labels.is_floating_point():
        low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
        if 0 <= low <= high < num_classes:
            return
        found = f"from {low} to {high}"
    raise InputError(f"a batch of the data has labels {found}; expected integers from 0 to {num_classes - 1}")


def warn_of_range(images: Tensor, name: str = "images") -> None:
    """Warn of floating-point images whose values do not span [-1, 1], such as those of ``ToTensor`` in [0, 1]."""
    if not images.numel():
        return
    low, high = images.amin().item(), images.amax().item()
    if low >= 0 or low < -1.01 or high > 1.01:
        rank_zero_warn(
            f"The first batch of the data has {name} with values from {low:.4g} to {high:.4g}, but the models generate "
            "images in [-1, 1]; scale the data to this range."
        )
