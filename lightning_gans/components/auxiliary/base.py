"""What a discriminator may return beside its logits, and the terms of the losses that are computed from it.

A term has a head, a small network on the discriminator's features, which it makes itself: only the term knows what its
head returns, so only the term's methods state the type. The head is a part of the discriminator: it is trained by D's
optimizer, and is in checkpoints.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from lightning_gans.components.stateful import StatefulPart
from lightning_gans.core.errors import at_least


class Judgment(NamedTuple):
    """What a discriminator with a head returns for images, from one forward pass.

    Attributes:
        logits: (N,), high for real images.
        outputs: what the head returns for the features: a tensor with N rows, or a NamedTuple of such tensors.
    """

    logits: Tensor
    outputs: Any


class Origin(NamedTuple):
    """What the images of a batch were made from.

    Attributes:
        labels: classes (N,) int64, those of the real images and of the generated ones.
        latent: returns the latent vectors (N, latent_dim) of the generated images.
    """

    labels: Tensor
    latent: Callable[[], Tensor]


class AuxiliaryLoss(StatefulPart, ABC):
    """A term of the discriminator's loss and one of the generator's, computed from a head on D's features.

    Args:
        weight_d: factor of the term of the discriminator's loss, at least 0.
        weight_g: factor of the term of the generator's loss, at least 0.

    Raises:
        ValueError: if a weight is negative.
    """

    needs_labels: ClassVar[bool] = True
    """Whether the head is for the classes of the data."""

    def __init__(self, weight_d: float = 1.0, weight_g: float = 1.0) -> None:
        at_least("weight_d", weight_d, 0)
        at_least("weight_g", weight_g, 0)
        self.weight_d = weight_d
        self.weight_g = weight_g

    @abstractmethod
    def make_head(self, features: int, num_classes: int) -> nn.Module:
        """A network from features (N, features) of images to outputs: a tensor or a NamedTuple of tensors, of N rows.

        Args:
            features: length of the features.
            num_classes: number of classes of the data; 0 if :attr:`needs_labels` is false.

        Raises:
            ValueError: if the head cannot be made for so many features or classes.
        """

    @abstractmethod
    def discriminator_term(self, real: Any, fake: Any, origin: Origin) -> Tensor:
        """The term of the discriminator's loss without its weight, a scalar.

        Args:
            real: the head's outputs for the real images.
            fake: those for the generated images, without a gradient for the generator.
            origin: what the images were made from.
        """

    @abstractmethod
    def generator_term(self, fake: Any, origin: Origin) -> Tensor:
        """The term of the generator's loss without its weight, a scalar.

        Args:
            fake: the head's outputs for the generated images.
            origin: what they were made from.
        """

    def scalars(self, real: Any, fake: Any, origin: Origin) -> dict[str, Tensor]:
        """What is logged about D's pass beside both terms, by key; nothing in the base class.

        Args:
            real: the head's outputs for the real images.
            fake: those for the generated images.
            origin: what the images were made from.
        """
        return {}


def concat_rows(outputs: Sequence[Any]) -> Any:
    """Concatenate outputs of a head: tensors, or equal NamedTuples of tensors."""
    first = outputs[0]
    if len(outputs) == 1:
        return first
    if isinstance(first, Tensor):
        return torch.cat(list(outputs))
    return type(first)(*(torch.cat(parts) for parts in zip(*outputs, strict=True)))


def take_rows(outputs: Any, rows: slice) -> Any:
    """The outputs of a head for some of its images."""
    return outputs[rows] if isinstance(outputs, Tensor) else type(outputs)(*(part[rows] for part in outputs))
