"""Pairs of images: side by side in one file, in files with equal names, or listed in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_gans.core.drawing import MOST_CHANNELS
from lightning_gans.core.files import expand_path
from lightning_gans.core.image_files import check_folder
from lightning_gans.datamodules.archives import PAIRED
from lightning_gans.datamodules.domain_folders import ImageDomainsDataModule
from lightning_gans.datamodules.image_cache import Listing
from lightning_gans.datamodules.label_classes import KNOWN, parse_classes
from lightning_gans.datamodules.layouts import (
    JOINED,
    SEPARATE,
    SPLIT_NAMES,
    TOGETHER,
    WITHOUT_SPLITS,
    Layout,
    SplitFolders,
    check_below_root,
    find_split,
    named_layouts,
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

    Beside label maps there may be maps of the instances, which objects of one class are told apart by, in the folder
    ``folder_instances``. The borders of the instances are then the last channel of that domain, 255 at each pixel with
    a neighbor of another instance, at the size to which the images are resized.

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
        classes_a: the classes of domain a if its images are label maps in colors: "#rrggbb" by the name of the class,
            the background first. Translations to it then have pixel accuracy and mean IoU, and the demo a brush for
            each class. By default those of ``dataset`` if they are known, as of facades.
        classes_b: those of domain b.
        folder_instances: folder of the maps of instances, which is where ``folder_a`` and ``folder_b`` are: gray levels
            of any depth, palettes or RGB, in which pixels of one color are of one instance. The domain of more than 4
            channels has one channel more than classes.
        suffix_instances: how the names of the maps of instances end; the rest is the name of the label map.
        **kwargs: see :class:`ImageDomainsDataModule`.

    Raises:
        ValueError: if a number is out of range, ``dataset`` is unknown, ``table`` is given beside other names,
            ``folder_instances`` without names of folders or not for one domain of label maps, or classes cannot be
            told apart.
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
        classes_a: dict[str, str] | None = None,
        classes_b: dict[str, str] | None = None,
        folder_instances: str | None = None,
        suffix_instances: str = "",
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
        channels = {"a": self.channels_a, "b": self.channels_b}
        known = KNOWN.get(self.dataset or "", {})
        self.palettes = {
            **{domain: palette for domain, palette in known.items() if channels[domain] == 3},
            **({} if classes_a is None else {"a": parse_classes("classes_a", classes_a, self.channels_a)}),
            **({} if classes_b is None else {"b": parse_classes("classes_b", classes_b, self.channels_b)}),
        }
        self.suffix_instances = suffix_instances
        self.folder_instances: str | None = None
        if folder_instances is not None:
            self.folder_instances = check_below_root("folder_instances", folder_instances)
            self._check_instances()

    def _check_instances(self) -> None:
        """Check what maps of instances need.

        Raises:
            ValueError: if something is missing.
        """
        name = f"folder_instances is {self.folder_instances}"
        if self.folder_names is None:
            raise ValueError(f"{name}, but folder_a and folder_b are None; expected the names of all three folders")
        if self.folder_instances in self.folder_names:
            raise ValueError(f"{name}, as another folder is; expected a folder of its own")
        channels = (self.channels_a, self.channels_b)
        if sum(count > MOST_CHANNELS for count in channels) != 1:
            raise ValueError(
                f"{name}, but channels_a and channels_b are {channels[0]} and {channels[1]}; expected more than "
                f"{MOST_CHANNELS} of one domain, a channel for each class of its label maps and one for the borders"
            )

    @property
    def label_domain(self) -> int | None:
        """The domain, 0 or 1, whose label maps have maps of instances; None for neither."""
        return None if self.folder_instances is None else int(self.channels_b > MOST_CHANNELS)

    def border_domains(self) -> list[str]:
        """The domain whose last channel has the borders of instances, if there is one."""
        return [] if self.label_domain is None else ["ab"[self.label_domain]]

    def possible_layouts(self) -> tuple[tuple[Layout, ...], Layout]:
        """As in :class:`ImageDomainsDataModule`; with different suffixes, one folder may hold both images of a pair."""
        if self.folder_names is not None and self.folder_instances is not None:
            return named_layouts([*self.folder_names, self.folder_instances])
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
            paths = match_pairs(self.folder, folders[:2], files[:2], self.suffixes)
        elif found.layout is not JOINED:
            paths = match_together(self.folder, folders[0], files[0], self.suffixes)
        if (domain := self.label_domain) is not None:
            labels = [pair[domain] for pair in paths]
            endings = self.suffixes[domain], self.suffix_instances
            maps = match_pairs(self.folder, (folders[domain], folders[2]), [labels, files[2]], endings)
            of_label = {each[0]: each[1] for each in maps}
            paths = [(*pair, of_label[pair[domain]]) for pair in paths]
        return [Listing(paths, (self.channels_a, self.channels_b), domain)]
