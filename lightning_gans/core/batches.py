"""The batches that data modules deliver and families take, and the images that families return in evaluation."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float


class Labelled(NamedTuple):
    """Images and the class of each.

    Attributes:
        images: (N, C, H, W), float32 in [-1, 1] on the device; loaders may deliver uint8 or uint16, which are converted
            after the transfer.
        labels: (N,), int64.
    """

    images: Tensor
    labels: Tensor


class Pair(NamedTuple):
    """Images of two domains.

    Attributes:
        a: (N, C, H, W), float32 in [-1, 1] on the device; loaders may deliver uint8 or uint16, which are converted
            after the transfer.
        b: images of the other domain, likewise. If the domains are not aligned, their number may differ from that of a.
        aligned: whether the k-th image of a and the k-th image of b show the same thing.
    """

    a: Tensor
    b: Tensor
    aligned: bool


def as_labelled(batch: Any, needs_labels: bool = False) -> Labelled:
    """A batch of one domain as :class:`Labelled`, with images in [-1, 1].

    Args:
        batch: :class:`Labelled`, or a plain tuple or list ``(images, labels)``, or images alone, whose labels are
            0, from a loader of one's own. Images of type uint8 are converted from [0, 255], of uint16 from [0, 65535].
        needs_labels: whether images alone are refused.

    Raises:
        InputError: if it is none of these, or the images are of another type.
    """
    if not isinstance(batch, Labelled):
        batch = _labelled(batch, needs_labels)
    return batch if batch.images.is_floating_point() else Labelled(_as_float(batch.images), batch.labels)


def _labelled(batch: Any, needs_labels: bool) -> Labelled:
    if isinstance(batch, tuple | list) and len(batch) == 1:
        batch = batch[0]
    if isinstance(batch, Tensor):
        if needs_labels:
            raise InputError("a batch of the data has images alone, but the model needs labels; expected both")
        batch = (batch, torch.zeros(len(batch), dtype=torch.long, device=batch.device))
    if not isinstance(batch, tuple | list) or len(batch) != 2 or not all(isinstance(part, Tensor) for part in batch):
        raise InputError(f"a batch of the data is {_describe(batch)}; expected two tensors (images, labels)")
    images, labels = batch
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise InputError(
            f"a batch of the data has images of shape {tuple(images.shape)} and labels of shape {tuple(labels.shape)}; "
            "expected (N, C, H, W) and (N,)"
        )
    return Labelled(images, labels if labels.is_floating_point() else labels.long())


def as_pair(batch: Any) -> Pair:
    """A batch of two domains as :class:`Pair`, with images in [-1, 1].

    Args:
        batch: :class:`Pair`, or a plain tuple or list ``(a, b)``, or a dict with the keys ``a`` and ``b``, from
            loaders of one's own, which are not taken to be aligned. Instead of images, a and b may be tuples or lists
            of images and labels, as a loader of each domain makes them. Images of type uint8 are converted from
            [0, 255], of uint16 from [0, 65535].

    Raises:
        InputError: if it is none of these, or the images are of another type.
    """
    pair = batch if isinstance(batch, Pair) else _pair(batch)
    if isinstance(pair.aligned, Tensor):  # of items that are pairs, which a loader has collated
        pair = pair._replace(aligned=bool(pair.aligned.all()))
    if pair.a.is_floating_point() and pair.b.is_floating_point():
        return pair
    return Pair(_as_float(pair.a), _as_float(pair.b), pair.aligned)


def _pair(batch: Any) -> Pair:
    expected = "expected the images of both domains, (a, b)"
    parts = batch
    if isinstance(batch, dict) and batch.keys() == {"a", "b"}:
        parts = (batch["a"], batch["b"])
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        raise InputError(f"a batch of the data is {_describe(batch)}; {expected}")
    images = [part[0] if isinstance(part, tuple | list) and part else part for part in parts]
    for name, part in zip("ab", images, strict=True):
        if not isinstance(part, Tensor):
            raise InputError(f"a batch of the data has {_describe(part)} for domain {name}; {expected}")
        if part.ndim != 4:
            shape = tuple(part.shape)
            raise InputError(f"a batch of the data has images {name} of shape {shape}; {expected} of (N, C, H, W)")
    return Pair(images[0], images[1], aligned=False)


def _as_float(images: Tensor) -> Tensor:
    if images.is_floating_point():
        return images
    if images.dtype not in (torch.uint8, torch.uint16):
        raise InputError(
            f"a batch of the data has images of type {images.dtype}; expected float in [-1, 1], or torch.uint8 or "
            "torch.uint16"
        )
    return to_float(images)


def count_images(batch: Any) -> int:
    """Number of images in a batch that :func:`as_labelled` or :func:`as_pair` takes; of a pair, of the first domain."""
    while not isinstance(batch, Tensor):
        batch = batch["a"] if isinstance(batch, dict) else batch[0]
    return len(batch)


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
        predicted: (N,) int64, the classes that a classifier of the model gives the real images; None if it has none.
    """

    real: Tensor
    fake: Tensor
    labels: Tensor | None = None
    real_labels: Tensor | None = None
    source: Tensor | None = None
    truth: Tensor | None = None
    cycled: Tensor | None = None
    predicted: Tensor | None = None


EvaluationOutput = dict[str, EvaluationImages]
"""Images to compare, by domain."""
