"""CycleGAN's generator (Zhu et al., 2017, appendix 7.2; after Johnson et al., 2016), for sides of any multiple of 4."""

from __future__ import annotations

from fractions import Fraction

from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.networks.arguments import check_widths
from lightning_gans.networks.base import Stage, Translator
from lightning_gans.networks.layers import InstanceNorm, MakeNorm, UpsampleConv, dcgan_init


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with reflected borders, added to the input.

    Args:
        width: channels.
        norm: normalisation after each convolution.
    """

    def __init__(self, width: int, norm: MakeNorm) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False),
            norm(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False),
            norm(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, width, H, W) from ``maps`` of the same shape."""
        change: Tensor = self.branch(maps)
        return maps + change


class ResNetTranslator(Translator):
    """A 7 x 7 convolution, two that halve the side, residual blocks, two that double it, a 7 x 7 one and tanh.

    Args:
        channels_in: channels of the images it is given.
        channels_out: channels of the images it makes.
        size: height and width, a multiple of 4 pixels; the network itself takes others too.
        blocks: residual blocks; 6 for 128 pixels and 9 for 256 in the paper.
        width: channels of the largest map.
        norm: normalisation of every layer but the last.
        upsample: double the side by repeating pixels before a 3 x 3 convolution in place of a transposed convolution,
            whose overlaps may show as checkerboards (Odena et al., 2016).

    Raises:
        InputError: if an argument is out of range.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: int,
        blocks: int = 9,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        check_widths("model.generator", channels_in=channels_in, channels_out=channels_out, blocks=blocks, width=width)
        if size % 4:
            raise InputError(f"model.generator.size is {size}; expected a multiple of 4 for {type(self).__name__}")
        self.channels_in, self.channels_out = channels_in, channels_out
        layers: list[nn.Module] = [
            nn.Conv2d(channels_in, width, 7, padding=3, padding_mode="reflect", bias=False),
            norm(width),
            nn.ReLU(inplace=True),
        ]
        for before in (width, 2 * width):
            layers += [nn.Conv2d(before, 2 * before, 3, 2, 1, bias=False), norm(2 * before), nn.ReLU(inplace=True)]
        layers += [ResidualBlock(4 * width, norm) for _ in range(blocks)]
        for after in (2 * width, width):
            layers += [upsampling_layer(2 * after, after, upsample), norm(after), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(width, channels_out, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def stages(self) -> list[Stage]:
        """The layers that halve the side, each block, and those that double it: cut where maps are smallest."""
        blocks = [at for at, layer in enumerate(self.layers) if isinstance(layer, ResidualBlock)]
        before, after = self.layers[: blocks[0]], self.layers[blocks[-1] + 1 :]
        # On the way in 3 pixels of the image, 1, and 1 that is 2 of the image's.
        smaller, larger = Stage(before, 6, Fraction(1, 4), multiple=4), Stage(after, 2, Fraction(4))
        return [smaller, *(Stage(self.layers[at], 2) for at in blocks), larger]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, channels_out, H, W) in [-1, 1] from ``images`` (N, channels_in, H, W), sides multiples of 4."""
        translated: Tensor = self.layers(images)
        return translated


def upsampling_layer(before: int, after: int, upsample: bool) -> nn.Module:
    """A layer that doubles the side."""
    if upsample:
        return UpsampleConv(before, after, bias=False)
    return nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=False)
