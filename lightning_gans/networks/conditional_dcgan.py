"""DCGAN's networks made conditional: the label beside z in G, projected on the features in D."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.errors import at_least
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.dcgan import downwards, hidden_widths, initialise, upwards
from lightning_gans.networks.labels import check_classes, one_hot


class ConditionalDCGANGenerator(Generator):
    """DCGAN's generator on z and the one-hot label side by side.

    Args:
        channels: channels of the images.
        size: 28, 32 or 64 pixels.
        num_classes: number of labels.
        latent_dim: length of z.
        width: channels of the last hidden map; each earlier map has twice as many.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, num_classes: int, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        widths = hidden_widths("model.generator", channels, size, width)
        at_least("model.generator.latent_dim", latent_dim, 1)
        check_classes("model.generator", num_classes)
        self.latent_dim, self.channels, self.size, self.num_classes = latent_dim, channels, size, num_classes
        self.layers = upwards(latent_dim + num_classes, channels, size, widths)
        self.apply(initialise)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim) and ``labels`` (N,) int64."""
        both = torch.cat([latent, one_hot(labels, self.num_classes, latent)], dim=1)
        images: Tensor = self.layers(both[:, :, None, None])
        return images


class ConditionalDCGANDiscriminator(Discriminator):
    r"""DCGAN's discriminator with a projection of the label (Miyato and Koyama, 2018, eq. 3).

    The logit is :math:`w \cdot \phi(x) + v_y \cdot \phi(x)`, with the last hidden map as :math:`\phi(x)`.

    Args:
        channels: channels of the images.
        size: 28, 32 or 64 pixels.
        num_classes: number of labels.
        width: channels of the first hidden map; each later map has twice as many.
        batch_norm: the paper's batch normalisation; without it logits of one image do not depend on the others.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: int, num_classes: int, width: int = 64, batch_norm: bool = True) -> None:
        super().__init__()
        widths = hidden_widths("model.discriminator", channels, size, width)
        check_classes("model.discriminator", num_classes)
        self.channels, self.size, self.num_classes = channels, size, num_classes
        # One output for w, then one for each v_y.
        self.layers = downwards(channels, size, widths, 1 + num_classes, batch_norm)
        self.apply(initialise)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1] for ``labels`` (N,) int64."""
        projected: Tensor = self.layers(images).flatten(1)
        return projected[:, 0] + (projected[:, 1:] * one_hot(labels, self.num_classes, projected)).sum(dim=1)
