"""CUT's networks (Park et al., 2020): antialiased CycleGAN's, and MLPs on the generator's features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.core.images import Size
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.networks.base import check_positive
from lightning_gans.networks.layers import InstanceNorm, MakeNorm
from lightning_gans.networks.patchgan import PatchGAN
from lightning_gans.networks.resnet_translator import ResNetTranslator

GAIN = 0.02
"""Factor of the initial weights, the authors' default (``--init_gain``)."""

SHORTEST = 1e-7
"""The smallest length that an embedding is divided by, as in the authors' code."""


def xavier_init(module: nn.Module) -> None:
    """Draw the weights of a convolution or linear layer as Glorot and Bengio (2010), times .02, and set its bias to 0.

    For ``apply``; the authors' code initializes all networks so (``--init_type xavier``).
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.xavier_normal_(module.weight, GAIN)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class CUTTranslator(ResNetTranslator):
    """CycleGAN's generator that changes sizes without aliasing by default, with the initial weights of CUT's code.

    Args:
        channels_in: see :class:`.ResNetTranslator`.
        channels_out: see :class:`.ResNetTranslator`.
        size: see :class:`.ResNetTranslator`.
        blocks: see :class:`.ResNetTranslator`.
        width: see :class:`.ResNetTranslator`.
        norm: see :class:`.ResNetTranslator`.
        dropout: see :class:`.ResNetTranslator`.
        antialias_down: see :class:`.ResNetTranslator`.
        antialias_up: see :class:`.ResNetTranslator`.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: Size,
        blocks: int = 9,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        dropout: float = 0.0,
        antialias_down: bool = True,
        antialias_up: bool = True,
    ) -> None:
        super().__init__(
            channels_in,
            channels_out,
            size,
            blocks,
            width,
            norm,
            dropout=dropout,
            antialias_down=antialias_down,
            antialias_up=antialias_up,
        )
        self.apply(xavier_init)


class CUTPatchGAN(PatchGAN):
    """PatchGAN with instance normalization and without aliasing by default, with the initial weights of CUT's code.

    Args:
        channels: channels of the images.
        layers: see :class:`.PatchGAN`.
        width: see :class:`.PatchGAN`.
        norm: see :class:`.PatchGAN`.
        antialias: see :class:`.PatchGAN`.
    """

    def __init__(
        self,
        channels: int,
        layers: int = 3,
        width: int = 64,
        norm: MakeNorm = InstanceNorm,
        antialias: bool = True,
    ) -> None:
        super().__init__(channels, layers, width, norm, antialias=antialias)
        self.apply(xavier_init)


class PatchEmbedding(nn.Module):
    """The MLPs :math:`H_l`, one for each feature map, which embed the features of places (section 3.2).

    Each has one hidden layer with ReLU, and its outputs are divided by their length.

    Args:
        channels: channels of each feature map.
        width: units of the hidden layer and of the embedding.

    Raises:
        ValueError: if a number is less than 1.
    """

    def __init__(self, channels: Sequence[int], width: int = 256) -> None:
        super().__init__()
        check_positive(channels=channels, width=width)
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(each, width), nn.ReLU(), nn.Linear(width, width)) for each in channels
        )
        self.apply(xavier_init)

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Return the embeddings (N, S, width), float32 and of unit length, of each feature map at its places.

        Args:
            maps: feature maps (N, C, h, w).
            places: for each feature map (S,) int64, positions in the row-major order of its pixels.
        """
        features = [each.flatten(2)[:, :, at].transpose(1, 2) for each, at in zip(maps, places, strict=True)]
        # In float32: at the start the outputs are so short that their gradients would exceed the range of float16.
        with autocast_off(maps[0].device):
            embedded = [mlp(at_least_float32(each)) for mlp, each in zip(self.mlps, features, strict=True)]
            return [F.normalize(each, dim=2, eps=SHORTEST) for each in embedded]
