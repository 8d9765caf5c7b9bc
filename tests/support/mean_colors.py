"""An extractor for tests of everything else: its features take no time, and no weights."""

from __future__ import annotations

import torch
from torch import Tensor

from lightning_gans.metrics import FeatureExtractor


class MeanColors(FeatureExtractor):
    """Mean and standard deviation of the first and the last channel."""

    num_features = 4

    @property
    def description(self) -> str:
        return "mean-colors"

    def forward(self, images: Tensor) -> Tensor:
        channels = images[:, [0, -1]].flatten(2).float() / 255
        return torch.cat([channels.mean(dim=2), channels.std(dim=2)], dim=1)


MEAN_COLORS = ["--evaluation.extractor", f"{__name__}.{MeanColors.__name__}"]
"""The options that select it on the command line."""
