"""What folders of paired and of unpaired images share."""

from __future__ import annotations

import difflib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from lightning.pytorch.utilities import rank_zero_info

from datamodules.archives import Archive, fetch
from datamodules.image_cache import CachedImageFiles, DomainImages, Listing, decode_and_check
from datamodules.indexed import SPLITS
from datamodules.two_domains import TwoDomainDataModule, TwoDomains
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.image_files import check_channels, check_folder, list_names
from lightning_gans.core.randomness import derive_generator

GIB = 2**30


class ImageDomainsDataModule(TwoDomainDataModule, ABC):
    """Image files of two domains, of any shapes, in folders named by split.

    Each image is turned as its EXIF data say, composited on white where it is transparent, converted to grey or RGB,
    resized (bicubic, antialiased) until its shorter side is ``load_size`` in training and ``size`` elsewhere, and
    cropped to the square in the middle. Of an animation the first frame is taken. Grey of 16 bits is scaled by 255 /
    65535 and rounded; pixels of 32 bits are refused, since their range is not known.

    Every file is decoded once before training, so that all that cannot be used are reported at once. The images are
    kept as uint8 while they fit ``cache_gb``; those beyond it are decoded again whenever they are asked for, to the
    same pixels.

    Validation images are those of the validation folders; where there are none, ``val_size`` images (of each domain, or
    pairs) are held out of training: a random choice that depends on their number only, so that it is the same in every
    run. Test images are those of the test folders; where there are none, the validation images, and scores say so.

    Args:
        root: folder of the images; or, with ``dataset``, the folder in which that is. Some names stand for a paired and
            for an unpaired data set, so each kind has its own folder by default.
        dataset: name of one of the authors' data sets, which is the folder ``root / dataset``.
        download: fetch ``dataset`` if it is not there.
        channels_a: 1 for grey, 3 for RGB.
        channels_b: the same for domain b.
        size: height and width in pixels.
        load_size: height and width to which training images are resized, to be cropped at random; ``size`` does not
            crop.
        flip: mirror training images left to right with probability ½.
        batch_size: training images of each domain per step and process.
        eval_batch_size: the same for validation, test and prediction.
        val_size: images that are held out for validation where no folder holds any.
        cache_gb: memory for decoded images in GiB, of each process that trains, over both domains and all splits.
        num_workers: processes that index the images, and decode those that are not in memory; 0 is fastest where all
            are.

    Raises:
        InputError: if a number is out of range, or ``dataset`` is not known.
    """

    default_root: ClassVar[Path]
    """Where data sets are put, unless the user says otherwise."""

    pairs: ClassVar[bool]
    """Whether training images come in pairs."""

    archives: ClassVar[dict[str, Archive]]
    """The data sets that can be fetched, by name."""

    layouts: ClassVar[tuple[tuple[str, ...], ...]]
    """What follows the split's name in the names of its folders: of one that holds both domains, or of one of each."""

    def __init__(
        self,
        root: Path | None = None,
        dataset: str | None = None,
        download: bool = True,
        channels_a: int = 3,
        channels_b: int = 3,
        size: int = 256,
        load_size: int = 286,
        flip: bool = True,
        batch_size: int = 1,
        eval_batch_size: int = 8,
        val_size: int = 50,
        cache_gb: float = 4.0,
        num_workers: int = 0,
    ) -> None:
        super().__init__(size, load_size, flip, self.pairs, batch_size, eval_batch_size, num_workers)
        check_channels("data.channels_a", channels_a)
        check_channels("data.channels_b", channels_b)
        at_least("data.val_size", val_size, 2)
        at_least("data.cache_gb", cache_gb, 0)
        if dataset is not None and dataset not in self.archives:
            close = difflib.get_close_matches(dataset, self.archives, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InputError(f"data.dataset is {dataset}; expected one of {', '.join(self.archives)}{hint}")
        self.root = self.default_root if root is None else Path(root)
        self.dataset = dataset
        self.download = download
        self.channels_a, self.channels_b = channels_a, channels_b
        self.val_size = val_size
        self.cache_gb = cache_gb
        self._files: dict[str, list[CachedImageFiles]] = {}

    @property
    def folder(self) -> Path:
        """The folder that holds those of the splits."""
        return self.root if self.dataset is None else self.root / self.dataset

    def prepare_data(self) -> None:
        """Fetch the data set if it is not there, once per machine.

        Raises:
            InputError: if it is not to be had.
        """
        if self.dataset is not None and self.download:
            fetch(self.archives[self.dataset], self.dataset, self.root)

    def setup(self, stage: str) -> None:
        """List, decode, check and split what ``stage`` needs.

        Raises:
            InputError: if folders, files or partners are missing, files cannot be used, or too few images are left.
        """
        wanted = [self.split_label(split) for split in SPLITS[stage]]
        self._load([split for split in wanted if split not in self.splits])
        if self.split_label("test") == "val":
            self.splits["test"] = self.splits["val"]

    def split_label(self, split: str) -> str:
        """The split, which for ``test`` is ``val`` where no folder holds test images."""
        return "val" if split == "test" and not self._layouts_of("test") else split

    def fingerprint(self, split: str) -> str:
        """A hash of the split's file names, sizes and times of change, and of the channels and the size of its images.

        Not of pixels, which may not all be in memory: real statistics are cached under it.
        """
        prints = [files.fingerprint() for files in self._files[self.split_label(split)]]
        return hashlib.sha256(repr(prints).encode()).hexdigest()[:16]

    @abstractmethod
    def listings(self, folders: list[Path]) -> list[Listing]:
        """The files in the folders of a split: one listing of pairs, or one of each domain.

        Args:
            folders: the folders of one of the ``layouts``.
        """

    def _layouts_of(self, split: str) -> list[list[str]]:
        """The layouts of a split of which a folder is there, as folders' names."""
        layouts = [[split + suffix for suffix in layout] for layout in self.layouts]
        return [names for names in layouts if any((self.folder / name).is_dir() for name in names)]

    def _folders(self, split: str) -> list[Path]:
        """The folders of a split, all of which are there."""
        layouts = [" and ".join(split + suffix for suffix in layout) for layout in self.layouts]
        expected = f"a folder that holds {', or '.join(layouts)}"
        if self.dataset is not None and not self.download and not self.folder.exists():
            raise InputError(
                f"data.dataset is {self.dataset}, which is not in {self.root}, and data.download is false; expected "
                f"data.download true, or {self.folder} to be {expected}"
            )
        check_folder("data.root", self.folder, expected)
        found = self._layouts_of(split)
        folders = [self.folder / name for names in found for name in names]
        if len(found) != 1 or not all(folder.is_dir() for folder in folders):
            there = [path.name for path in folders or sorted(self.folder.glob("[!.]*")) if path.is_dir()]
            raise InputError(
                f"data.root is {self.folder}, which holds {list_names(there) or 'no folders'}; expected {expected}"
            )
        return folders

    def _listings_of(self, split: str) -> list[Listing]:
        """The files of a split, which has folders of its own or is a part of the training images."""
        if split == "test" or self._layouts_of("val"):
            return self.listings(self._folders(split))
        return [parted(listing, self.val_size)[split] for listing in self.listings(self._folders("train"))]

    def _load(self, splits: Sequence[str]) -> None:
        """List and decode the files of these splits, and keep what fits."""
        room = self.cache_gb * GIB - sum(files.kept_bytes for held in self._files.values() for files in held)
        loaded: dict[str, list[CachedImageFiles]] = {}
        for split in splits:
            loaded[split] = []
            for listing in self._listings_of(split):
                files = CachedImageFiles(self.folder, listing, self.load_size if split == "train" else self.size, room)
                room -= files.kept_bytes
                loaded[split].append(files)
        decode_and_check(self.folder, list(loaded.values()))
        self._files |= loaded
        for split, held in loaded.items():
            # Pairs are in the same files: the first ones are also the last.
            a, b = DomainImages(held[0]), DomainImages(held[-1], len(held[-1].channels) - 1)
            self.splits[split] = TwoDomains(a, b, aligned=self.paired)
        self._say_what_is_kept([files for held in loaded.values() for files in held])

    def _say_what_is_kept(self, loaded: Sequence[CachedImageFiles]) -> None:
        kept = sum(files.kept * len(files.channels) for files in loaded)
        total = sum(len(files) * len(files.channels) for files in loaded)
        if kept < total:
            rank_zero_info(
                f"data: {kept} of {total} images are kept in memory (data.cache_gb is {self.cache_gb}); the others "
                f"are decoded whenever they are asked for, which data.num_workers (now {self.num_workers}) shares out"
            )


def parted(listing: Listing, val_size: int) -> dict[str, Listing]:
    """Training files without those that are held out for validation, and the latter; each in the order of the names.

    Raises:
        InputError: if nothing is left to train on.
    """
    count = len(listing.paths)
    kept = count - val_size
    if kept < 1:
        raise InputError(f"data.val_size is {val_size}; expected less than the {count} training images")
    order = torch.randperm(count, generator=derive_generator("cpu", "held out"))
    parts = {"train": order[:kept], "val": order[kept:]}
    return {
        split: Listing([listing.paths[index] for index in part.sort().values.tolist()], listing.channels)
        for split, part in parts.items()
    }
