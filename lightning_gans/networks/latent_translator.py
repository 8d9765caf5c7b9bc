"""Translators with many answers to one image, each by a latent code: BicycleGAN's U-Net (Zhu et al., 2017)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Translator, check_positive
from lightning_gans.networks.cut import xavier_init
from lightning_gans.networks.layers import InstanceNorm, MakeNorm, check_dropout
from lightning_gans.networks.unet import decode, decoder_blocks, encoder_blocks, level_widths

LEVELS_BELOW = 5
"""Levels of a U-Net without dropout in the decoder: the innermost, and those of the four largest maps."""


class LatentTranslator(Translator):
    """Base class of translators whose output also depends on a latent code, which is normally distributed.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        latent_dim: length of a latent code.

    Attributes:
        latent_dim: length of a latent code.

    Raises:
        ValueError: if an argument is less than 1.
    """

    def __init__(self, channels_in: int, channels_out: int, latent_dim: int) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(latent_dim=latent_dim)
        self.latent_dim = latent_dim

    @abstractmethod
    def answer(self, images: Tensor, latent: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1].

        Args:
            images: (N, channels_in, H, W) in [-1, 1].
            latent: latent codes (N, latent_dim).
        """

    def forward(self, images: Tensor, latent: Tensor | None = None) -> Tensor:
        """As :meth:`answer`; without latent codes, with the mean of their distribution, which is 0."""
        if latent is None:
            latent = images.new_zeros(len(images), self.latent_dim)
        return self.answer(images, latent)


class SingleAnswer(Translator):
    """A :class:`LatentTranslator` that is given the same latent code for each image.

    Args:
        translator: the network, which is not copied.
        latent: the latent code (latent_dim,), on any device.
    """

    def __init__(self, translator: LatentTranslator, latent: Tensor) -> None:
        super().__init__(translator.channels_in, translator.channels_out)
        self.translator = translator
        self.register_buffer("latent", latent.to(next(translator.parameters())))
        self.train(translator.training)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) in [-1, 1]."""
        assert isinstance(self.latent, Tensor)
        translated: Tensor = self.translator(images, self.latent.expand(len(images), -1))
        return translated


class LatentUNet(LatentTranslator):
    """pix2pix's U-Net with the latent code as further channels, equal in all places, of its encoder's maps.

    The code is given to every block of the encoder, or to the first one alone (Zhu et al., 2017). Weights
    are initialized as in the authors' code.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        size: (height, width) of the images in pixels, or one number for a square: the shorter side is 64, 128, 256 or
            512, and the longer one a multiple of it.
        latent_dim: length of a latent code.
        width: channels of the largest feature map; each smaller one has twice as many, up to eight times.
        norm: normalization of every block but the first and the innermost.
        inject: where the code is added to the maps: "all" for every block of the encoder, or "input".
        dropout: probability to drop an activation in the decoder blocks after the innermost one, in [0, 1); in three of
            them for 256 pixels, one more or less for each doubling of the side. The authors' code has it as an option.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("down",)

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        latent_dim: int = 8,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        inject: Literal["all", "input"] = "all",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(channels_in, channels_out, latent_dim)
        check_positive(width=width)
        if inject not in ("all", "input"):
            raise ValueError(f"inject is {inject}; expected all or input")
        check_dropout(dropout)
        widths = level_widths(size, width)
        self.injected = len(widths) if inject == "all" else 1
        self.down = encoder_blocks(channels_in, widths, norm, [latent_dim] * self.injected)
        self.up = decoder_blocks(channels_out, widths, norm, [0.0, *[dropout] * (len(widths) - LEVELS_BELOW)])
        self.apply(xavier_init)

    def answer(self, images: Tensor, latent: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1].

        Args:
            images: (N, channels_in, H, W) in [-1, 1], of the given size.
            latent: latent codes (N, latent_dim).
        """
        skips: list[Tensor] = []
        maps: Tensor = images
        for level, block in enumerate(self.down):
            maps = block(with_code(maps, latent) if level < self.injected else maps)
            skips.append(maps)
        return decode(self.up, skips)


def with_code(maps: Tensor, latent: Tensor) -> Tensor:
    """Return feature maps (N, C, h, w) with latent codes (N, D) as D further channels, equal in all places."""
    code = latent.to(maps.dtype)[:, :, None, None]
    return torch.cat([maps, code.expand(-1, -1, *maps.shape[2:])], dim=1)
