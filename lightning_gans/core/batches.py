"""What a batch is: the contract between data and families."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Labelled(NamedTuple):
    """Images and the class of each.

    Attributes:
        images: (N, C, H, W), float32 in [-1, 1] once the batch is on the device; uint8 on its way there.
        labels: (N,), int64.
    """

    images: Tensor
    labels: Tensor


class Pair(NamedTuple):
    """Images of two domains.

    Attributes:
        a: (N, C, H, W), float32 in [-1, 1] once the batch is on the device; uint8 on its way there.
        b: the same for the other domain; of another number where the two are not aligned and one has run out.
        aligned: whether the k-th image of each shows the same thing.
    """

    a: Tensor
    b: Tensor
    aligned: bool
