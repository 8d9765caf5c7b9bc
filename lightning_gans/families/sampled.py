"""What evaluation sees: the contract between families and callbacks."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Sampled(NamedTuple):
    """Real and generated images to compare.

    Attributes:
        real: (N, C, H, W) in [-1, 1].
        fake: the same, generated.
        labels: (N,) int64, the classes that the generated images were asked to be of; None if none were.
    """

    real: Tensor
    fake: Tensor
    labels: Tensor | None = None


Domains = dict[str, Sampled]
"""What an evaluation step returns: images to compare, for each domain."""
