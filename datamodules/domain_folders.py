"""Paired and unpaired images of two domains in the folders of pix2pix and CycleGAN."""

from __future__ import annotations

import difflib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lightning.pytorch.utilities import rank_zero_info

from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.files import expand_path
from lightning_gans.core.image_files import check_folder, walk_folder
from lightning_gans.core.images import Size
from lightning_gans.core.names import list_names
from lightning_gans.datamodules.archives import UNPAIRED, Archive, domains_of, fetch
from lightning_gans.datamodules.base import SPLITS
from lightning_gans.datamodules.bit_depth import bits_of_domains, check_bits
from lightning_gans.datamodules.file_states import warn_of_changes
from lightning_gans.datamodules.image_cache import CachedImageFiles, DomainImages, Listing
from lightning_gans.datamodules.image_checks import decode_and_check
from lightning_gans.datamodules.image_sources import FOLDER_EXTENSIONS
from lightning_gans.datamodules.layouts import (
    SEPARATE,
    SPLIT_NAMES,
    WITHOUT_SPLITS,
    Layout,
    SplitFolders,
    check_folder_names,
    expected_folders,
    find_split,
    named_layouts,
    split_listing,
)
from lightning_gans.datamodules.matching import find_all
from lightning_gans.datamodules.two_domains import TwoDomainDataModule, TwoDomains

GIB = 2**30


