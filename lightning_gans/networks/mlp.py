"""Fully connected networks: those of the first GAN and of the first conditional GAN, with ReLU and LeakyReLU.

Inside they represent pixels in [0, 1], as the papers do: G ends in a sigmoid. Input and output images are in [-1, 1],
as those of all networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Generator, check_positive, weights_of_latent
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import concat_labels, one_hot


def dense_layers(widths: Sequence[int], activation: nn.Module) -> nn.Sequential:
    """Return linear layers from each width to the next, each followed by the activation."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation]
    return nn.Sequential(*layers)


def uniform_init(network: nn.Module, bound: float) -> None:
    """Draw the weights of all linear layers from U(-bound, bound) and set their biases to 0.

    It is the initialization in the code of Goodfellow et al. (2014).
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)


def check_bound(init_bound: float | None) -> None:
    """Check the range of initial weights.

    Raises:
        ValueError: if it is not positive.
    """
    if init_bound is not None and init_bound <= 0:
        raise ValueError(f"init_bound is {init_bound}; expected a positive number, or null for torch's initialization")


def images_from_unit(pixels: Tensor, channels: int, size: tuple[int, int]) -> Tensor:
    """Return images (N, channels, height, width) in [-1, 1] for rows of pixels in [0, 1]."""
    return (2 * pixels - 1).view(-1, channels, *size)


def images_to_unit(images: Tensor) -> Tensor:
    """Return rows of pixels (N, C * H * W) in [0, 1] for images (N, C, H, W) in [-1, 1]."""
    return (images.flatten(1) + 1) / 2


class MLPGenerator(Generator):
    """Linear layers with ReLU, and a linear layer with a sigmoid for the pixels.

    It is the generator of Goodfellow et al. (2014); with ``conditional`` that of Mirza and Osindero (2014, section
    4.1), in whose first layer some units see only the label and the others only z.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square.
        latent_dim: length of a latent vector.
        widths: units of each hidden layer.
        label_width: units of the first hidden layer that see the label, if the network is conditional; fewer than
            ``widths[0]``.
        init_bound: weights start from U(-init_bound, init_bound), as in the code of Goodfellow et al., where it is .05;
            None uses torch's initialization.
        bias_from_data: whether the pixels' bias starts at the logit of the mean training image, as in the code of
            Goodfellow et al.; only with ``init_bound``. The data module must have its images in memory.
        num_classes: number of classes of the data.
        conditional: whether the images depend on labels.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 100,
        widths: Sequence[int] = (1200, 1200),
        label_width: int = 1000,
        init_bound: float | None = None,
        bias_from_data: bool = False,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_positive(widths=widths, label_width=label_width)
        check_bound(init_bound)
        if bias_from_data and init_bound is None:
            raise ValueError("bias_from_data is True but init_bound is None; expected a number for init_bound")
        self.needs_mean_image = bias_from_data
        if self.num_classes:
            if label_width >= widths[0]:
                raise ValueError(f"label_width is {label_width}; expected less than the first of widths, {widths[0]}")
            self.latent_layer = nn.Linear(latent_dim, widths[0] - label_width)
            self.label_layer = nn.Linear(self.num_classes, label_width)
            self.hidden = dense_layers(widths, nn.ReLU())
        else:
            self.hidden = dense_layers([latent_dim, *widths], nn.ReLU())
        self.pixels = nn.Linear(widths[-1], channels * self.size[0] * self.size[1])
        if init_bound is not None:
            uniform_init(self, init_bound)

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the first layer; see :meth:`.Generator.latent_weights`."""
        return [weights_of_latent(self.latent_layer if self.num_classes else self.hidden[0], self.latent_dim)]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1]; see :meth:`.Generator.forward`."""
        features = latent
        if self.num_classes:
            classes = one_hot(labels, self.num_classes, latent.dtype)
            features = F.relu(torch.cat([self.latent_layer(latent), self.label_layer(classes)], dim=1))
        return images_from_unit(torch.sigmoid(self.pixels(self.hidden(features))), self.channels, self.size)

    @torch.no_grad()
    def use_mean_image(self, mean: Tensor) -> None:
        """Set the pixels' bias to the logit of the mean image, unless it has been trained.

        Args:
            mean: (channels, height, width) in [-1, 1].
        """
        if not self.pixels.bias.any():  # it starts at 0
            unit = images_to_unit(mean[None].cpu().double())[0]  # on the CPU, since Apple's MPS has no float64
            self.pixels.bias.copy_(torch.logit(unit, eps=1e-7).float())


class MLPDiscriminator(FeatureDiscriminator):
    """Linear layers with LeakyReLU (slope .2), and a linear layer for the logit.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square.
        widths: units of each hidden layer.
        num_classes: number of classes of the data.
        conditional: whether to concatenate the one-hot label to the pixels.

    Raises:
        ValueError: if an argument is out of range.
    """

    joint_batch_safe = True
    features_use_labels = True

    def __init__(
        self,
        channels: int,
        size: Size,
        widths: Sequence[int] = (512, 256),
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        check_positive(widths=widths)
        pixels = channels * self.size[0] * self.size[1]
        self.hidden = dense_layers([pixels + self.num_classes, *widths], nn.LeakyReLU(0.2))
        self.logit = nn.Linear(widths[-1], 1)

    @property
    def last_layer(self) -> nn.Module:
        """The layer that computes the logit from the features."""
        return self.logit

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the last hidden layer (N, F); see :meth:`.FeatureDiscriminator.feature_maps`."""
        inputs = images_to_unit(images)
        if self.num_classes:
            inputs = concat_labels(inputs, labels, self.num_classes)
        features: Tensor = self.hidden(inputs)
        return features

    def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,); see :meth:`.FeatureDiscriminator.logits_of`."""
        logits: Tensor = self.logit(maps)
        return logits.flatten()
