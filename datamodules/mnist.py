"""MNIST and the sets made in its likeness: 60,000 training and 10,000 test images, 28 x 28, grey, ten classes."""

from __future__ import annotations

from torchvision.datasets import KMNIST, MNIST, FashionMNIST

from datamodules.torchvision_sets import TorchvisionDataModule


class MNISTDataModule(TorchvisionDataModule):
    """MNIST (LeCun et al., 1998): handwritten digits.

    The last 5,000 training images are for validation, 55,000 remain for training; the 10,000 test images are seen by
    ``test`` and ``predict`` only.
    """

    dataset = MNIST
    folder = "MNIST/raw"
    channels = 1
    num_classes = 10


class FashionMNISTDataModule(TorchvisionDataModule):
    """Fashion-MNIST (Xiao et al., 2017): articles of clothing; split as MNIST."""

    dataset = FashionMNIST
    folder = "FashionMNIST/raw"
    channels = 1
    num_classes = 10


class KMNISTDataModule(TorchvisionDataModule):
    """Kuzushiji-MNIST (Clanuwat et al., 2018): cursive Japanese characters; split as MNIST."""

    dataset = KMNIST
    folder = "KMNIST/raw"
    channels = 1
    num_classes = 10
