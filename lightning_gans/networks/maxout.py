"""The discriminators of the first GAN (Goodfellow et al., 2014) and of the first conditional GAN, of maxout units.

A maxout unit is the maximum of several linear functions of its input (Goodfellow et al., 2013, section 3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import check_positive
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.labels import one_hot
from lightning_gans.networks.mlp import check_bound, images_to_unit, uniform_init


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
        """Return the largest piece of each unit, (N, units), for ``features`` (N, features_in)."""
        values: Tensor = self.linear(features)
        return values.view(-1, self.units, self.pieces).amax(dim=2)


class MaxoutDiscriminator(FeatureDiscriminator):
    """Two maxout layers and a linear layer for the logit, on pixels in [0, 1], with dropout.

    Without labels it is the discriminator in the code of Goodfellow et al. (2014) for MNIST, with a dropout of .2 on
    the pixels and of .5 on the input of each later layer.

    With ``conditional`` it is that of Mirza and Osindero (2014, section 4.1): image and label each pass a maxout layer,
    and both outputs a joint one, with a dropout of .5 on the input of each layer after the first. The paper does not
    give the initialization; here it is that of Goodfellow et al. (2014).

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square.
        width: units of the first layer of the image; without labels also of the second.
        pieces: linear functions of each unit of the first layers; without labels also of the second.
        label_width: units of the label's layer; only used if the network is conditional.
        joint_width: units of the joint layer; only used if the network is conditional.
        joint_pieces: linear functions of each unit of the joint layer; only used if the network is conditional.
        init_bound: weights start from U(-init_bound, init_bound), biases at 0.
        num_classes: number of classes of the data.
        conditional: whether the logits depend on labels.

    Raises:
        ValueError: if an argument is out of range.
    """

    features_use_labels = True

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int = 240,
        pieces: int = 5,
        label_width: int = 50,
        joint_width: int = 240,
        joint_pieces: int = 4,
        init_bound: float = 0.005,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        check_positive(width=width, pieces=pieces)
        check_positive(label_width=label_width, joint_width=joint_width, joint_pieces=joint_pieces)
        check_bound(init_bound)
        pixels = Maxout(channels * self.size[0] * self.size[1], width, pieces)
        if self.num_classes:
            self.image_layers = nn.Sequential(pixels)
            self.label_layer = Maxout(self.num_classes, label_width, pieces)
            joint = Maxout(width + label_width, joint_width, joint_pieces)
        else:
            self.image_layers = nn.Sequential(nn.Dropout(0.2), pixels)
            joint = Maxout(width, width, pieces)
        self.joint_layers = nn.Sequential(nn.Dropout(0.5), joint, nn.Dropout(0.5), nn.Linear(joint.units, 1))
        uniform_init(self, init_bound)

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the layer of the image and the joint one; see :meth:`.AnyDiscriminator.feature_blocks`."""
        return [[self.image_layers], list(self.joint_layers[:2])]

    @property
    def last_layer(self) -> nn.Module:
        """The layer that computes the logit from the features."""
        return self.joint_layers[-1]

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the joint layer (N, F) after dropout; see :meth:`.FeatureDiscriminator.feature_maps`."""
        features: Tensor = self.image_layers(images_to_unit(images))
        if self.num_classes:
            classes = one_hot(labels, self.num_classes, images.dtype)
            features = torch.cat([features, self.label_layer(classes)], dim=1)
        for layer in list(self.joint_layers)[:-1]:
            features = layer(features)
        return features

    def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,); see :meth:`.FeatureDiscriminator.logits_of`."""
        logits: Tensor = self.last_layer(maps)
        return logits.flatten()
