"""DCGAN's networks made conditional: the label beside z in G, projected on the features in D."""

from __future__ import annotations

from torch import Tensor

from lightning_gans.networks.arguments import check_classes, check_widths
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.dcgan import decoder_layers, encoder_layers, hidden_widths
from lightning_gans.networks.layers import concat_labels, dcgan_init, project_labels


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
        check_widths("model.generator", latent_dim=latent_dim)
        check_classes("model.generator", num_classes)
        self.latent_dim, self.channels, self.size, self.num_classes = latent_dim, channels, size, num_classes
        self.layers = decoder_layers(latent_dim + num_classes, channels, size, widths)
        self.apply(dcgan_init)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, channels, size, size) in [-1, 1] from ``latent`` (N, latent_dim) and ``labels`` (N,) int64."""
        images: Tensor = self.layers(concat_labels(latent, labels, self.num_classes)[:, :, None, None])
        return images


class ConditionalDCGANDiscriminator(Discriminator):
    """DCGAN's discriminator with a projection of the label on its last hidden map (Miyato and Koyama, 2018).

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
        self.layers = encoder_layers(channels, size, widths, 1 + num_classes, batch_norm)
        self.apply(dcgan_init)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,) of ``images`` (N, channels, size, size) in [-1, 1] for ``labels`` (N,) int64."""
        return project_labels(self.layers(images).flatten(1), labels, self.num_classes)
