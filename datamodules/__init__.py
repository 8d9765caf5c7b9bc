"""Data for GANs as LightningDataModules, chosen by class name on the command line."""

from lightning_gans.datamodules.digits import DigitsDataModule
from lightning_gans.datamodules.domain_folders import UnpairedImageDataModule
from lightning_gans.datamodules.facades import SyntheticFacadesDataModule
from lightning_gans.datamodules.gaussian_grid import GaussianGridDataModule, GaussianRingDataModule
from lightning_gans.datamodules.image_folder import ImageFolderDataModule
from lightning_gans.datamodules.paired_images import PairedImageDataModule
from lightning_gans.datamodules.stacked_mnist import StackedMNISTDataModule
from lightning_gans.datamodules.torchvision_sets import (
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
    "GaussianRingDataModule",
    "ImageFolderDataModule",
    "KMNISTDataModule",
    "MNISTDataModule",
    "PairedImageDataModule",
    "StackedMNISTDataModule",
    "SyntheticFacadesDataModule",
    "UnpairedImageDataModule",
]
