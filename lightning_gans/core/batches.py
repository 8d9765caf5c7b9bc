"""The batches that data modules deliver and families take, and the images that families return in evaluation."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_gans.core.errors import InputError


class Labelled(NamedTuple):
    """Images and the class of each.

    Attributes:
        images: (N, C, H, W), float32 in [-1, 1] on the device; loaders may deliver uint8, which the data module
            converts after the transfer.
        labels: (N,), int64.
    """

    images: Tensor
    labels: Tensor


class Pair(NamedTuple):
    """Images of two domains.

    Attributes:
        a: (N, C, H, W), float32 in [-1, 1] on the device; loaders may deliver uint8, which the data module converts
            after the transfer.
        b: images of the other domain, likewise. If the domains are not aligned, their number may differ from that of a.
        aligned: whether the k-th image of a and the k-th image of b show the same thing.
    """

    a: Tensor
    b: Tensor
    aligned: bool


def as_labelled(batch: Any) -> Labelled:
    """A batch of one domain as :class:`Labelled`.

    Args:
        batch: :class:`Labelled`, or a plain tuple or list ``(images, labels)``, or images alone, whose labels are
            0, from a loader of one's own.

    Raises:
        InputError: if it is neither, or the images are not floating-point numbers.
    """
    if isinstance(batch, Labelled):
        return batch
    if isinstance(batch, tuple | list) and len(batch) == 1:
        batch = batch[0]
    if isinstance(batch, Tensor):
        batch = (batch, torch.zeros(len(batch), dtype=torch.long, device=batch.device))
    if not isinstance(batch, tuple | list) or len(batch) != 2 or not all(isinstance(part, Tensor) for part in batch):
        raise InputError(f"a batch of the data is {_describe(batch)}; expected two tensors (images, labels)")
    images, labels = batch
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise InputError(
            f"a batch of the data has images of shape {tuple(images.shape)} and labels of shape {tuple(labels.shape)}; "
            "expected (N, C, H, W) and (N,)"
        )
    if not images.is_floating_point():
        raise InputError(f"a batch of the data has images of type {images.dtype}; expected float in [-1, 1]")
    return Labelled(images, labels)


def _describe(batch: Any) -> str:
    name = type(batch).__name__
    return f"a {name} of {len(batch)} entries" if isinstance(batch, tuple | list | dict) else f"a {name}"


class EvaluationImages(NamedTuple):
    """Real and generated images to compare.

    Attributes:
        real: real images (N, C, H, W) in [-1, 1].
        fake: generated images (M, C, H, W) in [-1, 1]; M may differ from N.
        labels: (M,) int64, the classes for which the images were generated; None for unconditional models.
        real_labels: (N,) int64, the classes of the real images; None if they have none.
        source: the images (M, C', H, W) that were translated; None if the images were generated from noise.
        truth: the true images (M, C, H, W) that the generated ones should equal; None if they are unknown.
        cycled: the generated images translated back (M, C', H, W), to be compared with ``source``; None if they were
            not.
    """

    real: Tensor
    fake: Tensor
    labels: Tensor | None = None
    real_labels: Tensor | None = None
    source: Tensor | None = None
    truth: Tensor | None = None
    cycled: Tensor | None = None


EvaluationOutput = dict[str, EvaluationImages]
"""Images to compare, by domain."""
