"""AttentionGAN's generator (Tang et al., 2021), which leaves the background of an image as it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.networks.base import Translator, check_equal_channels, check_positive
from lightning_gans.networks.layers import InstanceNorm, MakeNorm, dcgan_init
from lightning_gans.networks.resnet_translator import ResNetTranslator, transposed_convolution


class AttentionTranslator(Translator):
    """CycleGAN's generator, which makes several images, and masks by which these and its input are mixed.

    The translation is the sum of M_k C_k over the contents k and of M_b x, where x is the input (Tang et al., 2021,
    *AttentionGAN: Unpaired Image-to-Image Translation using Attention-Guided Generative Adversarial Networks*,
    scheme II). The masks of a pixel are positive and add up to 1. With CycleGAN's losses nothing tells the masks what
    the background is: copying it is the cheapest way to translate back.

    Contents and masks have decoders of their own behind common residual blocks.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images, the same number.
        size: (height, width) of the images of the training in pixels, or one number for a square, multiples of 4; the
            network has the same layers for all sizes, and translates images of any such height and width.
        contents: number of images that are mixed with the input; 9 in the paper.
        blocks: number of residual blocks.
        width: channels of the largest feature map.
        norm: normalization of every layer but the last ones.

    Raises:
        ValueError: if the numbers of channels differ, or an argument is out of range.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        contents: int = 9,
        blocks: int = 9,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
    ) -> None:
        super().__init__(channels_in, channels_out)
        check_positive(contents=contents)
        check_equal_channels(self, ", which mixes its input into its output")
        *encoding, decoding = ResNetTranslator(channels_in, contents * channels_out, size, blocks, width, norm).stages()
        self.encoder = nn.Sequential(*(stage.module for stage in encoding))
        self.contents = decoding.module
        layers: list[nn.Module] = []
        for after in (2 * width, width):
            layers += [transposed_convolution(2 * after, after), norm(after), nn.ReLU(inplace=True)]
        self.masks = nn.Sequential(*layers, nn.Conv2d(width, contents + 1, 1), nn.Softmax(dim=1))
        self.masks.apply(dcgan_init)

    def parts(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is mixed, (N, contents + 1, C, H, W) with the images last, and masks (N, contents + 1, 1, H, W).

        Args:
            images: (N, C, H, W) in [-1, 1].
        """
        maps = self.encoder(images)
        made = self.contents(maps).unflatten(1, (-1, self.channels_out))
        return torch.cat([made, images[:, None]], dim=1), self.masks(maps)[:, :, None]

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] for ``images`` (N, C, H, W), multiples of 4."""
        mixed, masks = self.parts(images)
        return (masks * mixed).sum(dim=1)
