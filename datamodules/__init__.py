"""Data for GANs as LightningDataModules, chosen by class name on the command line."""

from datamodules.digits import DigitsDataModule
from datamodules.domain_folders import PairedImageDataModule, UnpairedImageDataModule
from datamodules.facades import SyntheticFacadesDataModule
from datamodules.gaussian_grid import GaussianGridDataModule
from datamodules.image_folder import ImageFolderDataModule
from datamodules.stacked_mnist import StackedMNISTDataModule
from datamodules.torchvision_sets import (
    CIFAR10DataModule,
    FashionMNISTDataModule,
    KMNISTDataModule,
    MNISTDataModule,
)

__all__ = [
    "CIFAR10DataModule",
    "DigitsDataModule",
    "FashionMNISTDataModule",
    "GaussianGridDataModule",
    "ImageFolderDataModule",
    "KMNISTDataModule",
    "MNISTDataModule",
    "PairedImageDataModule",
    "StackedMNISTDataModule",
    "SyntheticFacadesDataModule",
    "UnpairedImageDataModule",
]
