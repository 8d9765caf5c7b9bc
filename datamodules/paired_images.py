"""Pairs of images: side by side in one file, in files with equal names, or listed in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_gans.core.files import expand_path
from lightning_gans.core.image_files import check_folder
from lightning_gans.datamodules.archives import PAIRED
from lightning_gans.datamodules.domain_folders import ImageDomainsDataModule
from lightning_gans.datamodules.image_cache import Listing
from lightning_gans.datamodules.layouts import (
    JOINED,
    SEPARATE,
    SPLIT_NAMES,
    TOGETHER,
    WITHOUT_SPLITS,
    Layout,
    SplitFolders,
    find_split,
)
from lightning_gans.datamodules.matching import find_all, match_pairs, match_together
from lightning_gans.datamodules.pair_table import read_pairs


class PairedImageDataModule(ImageDomainsDataModule):
    """Pairs of images that show the same thing, in the folders of pix2pix (Isola et al., 2017).

    Either ``train``, ``val`` and ``test`` hold files with both images of a pair side by side, a on the left and b on
    the right; if most of them are not at least about twice as wide as high, they are refused. Or a file holds one
    image, in the folders of :class:`ImageDomainsDataModule`, with names that are equal up to the extension in both
    domains. Both images of a pair must have the same shape, and are resized and cropped in the same way.

    Where names have an ending for each domain, ``suffix_a`` and ``suffix_b`` name them: ``a/1_img.jpg`` and
    ``b/1_label.png`` are a pair with "_img" and "_label". The images of both domains may then be in one folder, that of
    a split or ``root``, where extensions can tell them apart too, such as ".jpg" and ".png". Any other pairs can be
    listed in a table.

    For the validation and test images, and how files are decoded see :class:`ImageDomainsDataModule`.

    Args:
        root: see :class:`ImageDomainsDataModule`.
        narrow_joined: whether files with both images side by side may be of any shape, for pairs of upright images.
        paired: whether a training batch holds pairs; if not, the images of both domains are drawn independently.
            Validation and test deliver pairs in either case, with which translations are compared.
        suffix_a: how the names of domain a end, before the extension or with it.
        suffix_b: how the names of domain b end.
        table: a text file in place of folders, whose lines have the paths of both images of a pair, relative to
            ``root``, and possibly a third column with the split; separated by comma, tab or semicolon. A first line
            with titles is ignored.
        **kwargs: see :class:`ImageDomainsDataModule`.

    Raises:
        ValueError: if a number is out of range, ``dataset`` is unknown, or ``table`` is given beside other names.
    """

    default_root = Path("data/pix2pix")
    pairs = True
    archives = PAIRED
    layouts = (JOINED, *SEPARATE)

    def __init__(
        self,
        root: Path | None = None,
        narrow_joined: bool = False,
        paired: bool = True,
        suffix_a: str = "",
        suffix_b: str = "",
        table: Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(root, **kwargs)
        self.narrow_joined, self.paired = narrow_joined, paired
        self.suffixes = suffix_a, suffix_b
        self.table = None if table is None else expand_path(table, "table")
        self._pairs: dict[str, list[tuple[Path, ...]]] | None = None
        if self.table is not None and (any(self.suffixes) or self.folder_names is not None):
            raise ValueError(f"table is {table}, beside names of folders or suffixes; expected one of both")
        if self.folder_names is not None and self.folder_names[0] == self.folder_names[1] and suffix_a == suffix_b:
            raise ValueError(f"folder_b is {self.folder_names[1]}, as folder_a is; expected another, or suffixes")

    def possible_layouts(self) -> tuple[tuple[Layout, ...], Layout]:
        """As in :class:`ImageDomainsDataModule`; with different suffixes, one folder may hold both images of a pair."""
        layouts, without_splits = super().possible_layouts()
        if self.folder_names is None and self.suffixes[0] != self.suffixes[1]:
            return (TOGETHER, *SEPARATE), without_splits
        return layouts, without_splits

    def has_split(self, split: str) -> bool:
        """Whether a split has images of its own, in the table or in folders."""
        return super().has_split(split) if self.table is None else split in self._listed(self.table)

    def files_of(self, split: str) -> tuple[list[Listing], str]:
        """The files of a split, and where they are; errors as of :class:`ImageDomainsDataModule` and the table's."""
        if self.table is None:
            return super().files_of(split)
        return [Listing(self._listed(self.table)[split], (self.channels_a, self.channels_b))], str(self.table)

    def _listed(self, table: Path) -> dict[str, list[tuple[Path, ...]]]:
        """The pairs in the table."""
        if self._pairs is None:
            check_folder("root", self.folder)
            self._pairs = read_pairs(table, self.folder)
        return self._pairs

    def _folders(self, split: str) -> SplitFolders:
        """The folders of a split; the root, if the images of both domains are in it."""
        together = TOGETHER in self.possible_layouts()[0] and self.folder.is_dir()
        if together and not any(map(self._find, SPLIT_NAMES)):
            if_separate = find_split(self.folder, split, (WITHOUT_SPLITS,))
            return if_separate or SplitFolders(TOGETHER, (self.folder,))
        return super()._folders(split)

    def listings(self, found: SplitFolders) -> list[Listing]:
        """The files of all pairs.

        Raises:
            InputError: if files have no partner; it counts them and names the first ones.
        """
        folders = found.folders
        files = [find_all(self.folder, folder) for folder in folders]
        paths: list[tuple[Path, ...]] = [(path,) for path in files[0]]
        if len(folders) > 1 and folders[0] != folders[1]:
            paths = match_pairs(self.folder, folders, files, self.suffixes)
        elif found.layout is not JOINED:
            paths = match_together(self.folder, folders[0], files[0], self.suffixes)
        return [Listing(paths, (self.channels_a, self.channels_b))]
