"""Translators whose features of an image can be compared with those of another one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, overload

from torch import Tensor

from lightning_gans.networks.base import Translator


class EncodingTranslator(Translator):
    """Base class of translators that return their features of an image, too, as CUT needs them.

    The encoder is the part of the network from the image to the last of these features (Park et al., 2020,
    section 3.2).

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.

    Attributes:
        encoded_channels: the channels of the feature maps of :meth:`encode`, in their order.

    Raises:
        ValueError: if an argument is less than 1.
    """

    encoded_channels: list[int]

    @abstractmethod
    def encode(self, images: Tensor) -> list[Tensor]:
        """Return feature maps (N, C, h, w) of ``images`` (N, channels_in, H, W), the first ones next to the image."""

    @abstractmethod
    def translate(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) in [-1, 1]."""

    @overload
    def forward(self, images: Tensor, encode: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, encode: Literal[True]) -> list[Tensor]: ...

    def forward(self, images: Tensor, encode: bool = False) -> Tensor | list[Tensor]:
        """Return translated images, or the features of the images.

        Args:
            images: (N, channels_in, H, W) in [-1, 1].
            encode: whether to return the features of :meth:`encode`; it is an argument, since a compiled network is
                compiled for each of its values.
        """
        return self.encode(images) if encode else self.translate(images)
