"""Unpaired images of two domains."""

from __future__ import annotations

from pathlib import Path

from datamodules.archives import UNPAIRED
from datamodules.image_cache import Listing
from datamodules.image_domains import ImageDomainsDataModule
from lightning_gans.core.image_files import find_images


class UnpairedImageDataModule(ImageDomainsDataModule):
    """Images of two domains that do not belong together, in the folders of CycleGAN (Zhu et al., 2017).

    ``trainA`` and ``trainB``, ``testA`` and ``testB``, and if there are any ``valA`` and ``valB``, each with any number
    of images. In training both domains are shuffled independently; an epoch sees every image of the larger one once.

    Arguments, validation and test images, decoding: see :class:`ImageDomainsDataModule`.
    """

    default_root = Path("data/cyclegan")
    pairs = False
    archives = UNPAIRED
    layouts = (("A", "B"),)

    def listings(self, folders: list[Path]) -> list[Listing]:
        """The files of each domain."""
        channels = (self.channels_a, self.channels_b)
        return [
            Listing([(path,) for path in find_images(f"{folder.name} of data.root", folder)], (count,))
            for folder, count in zip(folders, channels, strict=True)
        ]
