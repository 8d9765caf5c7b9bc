"""Training images whose labels a semi-supervised model may use."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.core.data import Data, ImageData, InMemoryData
from lightning_gans.core.errors import InputError
from lightning_gans.core.randomness import derive_generator


def labelled_source(data: Data | None, num_classes: int, model: str) -> InMemoryData:
    """The data module from which labelled images can be chosen.

    Args:
        data: that of the trainer; None if it has none.
        num_classes: number of classes that the discriminator is made for.
        model: name of the model's class, for the error message.

    Raises:
        InputError: if the data are not in memory, or do not have these classes.
    """
    if isinstance(data, ImageData) and data.num_classes != num_classes:
        raise InputError(
            f"data.num_classes is {data.num_classes} but model.discriminator.num_classes is {num_classes}; expected "
            "the same"
        )
    if not isinstance(data, InMemoryData):
        given = "the trainer has loaders without a data module" if data is None else f"data is {type(data).__name__}"
        raise InputError(
            f"{given}, but {model} chooses its labelled images among all training images; expected a data module that "
            "has its images in memory, such as MNISTDataModule"
        )
    return data


def choose_labelled(labels: Tensor, num_classes: int, count: int, seed: int) -> Tensor:
    """Choose the images that have a label, equally many of each class.

    The choice depends on the labels and the seed only. With a larger ``count`` it contains that with a smaller one.

    Args:
        labels: (N,) int64, those of all training images.
        num_classes: number of classes.
        count: number of images with a label.
        seed: of the run.

    Returns:
        Their indices (count,), those of each class together.

    Raises:
        InputError: if there are not as many images of each class.
    """
    if count % num_classes:
        raise InputError(
            f"model.labelled is {count}, but the data have {num_classes} classes; expected a multiple of "
            f"{num_classes}, for equally many images of each class"
        )
    each, chosen = count // num_classes, []
    for label in range(num_classes):
        indices = (labels == label).nonzero().flatten()
        if len(indices) < each:
            raise InputError(
                f"model.labelled is {count}, {each} images of each class, but class {label} has {len(indices)} "
                f"training images; expected at most {num_classes * len(indices)}"
            )
        order = torch.randperm(len(indices), generator=derive_generator("cpu", seed, "labelled", label))
        chosen.append(indices[order[:each]])
    return torch.cat(chosen)
