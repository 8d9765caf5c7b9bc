"""The base class of augmentations, and what they draw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from lightning_gans.components.stateful import StatefulPart
from lightning_gans.core.randomness import normal_per_image, uniform_per_image

CPU = torch.device("cpu")


class Augmentation(StatefulPart, ABC):
    """A random, differentiable function of images, drawn independently for each image at each call."""

    def __init__(self) -> None:
        """Create the object."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Augment images (N, C, H, W) in [-1, 1]; the output has the same shape and may exceed that range."""

    def adapt(self, step: int, total_steps: float) -> None:
        """Change what is to change before a batch; most augmentations do not adapt.

        Args:
            step: number of the batch in the run, from 0.
            total_steps: length of the run in batches, infinity if it has no end.
        """

    def observe(self, real_logits: Tensor, images: int) -> None:
        """Note what the discriminator says, once in each batch.

        Args:
            real_logits: logits of the batch's augmented real images, or of packs of them, without history.
            images: number of these images on this process.
        """

    def scalars(self) -> Mapping[str, float]:
        """What is logged about the augmentation, by name; nothing by default."""
        return {}


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Copy values from the CPU to a device, without waiting for the work that a GPU has to do before."""
    return values.to(device, non_blocking=device.type == "cuda")


class Draw:
    """Draws the parameters of a batch's transformations, on the CPU.

    There they are known without waiting for a GPU, and images that remain as they are can be left out.

    Args:
        count: number of images N.
        probability: of each transformation of an image; above 1, the same as 1.
    """

    def __init__(self, count: int, probability: float) -> None:
        self.count = count
        self.probability = probability

    def uniform(self, *shape: int) -> Tensor:
        """Random numbers in [0, 1): (N, *shape)."""
        return uniform_per_image(self.count, CPU, *shape)

    def symmetric(self, *shape: int) -> Tensor:
        """Random numbers in [-1, 1): (N, *shape)."""
        return self.uniform(*shape) * 2 - 1

    def normal(self, *shape: int) -> Tensor:
        """Standard normal random numbers: (N, *shape)."""
        return normal_per_image(self.count, CPU, *shape)

    def choose(self, values: Tensor, neutral: float, probability: float | None = None) -> Tensor:
        """Keep the values of some images, and make those of the others neutral.

        Args:
            values: parameters (N, *shape).
            neutral: the parameter that leaves an image as it is.
            probability: with which an image keeps its values; by default :attr:`probability`.
        """
        coins = self.uniform() < (self.probability if probability is None else probability)
        return torch.where(coins.view(-1, *[1] * (values.dim() - 1)), values, neutral)
