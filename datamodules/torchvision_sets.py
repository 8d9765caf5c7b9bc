"""Data sets that torchvision downloads and reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from datamodules.in_memory import InMemoryDataModule
from lightning_gans.core.errors import InputError


class TorchvisionDataModule(InMemoryDataModule, ABC):
    """A torchvision data set with ``train``, ``download``, ``data`` and ``targets``.

    Args:
        root: folder that holds the data set in torchvision's layout, or into which to download it.
        download: fetch what is missing.
        size: height and width in pixels.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images at the end of the training split that are kept for validation.
        num_workers: processes that index the tensors; 0 is fastest.
    """

    folder: ClassVar[str]
    """Where below ``root`` torchvision keeps the files."""

    @property
    @abstractmethod
    def dataset(self) -> Any:
        """The torchvision class; a subclass sets it as a class attribute."""

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = True,
        size: int = 28,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int = 5000,
        num_workers: int = 0,
    ) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size, num_workers)
        self.root = Path(root)
        self.download = download

    @property
    def _name(self) -> str:
        return str(self.dataset.__name__)

    def prepare_data(self) -> None:
        """Download what is missing, once per machine.

        Raises:
            InputError: if the files are neither there nor to be had.
        """
        for train in (True, False):
            try:
                self.dataset(self.root, train=train, download=self.download)
            except (RuntimeError, OSError) as error:
                if (
                    (self.root / self.folder).is_dir()
                    and "not found" not in str(error)
                    and "download" not in str(error)
                ):
                    raise self._corrupt(error) from error
                how = f"the download failed ({one_line(error)})" if self.download else "data.download is false"
                raise InputError(
                    f"data.root is {self.root}, where {self._name} is not complete, and {how}; "
                    f"expected its files in {self.root / self.folder}"
                ) from error
            except (AssertionError, ValueError, EOFError) as error:
                raise self._corrupt(error) from error

    def _corrupt(self, error: Exception) -> InputError:
        reason = one_line(error) or type(error).__name__
        return InputError(
            f"data.root is {self.root}, where a file of {self._name} cannot be read ({reason}); "
            f"delete {self.root / self.folder} and run again to fetch it anew"
        )

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) uint8 and labels (N,) int64 of one split."""
        split = self.dataset(self.root, train=train)
        images = torch.as_tensor(split.data)
        # Grey sets hold (N, H, W), colour sets (N, H, W, C).
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        return images, torch.as_tensor(split.targets, dtype=torch.int64)


def one_line(error: Exception) -> str:
    """The error's text without line breaks."""
    return " ".join(str(error).split())
