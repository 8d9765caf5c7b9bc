"""The translator that does nothing: what a translation's scores are compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.networks.base import Stage, Translator


class IdentityTranslator(Translator):
    """Gives back what it is given, but for a gain of 1 that it could train.

    Args:
        channels_in: channels of the images it is given.
        channels_out: the same number.
        size: height and width; any.

    Raises:
        InputError: if the domains' channels differ.
    """

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        if channels_in != channels_out:
            raise InputError(
                "model.generator is IdentityTranslator, but the domains have "
                f"{channels_in} and {channels_out} channels; expected equal channels"
            )
        self.channels_in = self.channels_out = channels_in
        self.size = size
        # An optimizer refuses to have nothing to train.
        self.gain = nn.Parameter(torch.ones(()))

    def stages(self) -> list[Stage]:
        """One, which sees a single pixel."""
        return [Stage(self, reach=0)]

    def forward(self, images: Tensor) -> Tensor:
        """The images (N, C, H, W)."""
        return self.gain * images
