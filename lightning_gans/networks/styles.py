"""The base class of generators that map the latent vector to styles first, as StyleGAN does."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from lightning_gans.networks.base import Generator


class StyleGenerator(Generator):
    r"""Base class of generators with a mapping network from z to w, whose layers are each given a w.

    Truncation towards the mean, style mixing, directions and projection work with any such generator.

    Attributes:
        style_mean: running mean (style_dim,) of w in training, :math:`\bar w`.
        style_layers: number L of layers that are given a w, those of the smallest feature map first.
    """

    style_mean: Tensor
    style_layers: int

    @abstractmethod
    def map_latent(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return w of each layer, (N, L, style_dim); in evaluation mode that of all layers of an image is the same.

        Args:
            latent: z (N, latent_dim).
            labels: as in :meth:`.Generator.forward`.
        """

    @abstractmethod
    def synthesize(self, styles: Tensor) -> Tensor:
        """Return images (N, channels, height, width), in evaluation mode in [-1, 1].

        Args:
            styles: w of each layer, (N, L, style_dim). What labels decide is part of it.
        """

    def styles(self, latent: Tensor, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        r"""Return w of each layer, (N, L, style_dim), moved towards the mean of w.

        Args:
            latent: z (N, latent_dim).
            labels: as in :meth:`.Generator.forward`.
            truncation: :math:`\psi`, see :meth:`truncate`.
        """
        return self.truncate(self.map_latent(latent, labels), truncation)

    def truncate(self, styles: Tensor, truncation: float) -> Tensor:
        r"""Return :math:`\bar w + \psi (w - \bar w)` (Karras et al., 2019, appendix B).

        Args:
            styles: w, of any shape that ends in style_dim.
            truncation: :math:`\psi`: 1 for ``styles`` themselves, 0 for the mean.
        """
        return styles if truncation == 1 else torch.lerp(self.style_mean, styles, truncation)
