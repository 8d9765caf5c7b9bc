"""Images that a notebook shows."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor

from lightning_gans.core.drawing import fit_columns, grid, is_picture
from lightning_gans.core.images import to_uint8

MOST_SHOWN = 64
"""Images of a batch that are shown at most."""


class ImageBatch(Tensor):
    """A tensor of images (N, C, H, W) in [-1, 1]; as the value of a notebook's cell it is shown as a grid.

    It is a float tensor in all else. Results of operations on it are plain tensors, except that a part of the batch
    (``images[:8]``) is a batch again; it is saved as a plain tensor.
    """

    # The result of another operation is no longer in [-1, 1], or has no images.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # as torch's Parameter

    def __new__(cls, images: Tensor) -> ImageBatch:
        """View a tensor as images; nothing is copied."""
        return images.as_subclass(cls)

    def __getitem__(self, index: Any) -> Tensor:
        """As of any tensor; a batch of images if the result has four dimensions."""
        part = super().__getitem__(index)
        return ImageBatch(part) if part.ndim == 4 else part

    def __reduce_ex__(self, protocol: Any) -> Any:
        """As a plain tensor, which ``torch.load`` reads everywhere."""
        return self.as_subclass(Tensor).__reduce_ex__(protocol)  # type: ignore[no-untyped-call]

    def _repr_png_(self) -> bytes | None:
        """The first images as a grid in PNG, for notebooks; None if they cannot be drawn."""
        if self.ndim != 4 or not self.numel() or not is_picture((self.shape[2], self.shape[3])):
            return None
        images = to_uint8(self[:MOST_SHOWN].as_subclass(Tensor))
        file = io.BytesIO()
        grid(images, fit_columns(len(images)), scale=None).save(file, format="png")
        return file.getvalue()
