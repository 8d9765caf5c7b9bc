"""What evaluation sees: the contract between families and callbacks."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class EvaluationImages(NamedTuple):
    """Real and generated images to compare.

    Attributes:
        real: (N, C, H, W) in [-1, 1].
        fake: the same, generated; of another number where real and generated images are not drawn together.
        labels: (N,) int64, the classes that the generated images were asked to be of; None if none were.
        real_labels: (N,) int64, the classes of the real images; None if they have none.
        source: the images (N, C', H, W) from which the generated ones were translated; None if from noise.
        truth: what each generated image should be; None where nobody knows.
        cycled: the generated images translated back, to be compared with ``source``; None if they were not.
    """

    real: Tensor
    fake: Tensor
    labels: Tensor | None = None
    real_labels: Tensor | None = None
    source: Tensor | None = None
    truth: Tensor | None = None
    cycled: Tensor | None = None


EvaluationOutput = dict[str, EvaluationImages]
"""What an evaluation step returns: images to compare, for each domain."""
