"""How conditional networks use labels: concatenation, conditional batch normalization and projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def one_hot(labels: Tensor | None, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Return labels as rows (N, num_classes) that sum to 1.

    Args:
        labels: (N,) int64; or (N, num_classes) floats, the weight of each class, which are returned as they are.
        num_classes: number of classes.
        dtype: type of the result.

    Raises:
        ValueError: if ``labels`` is None.
    """
    if labels is None:
        raise ValueError(f"labels is None; expected labels (N,) for a network of {num_classes} classes")
    return (labels if labels.is_floating_point() else F.one_hot(labels, num_classes)).to(dtype)


def concat_labels(features: Tensor, labels: Tensor | None, num_classes: int) -> Tensor:
    """Concatenate features (N, F) and one-hot labels to (N, F + num_classes).

    Args:
        features: (N, F).
        labels: as in :func:`one_hot`.
        num_classes: number of classes, at least 1.

    Raises:
        ValueError: if ``labels`` is None.
    """
    return torch.cat([features, one_hot(labels, num_classes, features.dtype)], dim=1)


def project_labels(outputs: Tensor, labels: Tensor | None, num_classes: int) -> Tensor:
    r"""Return the logits (N,) of a projection discriminator (Miyato and Koyama, 2018, equation 3).

    Args:
        outputs: (N, 1 + num_classes), the last layer's output for the features :math:`\phi(x)`:
            :math:`w \cdot \phi(x)`, then :math:`v_k \cdot \phi(x)` for each class k. The logit is the sum of the first
            and of the one of the label's class.
        labels: as in :func:`one_hot`.
        num_classes: number of classes, at least 1.

    Raises:
        ValueError: if ``labels`` is None.
    """
    return outputs[:, 0] + (outputs[:, 1:] * one_hot(labels, num_classes, outputs.dtype)).sum(dim=1)


class ConditionalBatchNorm(nn.Module):
    r"""Batch normalization with a gain and a bias for each class (Dumoulin et al., 2017; de Vries et al., 2017).

    :math:`\gamma_y (x - \mu) / \sigma + \beta_y` with the label y; mean and standard deviation are those of the whole
    batch. Gains start at 1 and biases at 0. Without classes it is usual batch normalization.

    Args:
        channels: channels of the feature maps.
        num_classes: number of classes; 0 for one gain and one bias for each channel.
    """

    def __init__(self, channels: int, num_classes: int = 0) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.norm = nn.BatchNorm2d(channels, affine=not num_classes)
        if num_classes:
            self.gain = nn.Parameter(torch.ones(num_classes, channels))
            self.bias = nn.Parameter(torch.zeros(num_classes, channels))

    def forward(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Normalize feature maps (N, C, H, W); the output has the same shape.

        Args:
            maps: (N, C, H, W).
            labels: as in :func:`one_hot`; ignored without classes.

        Raises:
            ValueError: if ``labels`` is None, but there are classes.
        """
        normalized: Tensor = self.norm(maps)
        if not self.num_classes:
            return normalized
        weights = one_hot(labels, self.num_classes, self.gain.dtype)
        gain, bias = (weights @ table for table in (self.gain, self.bias))
        return torch.addcmul(bias[:, :, None, None], normalized, gain[:, :, None, None])


class LinearConditionalBatchNorm(nn.Module):
    r"""Batch normalization whose gain and bias are linear functions of a vector (Brock et al., 2019, appendix B).

    :math:`(1 + A c) (x - \mu) / \sigma + B c` with the vector c of each image; mean and standard deviation are those of
    the whole batch.

    Args:
        channels: channels of the feature maps.
        condition_dim: length of the vector.
    """

    def __init__(self, channels: int, condition_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(condition_dim, channels, bias=False)
        self.bias = nn.Linear(condition_dim, channels, bias=False)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Normalize feature maps (N, C, H, W) with the vectors ``condition`` (N, D); the output has the same shape."""
        gain, bias = 1 + self.gain(condition), self.bias(condition)
        return torch.addcmul(bias[:, :, None, None], self.norm(maps), gain[:, :, None, None])
