"""A split in a cache on disk, as a data set."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lightning_gans.datamodules.cache_folder import CacheFolder
from lightning_gans.datamodules.in_memory import TensorImages


class MappedImages(TensorImages):
    """Images in the files of a cache, which are in memory only where they are used, and labels in a tensor.

    A process that is sent this data set opens the files itself.

    Args:
        folder: the files.
        labels: (N,) int64.
        first: the row of the first image in the files.
    """

    def __init__(self, folder: CacheFolder, labels: Tensor, first: int = 0) -> None:
        super().__init__(folder.images()[first : first + len(labels)], labels)
        self.folder, self.first = folder, first

    def part(self, first: int, stop: int | None) -> MappedImages:
        """The images from ``first`` up to ``stop``, or to the last."""
        return MappedImages(self.folder, self.labels[first:stop], self.first + first)

    def __reduce__(self) -> tuple[Any, ...]:
        return MappedImages, (self.folder, self.labels, self.first)
