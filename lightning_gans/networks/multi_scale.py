"""pix2pixHD's discriminator: PatchGANs at several scales of the image (Wang et al., 2018, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.base import check_positive
from lightning_gans.networks.cut import xavier_init
from lightning_gans.networks.layered import LayeredPatchDiscriminator, PatchJudgment
from lightning_gans.networks.layers import InstanceNorm, MakeNorm
from lightning_gans.networks.patchgan import PatchGAN


class MultiScalePatchGAN(LayeredPatchDiscriminator):
    """PatchGANs of equal layers, of which the first judges the images, and each further one images of half the sides.

    The smallest image makes the patches of its discriminator the largest part of the whole, which shows whether the
    parts fit together; the largest image shows the details. The losses of all scales are added up (eq. 3).

    Args:
        channels: channels of the input, an image or two concatenated images.
        scales: number of discriminators; 2 in the authors' code, 3 in the paper.
        layers: layers of each with stride 2; see :class:`.PatchGAN`.
        width: channels of the first layer of each.
        norm: normalization of every layer but the first and the last.
        spectral_norm: whether to apply spectral normalization (Miyato et al., 2018) as well.
        padding: see :class:`.PatchGAN`; 2 as in the authors' code.
        narrowing: the width of each further discriminator is that of the one before, divided by this number.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        scales: int = 2,
        layers: int = 3,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        spectral_norm: bool = False,
        padding: int = 2,
        narrowing: int = 1,
    ) -> None:
        super().__init__(channels)
        check_positive(scales=scales, width=width, narrowing=narrowing)
        widths = [max(1, width // narrowing**place) for place in range(scales)]
        self.scales = nn.ModuleList(
            PatchGAN(channels, layers, each, norm, spectral_norm, padding=padding) for each in widths
        )

    def judge(self, images: Tensor) -> list[PatchJudgment]:
        """Return logits and features of ``images`` (N, channels, H, W) at each scale, that of the images first."""
        found: list[PatchJudgment] = []
        for scale in self.scales:
            assert isinstance(scale, PatchGAN)
            if found:
                images = half_size(images)
            found += scale.judge(images)
        return found

    def feature_blocks(self) -> list[list[nn.Module]]:
        """As :meth:`.AnyDiscriminator.feature_blocks`: the blocks of equal depth of all scales are one."""
        of_scales = [scale.feature_blocks() for scale in self.scales if isinstance(scale, PatchGAN)]
        return [[module for block in blocks for module in block] for blocks in zip(*of_scales, strict=True)]


class BicyclePatchGAN(MultiScalePatchGAN):
    """PatchGANs at two scales, the second of half the width: the discriminator of BicycleGAN (Zhu et al., 2017).

    Weights are initialized as in the authors' code, whose networks for images of 128 pixels have two layers with stride
    2.

    Args:
        channels: see :class:`MultiScalePatchGAN`.
        scales: see :class:`MultiScalePatchGAN`.
        layers: see :class:`MultiScalePatchGAN`.
        width: see :class:`MultiScalePatchGAN`.
        norm: see :class:`MultiScalePatchGAN`.
    """

    def __init__(
        self, channels: int, scales: int = 2, layers: int = 3, width: int = 64, norm: MakeNorm = InstanceNorm
    ) -> None:
        super().__init__(channels, scales, layers, width, norm, padding=1, narrowing=2)
        self.apply(xavier_init)


def half_size(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) at half their sides, rounded up, by means over 3 x 3 pixels as in the authors' code.

    At the border the mean is over those pixels that are there.
    """
    return F.avg_pool2d(images, 3, stride=2, padding=1, count_include_pad=False)
