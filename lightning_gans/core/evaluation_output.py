"""What an evaluation step returns: the contract between families and callbacks."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class EvaluationImages(NamedTuple):
    """Real and generated images to compare.

    Attributes:
        real: real images (N, C, H, W) in [-1, 1].
        fake: generated images (M, C, H, W) in [-1, 1]; M may differ from N.
        labels: (M,) int64, the classes for which the images were generated; None for unconditional models.
        real_labels: (N,) int64, the classes of the real images; None if they have none.
        source: the images (M, C', H, W) that were translated; None if the images were generated from noise.
        truth: the true images (M, C, H, W) that the generated ones should equal; None if they are unknown.
        cycled: the generated images translated back (M, C', H, W), to be compared with ``source``; None if they were
            not.
    """

    real: Tensor
    fake: Tensor
    labels: Tensor | None = None
    real_labels: Tensor | None = None
    source: Tensor | None = None
    truth: Tensor | None = None
    cycled: Tensor | None = None


EvaluationOutput = dict[str, EvaluationImages]
"""Images to compare, by domain."""
