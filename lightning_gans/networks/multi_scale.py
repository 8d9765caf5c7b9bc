"""pix2pixHD's discriminator: PatchGANs at several scales of the image (Wang et al., 2018, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.base import check_positive
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
    ) -> None:
        super().__init__(channels)
        check_positive(scales=scales)
        self.scales = nn.ModuleList(
            PatchGAN(channels, layers, width, norm, spectral_norm, padding=padding) for _ in range(scales)
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


def half_size(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) at half their sides, rounded up, by means over 3 x 3 pixels as in the authors' code.

    At the border the mean is over those pixels that are there.
    """
    return F.avg_pool2d(images, 3, stride=2, padding=1, count_include_pad=False)