class ImageDomainsDataModule(TwoDomainDataModule, ABC):
    """Image files of two domains, of any shapes, in folders named by split.

    A split is in the folders ``trainA`` and ``trainB``, ``train/A`` and ``train/B``, or ``A/train`` and ``B/train``,
    which hold one image in each file. ``val``, ``valid`` and ``validation``, ``test`` and ``testing`` are the other
    splits; names are in any case. ``A`` and ``B`` without splits are training images. The log says which folders are
    used for which split.

    JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP, PPM, JPEG 2000 and ``.npy`` files are used; a warning names others. Each
    image is rotated according to its EXIF data (all other metadata are ignored), converted to the channels of its
    domain, resized (bicubic, antialiased) until it covers ``load_size`` in training and ``size`` in evaluation, and its
    center is cropped. For gray or RGB it is composited on white where it is transparent; with an alpha channel, what is
    fully transparent becomes black. The first frame of an animation is used. Pixels with a sign or of more than 16 bits
    are rejected, since their range is not known. A ``.npy`` file, as ``numpy.save`` writes it, is an array (height,
    width, channels) or, for one channel, (height, width), of uint8 or uint16; so is a TIFF file of more than 4
    channels, or of several that are neither RGB nor gray with alpha. It must have the channels of its domain, and is
    resized and cropped in the same way. Images of more than 4 channels are read from arrays, or from label maps: image
    files whose gray levels or places in a palette are numbers of classes, of which each has a channel. They are resized
    by their nearest pixels, and 255 is no class. :class:`.ImageFolderDataModule` says when 16 bits are kept.

    Every file is decoded once before training, so that all unusable files are reported at once. Decoded images are kept
    until they fill ``cache_gb``; the others are decoded again on each access, to the same pixels.

    Validation uses the images of the validation folders. If there are none, ``val_size`` images (of each domain, or
    pairs) are held out of training: a random choice that depends on the number of images only. Test uses the images of
    the test folders; if there are none, the validation images, and the stamp of a score says so.

    Args:
        root: folder of the images; or, with ``dataset``, the folder that contains the data set's folder. Some data sets
            exist paired and unpaired under one name, so the default differs between the two.
        dataset: name of one of the authors' data sets, which is in the folder ``root / dataset``.
        download: download ``dataset`` if it is missing.
        unverified: download it also if its SHA-256 is not known; then a changed file is not noticed (no https).
        channels_a: channels of domain a: 1 for gray, 2 for gray and alpha, 3 for RGB, 4 for RGB and alpha; any other
            number of arrays, or the number of classes of label maps.
        channels_b: channels of domain b; see ``channels_a``.
        size: (height, width) in pixels, or one number for a square.
        load_size: (height, width) to which training images are resized before the random crop, or one number for a
            square; with the value of ``size`` nothing is cropped.
        flip: mirror training images left to right with probability ½.
        batch_size: training images of each domain per step and process.
        eval_batch_size: images of each domain per step and process in validation, test and prediction.
        val_size: images that are held out of training if there is no validation folder; by default a tenth, but at
            least 10, at most half of them, and at most 50.
        cache_gb: memory for decoded images in GiB, in each training process, for both domains and all splits. As many
            images as fit are kept; the others are decoded on each access, and nothing is written to disk.
        num_workers: processes that load images and decode those not in memory; 0 is fastest if all are in memory.
        folder_a: of several folders, that of domain a, in place of ``A``: in the folder of each split, with a folder
            for each split in it, or with all images for training. Needs ``folder_b``.
        folder_b: that of domain b.
        bits_a: bits of each channel of domain a, 8 or 16, that are kept up to the network; by default by the files.
        bits_b: those of domain b.

    Raises:
        ValueError: if a number is out of range, ``dataset`` is unknown, or a folder is not below ``root``.
    """

    default_root: ClassVar[Path]
    """Default of ``root``."""

    pairs: ClassVar[bool]
    """Whether the files are pairs."""

    archives: ClassVar[dict[str, Archive]]
    """The data sets that can be downloaded, by name."""

    layouts: ClassVar[tuple[Layout, ...]]
    """The layouts of a split that are possible."""

    narrow_joined = False
    """Whether files with both images of a pair may be of any shape."""

    def __init__(
        self,
        root: Path | None = None,
        dataset: str | None = None,
        download: bool = True,
        unverified: bool = False,
        channels_a: int = 3,
        channels_b: int = 3,
        size: Size = 256,
        load_size: Size = 286,
        flip: bool = True,
        batch_size: int = 1,
        eval_batch_size: int = 8,
        val_size: int | None = None,
        cache_gb: float = 4.0,
        num_workers: int = 0,
        folder_a: str | None = None,
        folder_b: str | None = None,
        bits_a: int | None = None,
        bits_b: int | None = None,
    ) -> None:
        super().__init__(size, load_size, flip, self.pairs, batch_size, eval_batch_size, num_workers)
        at_least("channels_a", channels_a, 1)
        at_least("channels_b", channels_b, 1)
        if val_size is not None:
            at_least("val_size", val_size, 2)
        at_least("cache_gb", cache_gb, 0)
        if dataset is not None and dataset not in self.archives:
            close = difflib.get_close_matches(dataset, self.archives, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"dataset is {dataset}; expected one of {', '.join(self.archives)}{hint}")
        self.root = self.default_root if root is None else expand_path(root, "root")
        self.dataset = dataset
        self.download, self.unverified = download, unverified
        self.channels_a, self.channels_b = channels_a, channels_b
        self.bits_a, self.bits_b = check_bits("bits_a", bits_a), check_bits("bits_b", bits_b)
        self._depths: tuple[int, int] | None = None
        self.val_size = val_size
        self.cache_gb = cache_gb
        self.folder_names = check_folder_names(folder_a, folder_b)
        if self.folder_names is not None and len({*self.folder_names}) == 1 and not self.pairs:
            raise ValueError(f"folder_b is {folder_b}, as folder_a is; expected another")
        self._files: dict[str, list[CachedImageFiles]] = {}

    def possible_layouts(self) -> tuple[tuple[Layout, ...], Layout]:
        """The layouts of a split that are possible, and that of a folder without splits."""
        return (self.layouts, WITHOUT_SPLITS) if self.folder_names is None else named_layouts(self.folder_names)

    @property
    def folder(self) -> Path:
        """The folder that contains the folders of the splits."""
        return self.root if self.dataset is None else self.root / self.dataset

    def display_name(self) -> str:
        """The name of the data set, or of the folder."""
        return self.dataset or self.root.name or super().display_name()

    def domain_names(self) -> dict[str, str]:
        """The names of the domains of one of the authors' data sets; none for other folders."""
        return dict(zip("ab", domains_of(self.dataset), strict=False)) if self.dataset else {}

    def prepare_data(self) -> None:
        """Download the data set if it is missing, once per machine.

        Raises:
            InputError: if it cannot be verified, downloaded or unpacked.
        """
        if self.dataset is not None and self.download:
            fetch(self.archives[self.dataset], self.dataset, self.root, unverified=self.unverified)

    def setup(self, stage: str) -> None:
        """List, decode, check and split the images that ``stage`` needs.

        Raises:
            InputError: if folders, files or partners are missing, or files cannot be used.
            ValueError: if no images are left for training.
        """
        wanted = [self.split_label(split) for split in SPLITS[stage]]
        self._load([split for split in wanted if split not in self.splits])
        if self.split_label("test") == "val":
            self.splits["test"] = self.splits["val"]

    def teardown(self, stage: str) -> None:
        """Warn of files that have changed since they were read."""
        states = {
            path: state for held in self._files.values() for files in held for path, state in files.states.items()
        }
        warn_of_changes("root", self.folder, states)

    def split_label(self, split: str) -> str:
        """The split's own name; for ``test`` it is ``val`` if there are no test folders."""
        return "val" if split == "test" and not self.has_split("test") else split

    def fingerprint(self, split: str) -> str:
        """A hash of the split's file names, file sizes and modification times, and of its images' channels and size.

        Statistics of real images are cached under it. It does not depend on pixels, which may not all be in memory.
        """
        prints = [files.fingerprint() for files in self._files[self.split_label(split)]]
        return hashlib.sha256(repr(prints).encode()).hexdigest()[:16]

    @abstractmethod
    def listings(self, found: SplitFolders) -> list[Listing]:
        """The files in the folders of a split: one listing of pairs, or one of each domain.

        Args:
            found: the folders.
        """

    def has_split(self, split: str) -> bool:
        """Whether a split has images of its own."""
        return self._find(split) is not None

    def files_of(self, split: str) -> tuple[list[Listing], str]:
        """The files of a split that has images of its own, and where they are, for the log.

        Raises:
            InputError: if there are none.
        """
        found = self._folders(split)
        folders = " and ".join(path.relative_to(self.folder).as_posix() for path in found.folders)
        return self.listings(found), f"{folders} ({found.layout.meaning})"

    def _find(self, split: str) -> SplitFolders | None:
        """The folders of a split; None if there are none."""
        return find_split(self.folder, split, self.possible_layouts()[0]) if self.folder.is_dir() else None

    def _folders(self, split: str) -> SplitFolders:
        """The folders of a split, which must exist."""
        layouts, without_splits = self.possible_layouts()
        expected = expected_folders("train", (*layouts, without_splits))
        if self.dataset is not None and not self.download and not self.folder.exists():
            raise InputError(
                f"dataset is {self.dataset}, which is not in {self.root}, and download is false; expected download to "
                f"be true, or {self.folder} to be {expected}"
            )
        check_folder("root", self.folder, expected)
        found = self._find(split)
        if found is None and not any(map(self._find, SPLIT_NAMES)):
            found = find_split(self.folder, split, (without_splits,))
        if found is None:
            there = [path.name for path in sorted(self.folder.glob("[!.]*")) if path.is_dir()]
            raise InputError(
                f"root is {self.folder}, which holds {list_names(there) or 'no folders'}; expected {expected}"
            )
        self._check_beside(found)
        return found

    def _check_beside(self, found: SplitFolders) -> None:
        """Check that a folder which holds the folders of both domains holds no other images."""
        parent = found.folders[0].parent
        one_of_many = len(found.folders) == 1 or self.folder_names is not None
        if one_of_many or parent == self.folder or any(each.parent != parent for each in found.folders):
            return
        images = [parent / name for name in walk_folder(parent, FOLDER_EXTENSIONS).names]
        if beside := [path for path in images if not any(path.is_relative_to(folder) for folder in found.folders)]:
            names = list_names([path.relative_to(self.folder).as_posix() for path in beside])
            folders = " and ".join(path.relative_to(self.folder).as_posix() for path in found.folders)
            raise InputError(f"root is {self.folder}, which holds {folders}, but also {names}; expected one of both")

    def _listings_of(self, split: str, log: bool = True) -> list[Listing]:
        """The files of a split: those of its own folders, or a part of the training images."""
        if split == "test" or self.has_split("val"):
            listings, where = self.files_of(split)
            held_out = ""
        else:
            found, where = self.files_of("train")
            listings = [split_listing(listing, self.val_size)[split] for listing in found]
            held_out = " with the validation images left out" if split == "train" else ", held out of training"
        counts = " and ".join(str(len(listing.paths)) for listing in listings)
        if log:
            rank_zero_info(f"data: {split} is {counts} {'pairs' if self.pairs else 'images'} of {where}{held_out}")
        return listings

    def _bits_of_domains(self, listings: dict[str, list[Listing]]) -> tuple[int, int]:
        """The bits that are kept of each domain."""
        if self._depths is None:
            given, files = (self.bits_a, self.bits_b), listings
            if "train" not in files and (self.has_split("train") or not any(map(self.has_split, SPLIT_NAMES))):
                files = {"train": self._listings_of("train", log=False)}
            self._depths = bits_of_domains(given, files.get("train") or next(iter(files.values())))
        return self._depths

    def _load(self, splits: Sequence[str]) -> None:
        """List, check and decode the files of these splits; keep as many images as fit into ``cache_gb``."""
        room = self.cache_gb * GIB - sum(files.kept_bytes for held in self._files.values() for files in held)
        loaded: dict[str, list[CachedImageFiles]] = {}
        listed = {split: self._listings_of(split) for split in splits}
        for split, listings in listed.items():
            loaded[split] = []
            depths = self._bits_of_domains(listed)
            for place, listing in enumerate(listings):
                size = self.load_size if split == "train" else self.size
                bits = depths if len(listing.channels) > 1 else depths[place : place + 1]
                files = CachedImageFiles(self.folder, listing._replace(bits=bits), size, room)
                room -= files.kept_bytes
                loaded[split].append(files)
        rounded = self.bits_a is not None and self.bits_b is not None
        decode_and_check(self.folder, list(loaded.values()), self.narrow_joined, rounded)
        self._files |= loaded
        for split, held in loaded.items():
            # Pairs are one listing: its first element is also its last.
            a, b = DomainImages(held[0]), DomainImages(held[-1], len(held[-1].channels) - 1)
            self.splits[split] = TwoDomains(a, b, aligned=self.pairs and (self.paired or split != "train"))
        self._report_cache([files for held in loaded.values() for files in held])

    def _report_cache(self, loaded: Sequence[CachedImageFiles]) -> None:
        kept = sum(files.kept * len(files.channels) for files in loaded)
        total = sum(len(files) * len(files.channels) for files in loaded)
        if kept < total:
            rank_zero_info(
                f"data: {kept} of {total} images are kept in memory (cache_gb is {self.cache_gb}); the others are "
                f"decoded on each access, by num_workers processes (now {self.num_workers})"
            )


class UnpairedImageDataModule(ImageDomainsDataModule):
    """Unpaired images of two domains, in the folders of CycleGAN (Zhu et al., 2017).

    The folders of :class:`ImageDomainsDataModule` hold any number of images each. In training the domains are shuffled
    independently; an epoch uses every image of the larger one once.

    For the arguments, the validation and test images, and how files are decoded see :class:`ImageDomainsDataModule`.
    """

    default_root = Path("data/cyclegan")
    pairs = False
    archives = UNPAIRED
    layouts = SEPARATE

    def listings(self, found: SplitFolders) -> list[Listing]:
        """The files of each domain."""
        channels = (self.channels_a, self.channels_b)
        pairs = zip(found.folders, channels, strict=True)
        return [Listing([(path,) for path in find_all(self.folder, folder)], (count,)) for folder, count in pairs]
