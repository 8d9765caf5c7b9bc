"""Paired and unpaired images of two domains in the folders of pix2pix and CycleGAN."""

from __future__ import annotations

from pathlib import Path

from datamodules.archives import PAIRED, UNPAIRED
from datamodules.image_cache import Listing
from datamodules.image_domains import ImageDomainsDataModule
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import find_images, list_names


class PairedImageDataModule(ImageDomainsDataModule):
    """Pairs of images that show the same thing, in the folders of pix2pix (Isola et al., 2017).

    Either ``train``, ``val`` and ``test`` hold files with both images of a pair side by side, a on the left and b on
    the right. Or ``trainA`` and ``trainB`` hold one image each, with names that are equal up to the extension, and so
    do ``valA`` and ``valB``, ``testA`` and ``testB``. Both images of a pair must have the same shape, and are resized
    and cropped in the same way.

    For the arguments, the validation and test images, and how files are decoded see :class:`ImageDomainsDataModule`.
    """

    default_root = Path("data/pix2pix")
    pairs = True
    archives = PAIRED
    layouts = (("",), ("A", "B"))

    def listings(self, folders: list[Path]) -> list[Listing]:
        """The files of all pairs.

        Raises:
            InputError: if files have no partner; it names the first ones.
        """
        files = [find_images(f"{folder.name} of root", folder) for folder in folders]
        paths: list[tuple[Path, ...]] = [(path,) for path in files[0]]
        if len(folders) > 1:
            paths = match_pairs(self.folder, folders, files)
        return [Listing(paths, (self.channels_a, self.channels_b))]


class UnpairedImageDataModule(ImageDomainsDataModule):
    """Unpaired images of two domains, in the folders of CycleGAN (Zhu et al., 2017).

    ``trainA`` and ``trainB``, ``testA`` and ``testB``, and optionally ``valA`` and ``valB`` hold any number of images
    each. In training the domains are shuffled independently; an epoch uses every image of the larger one once.

    For the arguments, the validation and test images, and how files are decoded see :class:`ImageDomainsDataModule`.
    """

    default_root = Path("data/cyclegan")
    pairs = False
    archives = UNPAIRED
    layouts = (("A", "B"),)

    def listings(self, folders: list[Path]) -> list[Listing]:
        """The files of each domain."""
        channels = (self.channels_a, self.channels_b)
        return [
            Listing([(path,) for path in find_images(f"{folder.name} of root", folder)], (count,))
            for folder, count in zip(folders, channels, strict=True)
        ]


def match_pairs(root: Path, folders: list[Path], files: list[list[Path]]) -> list[tuple[Path, ...]]:
    """Pair the files whose paths in their folders are equal up to the extension.

    Args:
        root: the folder relative to which error messages name files.
        folders: the folder of each domain.
        files: the files in each folder.

    Raises:
        InputError: if a file has no partner, or two files have the same one; it names them.
    """
    a, b = (by_name(root, *each) for each in zip(folders, files, strict=True))
    lacking = []
    for here, there, folder in ((a, b, folders[1]), (b, a, folders[0])):
        if alone := [path.relative_to(root).as_posix() for name, path in here.items() if name not in there]:
            lacking.append(f"{folder.name} holds no partner of {list_names(alone)}")
    if lacking:
        raise InputError(
            f"root is {root}, where {' and '.join(lacking)}; expected the same names in both, up to the extension"
        )
    return [(a[name], b[name]) for name in a]


def by_name(root: Path, folder: Path, files: list[Path]) -> dict[Path, Path]:
    """Files by their path in ``folder`` without the extension.

    Raises:
        InputError: if two differ in the extension only.
    """
    named: dict[Path, Path] = {}
    for path in files:
        other = named.setdefault(path.relative_to(folder).with_suffix(""), path)
        if other != path:
            raise InputError(
                f"root is {root}, where {other.relative_to(root)} and {path.relative_to(root)} have the same partner; "
                "expected names that differ in more than the extension"
            )
    return named
