"""Paired images of two domains."""

from __future__ import annotations

from pathlib import Path

from datamodules.archives import PAIRED
from datamodules.image_cache import Listing
from datamodules.image_domains import ImageDomainsDataModule
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import find_images, list_names


class PairedImageDataModule(ImageDomainsDataModule):
    """Pairs of images that show the same thing, in the folders of pix2pix (Isola et al., 2017).

    ``train``, ``val`` and ``test`` hold files with both images of a pair side by side, a on the left and b on the
    right. Or ``trainA`` and ``trainB`` hold one image each under the same name up to the extension, and ``valA``,
    ``valB``, ``testA`` and ``testB`` likewise. Both images of a pair have one shape, and are resized and cropped alike.

    Arguments, validation and test images, decoding: see :class:`ImageDomainsDataModule`.
    """

    default_root = Path("data/pix2pix")
    pairs = True
    archives = PAIRED
    layouts = (("",), ("A", "B"))

    def listings(self, folders: list[Path]) -> list[Listing]:
        """The files of all pairs.

        Raises:
            InputError: if files have no partner; it names the first.
        """
        files = [find_images(f"{folder.name} of data.root", folder) for folder in folders]
        paths: list[tuple[Path, ...]] = [(path,) for path in files[0]]
        if len(folders) > 1:
            paths = partners(self.folder, folders, files)
        return [Listing(paths, (self.channels_a, self.channels_b))]


def partners(root: Path, folders: list[Path], files: list[list[Path]]) -> list[tuple[Path, ...]]:
    """The pairs of files that have the same path in their folders, up to the extension.

    Args:
        root: the folder from which files are named.
        folders: one of each domain.
        files: what each holds.

    Raises:
        InputError: if a file has no partner, or two have the same one; it names them.
    """
    a, b = (by_name(root, *each) for each in zip(folders, files, strict=True))
    lacking = []
    for here, there, folder in ((a, b, folders[1]), (b, a, folders[0])):
        if alone := [path.relative_to(root).as_posix() for name, path in here.items() if name not in there]:
            lacking.append(f"{folder.name} holds no partner of {list_names(alone)}")
    if lacking:
        raise InputError(
            f"data.root is {root}, where {' and '.join(lacking)}; expected the same names in both, up to the extension"
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
                f"data.root is {root}, where {other.relative_to(root)} and {path.relative_to(root)} would have one "
                "partner; expected names that differ in more than the extension"
            )
    return named
