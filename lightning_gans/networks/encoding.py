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

    def translate_and_encode(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what :meth:`translate` and :meth:`encode` return; a network can compute their common part once."""
        return self.translate(images), self.encode(images)

    @overload
    def forward(self, images: Tensor, encode: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, images: Tensor, encode: Literal[True]) -> list[Tensor]: ...

    @overload
    def forward(self, images: Tensor, encode: Literal["too"]) -> tuple[Tensor, list[Tensor]]: ...

    def forward(
        self, images: Tensor, encode: bool | Literal["too"] = False
    ) -> Tensor | list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Return translated images, the features of the images, or both.

        Args:
            images: (N, channels_in, H, W) in [-1, 1].
            encode: whether to return the features of :meth:`encode`, and "too" for both; it is an argument, since a
                compiled network is compiled for each of its values.
        """
        if encode == "too":
            return self.translate_and_encode(images)
        return self.encode(images) if encode else self.translate(images)
