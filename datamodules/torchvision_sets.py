"""Data sets that torchvision downloads and reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10, KMNIST, MNIST, FashionMNIST

from lightning_gans.core.data import Contents
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_path
from lightning_gans.core.images import Size
from lightning_gans.core.pixel_files import center_crop
from lightning_gans.datamodules.digits import DIGITS
from lightning_gans.datamodules.in_memory import InMemoryDataModule


class TorchvisionDataModule(InMemoryDataModule, ABC):
    """A data set of torchvision, held in memory.

    A subclass sets ``dataset``, ``folder``, ``channels`` and ``num_classes``. If the data set has no argument
    ``train``, it overrides :meth:`split_arguments` as well::

        class SVHNDataModule(TorchvisionDataModule):
            dataset, folder, channels, num_classes = SVHN, "", 3, 10

            def split_arguments(self, *, train: bool) -> dict[str, Any]:
                return {"split": "train" if train else "test"}

    Args:
        root: folder that holds the data set in torchvision's layout, or into which to download it.
        download: download the files that are missing.
        size: (height, width) in pixels, or one number for a square; see :class:`.InMemoryDataModule`.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images at the end of the training split that are used for validation instead.
        num_workers: processes that index the tensors; 0 is fastest.
        flip: mirror training images left to right with probability ½.
        train_size: number of the first training images to use; by default all but those for validation.

    Raises:
        ValueError: if a number is out of range.
    """

    folder: ClassVar[str]
    """Folder below ``root`` in which torchvision keeps the files; empty for ``root`` itself."""

    @property
    @abstractmethod
    def dataset(self) -> Any:
        """The torchvision class; a subclass sets it as a class attribute."""

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = True,
        size: Size = 28,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int = 5000,
        num_workers: int = 0,
        flip: bool = False,
        train_size: int | None = None,
    ) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size, num_workers, flip, train_size)
        self.root = expand_path(root, "root")
        self.download = download

    def class_names(self) -> Sequence[str]:
        """The names that torchvision gives the classes, if its class has an attribute ``classes``."""
        return tuple(getattr(self.dataset, "classes", ()))

    def split_arguments(self, *, train: bool) -> dict[str, Any]:
        """Arguments with which ``dataset`` reads the training or the test split."""
        return {"train": train}

    def label(self, target: Any) -> int:
        """The class of an image, from the target of the data set's item; used for sets that are not in memory."""
        return int(target)

    def prepare_data(self) -> None:
        """Download the files that are missing, once per machine.

        Raises:
            InputError: if files are missing and are not or cannot be downloaded, or cannot be read.
        """
        for train in (True, False):
            try:
                self.dataset(self.root, **self.split_arguments(train=train), download=self.download)
            except (RuntimeError, OSError) as error:
                folder, message = self.root / self.folder, str(error)
                if folder.is_dir() and "not found" not in message and "download" not in message:
                    raise self._corrupt(error) from error
                how = f"the download failed ({one_line(error)})" if self.download else "download is false"
                raise InputError(
                    f"root is {self.root}, where {self._name} is not complete, and {how}; expected its files in "
                    f"{folder}"
                ) from error
            except (AssertionError, ValueError, EOFError) as error:
                raise self._corrupt(error) from error

    @property
    def _name(self) -> str:
        return str(self.dataset.__name__)

    def _corrupt(self, error: Exception) -> InputError:
        return InputError(
            f"root is {self.root}, where a file of {self._name} cannot be read "
            f"({one_line(error) or type(error).__name__}); delete {self.root / self.folder} and run again to download "
            "it again"
        )

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, H, W) uint8 and labels (N,) int64 of the training or the test split."""
        split = self.dataset(self.root, **self.split_arguments(train=train))
        if not hasattr(split, "data"):
            return self._decode(split)
        images = torch.as_tensor(split.data)
        # Gray sets hold (N, H, W); color sets hold (N, H, W, C) or (N, C, H, W).
        if images.ndim == 3:
            images = images[:, None]
        elif images.shape[1] != self.channels:
            images = images.permute(0, 3, 1, 2)
        labels = split.targets if hasattr(split, "targets") else split.labels
        return images, torch.as_tensor(labels, dtype=torch.int64)

    def _decode(self, split: Any) -> tuple[Tensor, Tensor]:
        """The centers of a data set whose images stay in files, and their labels."""
        images = torch.empty(len(split), self.channels, *self.size, dtype=torch.uint8)
        labels = torch.empty(len(split), dtype=torch.int64)

        def decode(index: int) -> None:
            image, target = split[index]
            images[index], labels[index] = center_crop(image, self.channels, self.size), self.label(target)

        with ThreadPoolExecutor() as pool:  # Pillow releases Python's lock while it decodes
            list(pool.map(decode, range(len(split))))
        return images, labels


class MNISTDataModule(TorchvisionDataModule):
    """MNIST (LeCun et al., 1998): 28 x 28 gray images of handwritten digits.

    The last 5,000 of 60,000 training images are used for validation; the 10,000 test images are used by ``test`` and
    ``predict`` only.
    """

    dataset = MNIST
    folder = "MNIST/raw"
    channels = 1
    num_classes = 10
    contents: Contents = "digits"

    def class_names(self) -> tuple[str, ...]:
        """The digits."""
        return DIGITS


class FashionMNISTDataModule(TorchvisionDataModule):
    """Fashion-MNIST (Xiao et al., 2017): 28 x 28 gray images of clothing, split like MNIST."""

    dataset = FashionMNIST
    folder = "FashionMNIST/raw"
    channels = 1
    num_classes = 10

    def display_name(self) -> str:
        """``Fashion-MNIST``."""
        return "Fashion-MNIST"


class KMNISTDataModule(TorchvisionDataModule):
    """Kuzushiji-MNIST (Clanuwat et al., 2018): 28 x 28 gray images of Japanese cursive characters, split like MNIST."""

    dataset = KMNIST
    folder = "KMNIST/raw"
    channels = 1
    num_classes = 10


class CIFAR10DataModule(TorchvisionDataModule):
    """CIFAR-10 (Krizhevsky, 2009): 32 x 32 color photos of ten classes.

    The last 5,000 of 50,000 training images are used for validation; the 10,000 test images are used by ``test`` and
    ``predict`` only.
    """

    dataset = CIFAR10
    folder = "cifar-10-batches-py"
    channels = 3
    num_classes = 10

    def __init__(
        self,
        root: Path = Path("data"),
        download: bool = True,
        size: Size = 32,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int = 5000,
        num_workers: int = 0,
        flip: bool = False,
        train_size: int | None = None,
    ) -> None:
        super().__init__(root, download, size, batch_size, eval_batch_size, val_size, num_workers, flip, train_size)

    def display_name(self) -> str:
        """``CIFAR-10``."""
        return "CIFAR-10"

    def class_names(self) -> tuple[str, ...]:
        """The names in the set's own file, which torchvision reads after the download."""
        return ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def one_line(error: Exception) -> str:
    """The error's text without line breaks."""
    return " ".join(str(error).split())
