"""Files of points of a latent space, which ``project`` writes and ``sample`` and ``interpolate`` take; no pickles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.inference.latent_sampler import LatentSampler
from lightning_gans.runs.weights_file import SAFETENSORS, read_safetensors, to_safetensors

ARRAY = ".npy"
"""Suffix of a file of NumPy, which holds points without labels."""

LATENT, LABELS = "latent", "labels"
"""Names of the tensors in a safetensors file."""

MOST_POINTS = 100_000
"""Largest number of points in one file."""


class SavedPoints(NamedTuple):
    """Points of a model's latent space.

    Attributes:
        latent: z (N, latent_dim), or w (N, L, style_dim) of a model with a mapping network, float32.
        labels: their classes (N,) int64; None if they are not known.
    """

    latent: Tensor
    labels: Tensor | None


def points_to_bytes(points: SavedPoints, facts: Mapping[str, Any]) -> bytes:
    """The content of a safetensors file of points.

    Args:
        points: the points.
        facts: plain data for the header, about the points.
    """
    tensors = {LATENT: points.latent} | ({} if points.labels is None else {LABELS: points.labels})
    return to_safetensors(tensors, facts)


def read_points(path: Path, model: LatentSampler) -> SavedPoints:
    """Read a file of points, and check that they are of a model's space.

    Args:
        path: a ``.safetensors`` file with a tensor ``latent``, and ``labels`` for a conditional model; or a ``.npy``
            file with an array of floats. A single z (latent_dim,) is one point.
        model: the model.

    Raises:
        ValueError: if the file cannot be read, or its points are not of the model's space; the message begins with
            "latent is" and the path.
    """
    where = f"latent is {path}"
    if not path.is_file():
        state = "is no regular file" if path.exists() else "does not exist"
        raise ValueError(f"{where}, which {state}; expected a {SAFETENSORS} or {ARRAY} file of points")
    labels: Tensor | None = None
    if path.suffix.lower() == SAFETENSORS:
        try:
            tensors = read_safetensors(path, where)
        except InputError as error:
            raise ValueError(str(error)) from error
        if LATENT not in tensors:
            raise ValueError(f"{where}, which has no tensor named {LATENT}; expected a file that `project` writes")
        latent, labels = tensors[LATENT], tensors.get(LABELS)
    elif path.suffix.lower() == ARRAY:
        latent = read_array(path, where)
    else:
        raise ValueError(f"{where}; expected a name that ends in {SAFETENSORS} or {ARRAY}")
    latent = latent[None] if latent.ndim == 1 else latent
    if len(latent) > MOST_POINTS:
        raise ValueError(f"{where}, which has {len(latent)} points; expected at most {MOST_POINTS}")
    try:
        latent = model.check_latent(latent)
    except ValueError as error:
        reason = str(error).removeprefix("latent ")
        raise ValueError(f"{where}, which {reason} for this model") from error
    return SavedPoints(latent, check_labels(labels, len(latent), model.num_classes, where))


def read_array(path: Path, where: str) -> Tensor:
    """The array in a ``.npy`` file; no Python object in it is built.

    Raises:
        ValueError: if it holds anything but an array of numbers.
    """
    try:
        # A memory map is checked against the size of the file, which the header of a stranger's may exceed.
        array = np.lib.format.open_memmap(path, mode="r")
        if array.dtype.kind != "f":
            raise ValueError(f"an array of {array.dtype}")
        return torch.from_numpy(np.array(array, dtype=np.float32))
    except Exception as error:  # NumPy raises errors of many types for damaged files
        raise ValueError(
            f"{where}, which cannot be read ({short_reason(error)}); expected an array of floats that numpy.save wrote"
        ) from error


def check_labels(labels: Tensor | None, count: int, num_classes: int, where: str) -> Tensor | None:
    """Check the labels in a file; those of an unconditional model are not used.

    Raises:
        ValueError: if there are not as many as points, or they are not classes of the model.
    """
    if labels is None or not num_classes:
        return None
    if labels.dtype != torch.int64 or labels.shape != (count,):
        raise ValueError(
            f"{where}, whose labels are {tuple(labels.shape)} of {labels.dtype}; expected ({count},) int64"
        )
    if not (int(labels.min()) >= 0 and int(labels.max()) < num_classes):
        raise ValueError(f"{where}, which has classes beyond those of the model; expected 0 to {num_classes - 1}")
    return labels


def sample_points(
    model: LatentSampler, points: SavedPoints, classes: Sequence[int] | None = None, truncation: float | None = None
) -> Tensor:
    """Generate the images of saved points.

    Args:
        model: the model that they are of.
        points: the points.
        classes: of a conditional model, the classes to cycle through; None for those of the points.
        truncation: see :meth:`.LatentSampler.sample`.

    Returns:
        Images (N, C, H, W) in [-1, 1] on the CPU.

    Raises:
        ValueError: if the classes are not known, are not the model's, or are given for w, which a class is part of.
    """
    if points.latent.ndim > 2:
        if classes is not None:
            raise ValueError("labels is given, but latent holds w, which the class is part of; expected none")
        return model.generate(points.latent, None, truncation)
    if classes is None and points.labels is not None:
        return model.generate(points.latent, points.labels, truncation)
    if model.num_classes and classes is None:
        raise ValueError("labels is not given, and latent names no classes; expected the classes of the points")
    return model.generate(points.latent, model.label_inputs(len(points.latent), classes), truncation)


def concat_points(parts: Sequence[SavedPoints]) -> SavedPoints:
    """Concatenate points of several files; labels are known if those of all are.

    Raises:
        ValueError: if some are z and others w.
    """
    if len({part.latent.ndim for part in parts}) > 1:
        raise ValueError("latent is given z and w; expected points of one space")
    labels = [part.labels for part in parts if part.labels is not None]
    known = len(labels) == len(parts)
    return SavedPoints(torch.cat([part.latent for part in parts]), torch.cat(labels) if known else None)
