"""Maxout discriminators: those of the first GAN (Goodfellow et al., 2014) and the first conditional one.

A maxout unit is the largest of several linear functions of its input (Goodfellow et al., 2013, section 3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_gans.networks.arguments import check_bound, check_classes, check_widths
from lightning_gans.networks.base import Discriminator
from lightning_gans.networks.layers import one_hot
from lightning_gans.networks.mlp import initialise_uniform, to_unit


class Maxout(nn.Module):
    """A layer of maxout units.

    Args:
        features_in: length of the input.
        units: length of the output.
        pieces: linear functions of each unit.
    """

    def __init__(self, features_in: int, units: int, pieces: int) -> None:
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = nn.Linear(features_in, units * pieces)

    def forward(self, features: Tensor) -> Tensor:
        """The largest piece of each unit, (N, units), from ``features`` (N, features_in)."""
        values: Tensor = self.linear(features)
        return values.view(-1, self.units, self.pieces).amax(dim=2)


class MaxoutDiscriminator(Discriminator):
    """Two maxout layers, then one logit, on pixels in [0, 1]: D of Goodfellow et al. (2014), from their code for MNIST.

    In training it drops .2 of the pixels and .5 of the inputs of each later layer, and scales up what it keeps.

    Args:
        channels: channels of the images.
        size: height and width of the images.
        width: units of each maxout layer.
        pieces: linear functions of each unit.
        init_bound: weights start uniform within it, on either side of 0; biases start at 0.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, width: int = 240, pieces: int = 5, init_bound: float = 0.005) -> None:
        super().__init__()
        check_widths("model.discriminator", channels=channels, size=size, width=width, pieces=pieces)
        check_bound("model.discriminator", init_bound)
        self.channels, self.size = channels, size
        self.layers = nn.Sequential(
            nn.Dropout(0.2),
            Maxout(channels * size * size, width, pieces),
            nn.Dropout(0.5),
            Maxout(width, width, pieces),
            nn.Dropout(0.5),
            nn.Linear(width, 1),
        )
        initialise_uniform(self, init_bound)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1]; ``labels`` are not used."""
        logits: Tensor = self.layers(to_unit(images))
        return logits.flatten()


class ConditionalMaxoutDiscriminator(Discriminator):
    """Image and label each through a maxout layer, both through a joint one, then one logit.

    D of Mirza and Osindero (2014, section 4.1), with their dropout of .5 on what the hidden layers give. The paper does
    not say how weights start; here they start as in the code of Goodfellow et al. (2014).

    Args:
        channels: channels of the images.
        size: height and width of the images.
        num_classes: number of labels.
        width: units of the image's layer.
        pieces: linear functions of each unit of the image's and the label's layer.
        label_width: units of the label's layer.
        joint_width: units of the joint layer.
        joint_pieces: linear functions of each unit of the joint layer.
        init_bound: weights start uniform within it, on either side of 0; biases start at 0.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        num_classes: int,
        width: int = 240,
        pieces: int = 5,
        label_width: int = 50,
        joint_width: int = 240,
        joint_pieces: int = 4,
        init_bound: float = 0.005,
    ) -> None:
        super().__init__()
        widths = {"width": width, "label_width": label_width, "joint_width": joint_width}
        counts = {"channels": channels, "size": size, "pieces": pieces, "joint_pieces": joint_pieces}
        check_widths("model.discriminator", **counts, **widths)
        check_bound("model.discriminator", init_bound)
        check_classes("model.discriminator", num_classes)
        self.channels, self.size, self.num_classes = channels, size, num_classes
        self.image_layer = Maxout(channels * size * size, width, pieces)
        self.label_layer = Maxout(num_classes, label_width, pieces)
        self.joint = nn.Sequential(
            nn.Dropout(0.5),
            Maxout(width + label_width, joint_width, joint_pieces),
            nn.Dropout(0.5),
            nn.Linear(joint_width, 1),
        )
        initialise_uniform(self, init_bound)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1] for ``labels`` (N,) int64.

        Raises:
            ValueError: if there are no labels.
        """
        classes = one_hot(labels, self.num_classes, images.dtype)
        both = torch.cat([self.image_layer(to_unit(images)), self.label_layer(classes)], dim=1)
        logits: Tensor = self.joint(both)
        return logits.flatten()
