"""Autoencoders as discriminators, and the networks of BEGAN (Berthelot et al., 2017, section 3.5).

Feature maps double their sides from a map whose shorter side has 4 to 7 pixels (:func:`.smallest_map`). On each map
there are two 3 x 3 convolutions with ELU. The encoder halves the sides by strided convolutions and widens the maps by
``width`` channels at a time; the decoder has ``width`` channels on all maps and doubles the sides by repeating pixels.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Discriminator, Generator, check_positive
from lightning_gans.networks.blocks import weighted_blocks
from lightning_gans.networks.sizes import smallest_map


def decoder_layers(inputs: int, channels: int, size: Size, width: int) -> nn.Sequential:
    """Return the layers of G and of the decoder, from vectors (N, inputs) to images (N, channels, height, width)."""
    rows, columns, doublings = smallest_map(size)
    layers: list[nn.Module] = [nn.Linear(inputs, width * rows * columns), nn.Unflatten(1, (width, rows, columns))]
    for level in range(doublings + 1):
        if level:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        for _ in range(2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ELU()]
    return nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))


def encoder_layers(channels: int, size: Size, width: int, outputs: int) -> nn.Sequential:
    """Return the layers of the encoder, from images (N, channels, height, width) to vectors (N, outputs)."""
    rows, columns, doublings = smallest_map(size)
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ELU()]
    for here in range(width, (doublings + 1) * width, width):
        layers += [nn.Conv2d(here, here, 3, padding=1), nn.ELU()]
        layers += [nn.Conv2d(here, here + width, 3, stride=2, padding=1), nn.ELU()]
    widest = (doublings + 1) * width
    layers += [nn.Conv2d(widest, widest, 3, padding=1), nn.ELU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widest * rows * columns, outputs))


class BEGANGenerator(Generator):
    """The generator of BEGAN, which has the architecture of its discriminator's decoder.

    The output is not bounded in training mode, as in the paper; in evaluation mode it is clipped to [-1, 1].

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of a latent vector.
        width: channels of the feature maps.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, channels: int, size: Size, latent_dim: int = 64, width: int = 64) -> None:
        super().__init__(channels, size, latent_dim)
        check_positive(width=width)
        self.layers = decoder_layers(latent_dim, channels, size, width)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) for ``latent`` (N, latent_dim); ignores labels."""
        images: Tensor = self.layers(latent)
        return images if self.training else images.clamp(-1, 1)


class AutoencoderDiscriminator(Discriminator):
    r"""An autoencoder whose logit is minus the error of its reconstruction, for :class:`.EBGAN` and :class:`.BEGAN`.

    The error of an image is the mean over pixels of :math:`|x - Dec(Enc(x))|^\eta` (Berthelot et al., 2017, section
    3.1; Zhao et al., 2017, section 2.3).

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels of the decoder's feature maps, and of the encoder's largest.
        code_dim: length of the code.
        power: :math:`\eta`, 1 for the absolute and 2 for the squared difference.

    Raises:
        ValueError: if an argument is out of range.
    """

    gives_energies = True
    joint_batch_safe = True

    def __init__(
        self, channels: int, size: Size, width: int = 64, code_dim: int = 64, power: Literal[1, 2] = 1
    ) -> None:
        super().__init__(channels, size)
        check_positive(width=width, code_dim=code_dim)
        if power not in (1, 2):
            raise ValueError(f"power is {power}; expected 1 or 2")
        self.power = power
        self.encoder = encoder_layers(channels, size, width, code_dim)
        self.decoder = decoder_layers(code_dim, channels, size, width)

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the blocks of the encoder; the features are the code."""
        return weighted_blocks(self.encoder)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,), at most 0 and high for real images; see :meth:`.Discriminator.forward`."""
        found: Tensor = self.decoder(self.encoder(images))
        difference = (found.float() - images.float()).flatten(1)
        return -(difference.abs() if self.power == 1 else difference.square()).mean(dim=1)
