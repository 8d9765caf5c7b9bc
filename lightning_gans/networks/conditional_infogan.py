"""InfoGAN's networks made conditional: the label beside z in G, projected on the features in D."""

from __future__ import annotations

from torch import Tensor

from lightning_gans.networks.arguments import check_classes
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.infogan import check_arguments, decoder_layers, encoder_layers, initialise
from lightning_gans.networks.layers import concat_labels, project_labels


class ConditionalInfoGANGenerator(Generator):
    """InfoGAN's generator on z and the one-hot label side by side.

    Args:
        channels: channels of the images.
        size: height and width, a multiple of 4.
        num_classes: number of labels.
        latent_dim: length of z.
        width: channels of the map before the image; the smallest map has twice as many.
        dense: units of the dense layer.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self, channels: int, size: int, num_classes: int, latent_dim: int = 64, width: int = 64, dense: int = 1024
    ) -> None:
        super().__init__()
        check_arguments("model.generator", channels, size, latent_dim=latent_dim, width=width, dense=dense)
        check_classes("model.generator", num_classes)
        self.latent_dim, self.channels, self.size, self.num_classes = latent_dim, channels, size, num_classes
        self.layers = decoder_layers(latent_dim + num_classes, channels, size, width, dense)
        initialise(self)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim) and ``labels`` (N,) int64."""
        images: Tensor = self.layers(concat_labels(latent, labels, self.num_classes))
        return images


class ConditionalInfoGANDiscriminator(Discriminator):
    """InfoGAN's discriminator with a projection of the label on its dense layer (Miyato and Koyama, 2018).

    Args:
        channels: channels of the images.
        size: height and width, a multiple of 4.
        num_classes: number of labels.
        width: channels of the first map; the second has twice as many.
        dense: units of the dense layer.
        batch_norm: the paper's batch normalisation; without it logits of one image do not depend on the others.

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        num_classes: int,
        width: int = 64,
        dense: int = 1024,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        check_arguments("model.discriminator", channels, size, width=width, dense=dense)
        check_classes("model.discriminator", num_classes)
        self.channels, self.size, self.num_classes = channels, size, num_classes
        # One output for w, then one for each class.
        self.layers = encoder_layers(channels, size, width, dense, 1 + num_classes, batch_norm)
        initialise(self, batch_norm)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1] for ``labels`` (N,) int64."""
        return project_labels(self.layers(images), labels, self.num_classes)
