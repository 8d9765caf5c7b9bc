"""Fully connected networks: those of the first GAN and the first conditional one, with today's activations.

They work on pixels in [0, 1], as the papers do: G ends in a sigmoid. At their borders images are in [-1, 1], as
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.arguments import check_bound, check_classes, check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.layers import one_hot


def dense(widths: Sequence[int], activation: nn.Module) -> nn.Sequential:
    """Linear layers from each width to the next, each followed by the activation."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation]
    return nn.Sequential(*layers)


def initialise_uniform(network: nn.Module, bound: float) -> None:
    """Weights of linear layers uniform in [-bound, bound], biases 0, as in the code of Goodfellow et al. (2014)."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)


def from_unit(flat: Tensor, channels: int, size: int) -> Tensor:
    """Images (N, channels, size, size) in [-1, 1] from rows of pixels in [0, 1]."""
    return (2 * flat - 1).view(-1, channels, size, size)


def to_unit(images: Tensor) -> Tensor:
    """Rows of pixels in [0, 1] from images (N, C, H, W) in [-1, 1]."""
    return (images.flatten(1) + 1) / 2


class MLPGenerator(Generator):
    """Dense layers with ReLU, then a sigmoid on every pixel.

    Args:
        channels: channels of the images.
        size: height and width of the images.
        latent_dim: length of z.
        widths: units of each hidden layer; the paper has two of 1200.
        init_bound: weights are uniform within it, .05 in the paper's code; None keeps torch's own initialisation.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        latent_dim: int = 100,
        widths: Sequence[int] = (1200, 1200),
        init_bound: float | None = None,
    ) -> None:
        super().__init__()
        check_widths("model.generator", channels=channels, size=size, latent_dim=latent_dim, widths=widths)
        check_bound("model.generator", init_bound)
        self.latent_dim, self.channels, self.size = latent_dim, channels, size
        self.hidden = dense([latent_dim, *widths], nn.ReLU())
        self.pixels = nn.Linear(widths[-1], channels * size * size)
        if init_bound is not None:
            initialise_uniform(self, init_bound)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim); ``labels`` are not used."""
        return from_unit(torch.sigmoid(self.pixels(self.hidden(latent))), self.channels, self.size)


class MLPDiscriminator(Discriminator):
    """Dense layers with LeakyReLU (slope .2), then one logit.

    Args:
        channels: channels of the images.
        size: height and width of the images.
        widths: units of each hidden layer.

    Raises:
        InputError: if an argument is out of range.
    """

    joint_batch_safe = True

    def __init__(self, channels: int, size: int, widths: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        check_widths("model.discriminator", channels=channels, size=size, widths=widths)
        self.channels, self.size = channels, size
        self.hidden = dense([channels * size * size, *widths], nn.LeakyReLU(0.2))
        self.logit = nn.Linear(widths[-1], 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.logit(self.hidden(to_unit(images)))
        return logits.flatten()


class ConditionalMLPGenerator(Generator):
    """The generator of Mirza and Osindero (2014): z and y each through a layer, then together (section 4.1).

    Args:
        channels: channels of the images.
        size: height and width of the images.
        num_classes: number of labels.
        latent_dim: length of z.
        latent_width: units of z's own layer.
        label_width: units of y's own layer.
        widths: units of each joint layer.
        init_bound: weights are uniform within it; None keeps torch's own initialisation.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        num_classes: int,
        latent_dim: int = 100,
        latent_width: int = 200,
        label_width: int = 1000,
        widths: Sequence[int] = (1200,),
        init_bound: float | None = None,
    ) -> None:
        super().__init__()
        check_widths(
            "model.generator",
            channels=channels,
            size=size,
            latent_dim=latent_dim,
            latent_width=latent_width,
            label_width=label_width,
            widths=widths,
        )
        check_classes("model.generator", num_classes)
        check_bound("model.generator", init_bound)
        self.latent_dim, self.channels, self.size, self.num_classes = latent_dim, channels, size, num_classes
        self.latent_layer = nn.Linear(latent_dim, latent_width)
        self.label_layer = nn.Linear(num_classes, label_width)
        self.joint = dense([latent_width + label_width, *widths], nn.ReLU())
        self.pixels = nn.Linear(widths[-1], channels * size * size)
        if init_bound is not None:
            initialise_uniform(self, init_bound)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim) and ``labels`` (N,) int64."""
        classes = one_hot(labels, self.num_classes, latent.dtype)
        both = torch.cat([self.latent_layer(latent), self.label_layer(classes)], dim=1)
        return from_unit(torch.sigmoid(self.pixels(self.joint(F.relu(both)))), self.channels, self.size)


class ConditionalMLPDiscriminator(Discriminator):
    """Dense layers with LeakyReLU (slope .2) on the pixels and the label side by side, then one logit.

    Args:
        channels: channels of the images.
        size: height and width of the images.
        num_classes: number of labels.
        widths: units of each hidden layer.

    Raises:
        InputError: if an argument is out of range.
    """

    joint_batch_safe = True

    def __init__(self, channels: int, size: int, num_classes: int, widths: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        check_widths("model.discriminator", channels=channels, size=size, widths=widths)
        check_classes("model.discriminator", num_classes)
        self.channels, self.size, self.num_classes = channels, size, num_classes
        self.hidden = dense([channels * size * size + num_classes, *widths], nn.LeakyReLU(0.2))
        self.logit = nn.Linear(widths[-1], 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1] for ``labels`` (N,) int64."""
        classes = one_hot(labels, self.num_classes, images.dtype)
        logits: Tensor = self.logit(self.hidden(torch.cat([to_unit(images), classes], dim=1)))
        return logits.flatten()
