"""Folders of images, with or without classes."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from lightning_gans.core.data import Contents
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.files import default_cache, expand_path
from lightning_gans.core.images import Size, height_width, plain_size
from lightning_gans.core.names import list_names
from lightning_gans.core.pixel_files import PixelFormat
from lightning_gans.core.randomness import derive_generator
from lightning_gans.datamodules.base import SPLITS
from lightning_gans.datamodules.bit_depth import bits_of_listed, check_bits
from lightning_gans.datamodules.disk_cache import GIB, CachedImages
from lightning_gans.datamodules.image_sources import ListedImages, read_images, warn_of_rounding
from lightning_gans.datamodules.in_memory import MOST_HELD_OUT, InMemoryDataModule, TensorImages
from lightning_gans.datamodules.layouts import SPLIT_NAMES, held_out_size
from lightning_gans.datamodules.mapped_images import MappedImages
from lightning_gans.datamodules.set_listing import SetListing


class ImageFolderDataModule(InMemoryDataModule):
    """A folder of images of any shapes, with or without class folders, decoded once into memory or a cache on disk.

    If ``root`` has subfolders with images, at any depth, its direct subfolders are the classes, in the order of their
    names, with numbers as numbers (2 before 10); otherwise the images have no classes. If all direct subfolders have
    names of splits (``train``, ``val``, ``valid``, ``validation``, ``test``, in any case), they are splits, and their
    subfolders the classes; or the splits are subfolders of the classes. The log says which it is.

    A zip or tar archive is read like a folder, without being unpacked. A ``dataset.json`` at its top, as StyleGAN's
    tools write it, or a table ``labels`` says the classes in place of the folders.

    JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP, PPM, JPEG 2000 and ``.npy`` files are used. Other files are left out, and one
    warning counts and names them. Files and folders whose names start with a dot are ignored, and no folder is searched
    twice, whatever links there are.

    Each image is rotated according to its EXIF data (all other metadata are ignored), converted to the channels that
    are asked for, resized (bicubic, antialiased) until it covers ``size``, and its center is cropped. For gray or RGB
    it is composited on white where it is transparent; with an alpha channel, what is fully transparent becomes black.
    Pixels with a sign or of more than 16 bits are rejected, since their range is not known.

    Pixels have 8 bits, or 16 if at least half of the training files have more than 8; of more than 100 files, 100 at
    equal distances decide. With 16, levels of 8 bits are multiplied by 257, and those of 12 bits scaled. With 8, gray
    values and arrays of 16 bits are scaled by 255 / 65535 and rounded, colors of 16 bits cut; unless
    ``bits`` says so, a warning names them.
    JPEG 2000, AVIF and PPM files in color have 8 bits in either case.

    A ``.npy`` file, as ``numpy.save`` writes it, is an array (height, width, channels) or, for one channel, (height,
    width), of uint8 or uint16. A TIFF file of more than 4 channels, or of several that are neither RGB nor gray with
    alpha, is such an array too, of 8 or 16 bits. An array must have as many channels as are asked for, and is resized
    and cropped in the same way. Images of more than 4 channels are read from arrays only.

    Args:
        root: folder, or zip or tar archive, of the images for training and validation.
        channels: 1 for gray, 2 for gray and alpha, 3 for RGB, 4 for RGB and alpha; any other number of arrays.
        size: (height, width) in pixels, or one number for a square.
        batch_size: training images per step and process.
        eval_batch_size: images per step and process in validation, test and prediction.
        val_size: images that are used for validation instead of training, if ``root`` has no validation split: a random
            choice from all classes that depends on the number of images only, so that it is the same in every run. By
            default a tenth, but at least 10, at most half of the images, and at most 1000. With 0, for few images, none
            are held out: validation uses the training images, and the stamp of a score says so.
        test_root: folder or archive of the images for test and prediction, with the classes of ``root`` or some of
            them, if it has any; by default the test split in ``root``. Without one the validation images are used, and
            the stamp of a score says so.
        split_folders: whether the subfolders of ``root`` are splits; by default their names decide.
        contents: what the images show; "digits" if they are handwritten digits like those of MNIST, which are compared
            in the features of a classifier of digits.
        num_workers: processes that index the images; 0 is fastest, unless the disk with the cache is slow.
        flip: mirror training images left to right with probability ½.
        train_size: number of training images to use, a random choice that is the same in every run; by default all.
        memory_gb: memory for decoded images in GiB, in each process. If the images of all splits take more, they are
            decoded once into a cache on disk, which all processes and later runs read; 0 for a cache in any case.
            Unlike with ``cache_gb`` of paired and unpaired images, either all are in memory or none.
        cache_dir: folder of the caches; by default ``lightning-gans/images`` in the user's cache folder.
        labels: table of the classes, a text file with lines of name,class; see :func:`.read_table`.
        load_size: size to which the images are resized and cropped first. In each epoch a crop of ``size`` is taken
            from each training image, drawn from (seed, epoch, image), and of all others that at the center. By default
            ``size``, without random crops.
        bits: bits of each channel that are kept up to the network, 8 or 16; by default as most files have.

    Attributes:
        classes: names of the class folders; empty where the images have no classes.
        listed: the files of each split; without a validation split its images are among those for training.

    Raises:
        ValueError: if a number is out of range.
        InputError: if a folder cannot be used.
    """

    def __init__(
        self,
        root: Path,
        channels: int = 3,
        size: Size = 64,
        batch_size: int = 64,
        eval_batch_size: int = 500,
        val_size: int | None = None,
        test_root: Path | None = None,
        split_folders: bool | None = None,
        contents: Contents = "pictures",
        num_workers: int = 0,
        flip: bool = False,
        train_size: int | None = None,
        memory_gb: float = 0.25,
        cache_dir: Path | None = None,
        labels: Path | None = None,
        load_size: Size | None = None,
        bits: int | None = None,
    ) -> None:
        super().__init__(size, batch_size, eval_batch_size, val_size or None, num_workers, flip, train_size)
        self.val_size = val_size
        self.contents = contents
        at_least("channels", channels, 1)
        at_least("memory_gb", memory_gb, 0)
        self.channels = channels
        self.bits = check_bits("bits", bits)
        self.memory_gb = memory_gb
        self.load_size = self.size if load_size is None else height_width(load_size, "load_size")
        if any(loaded < used for loaded, used in zip(self.load_size, self.size, strict=True)):
            raise ValueError(f"load_size is {plain_size(self.load_size)}; expected at least size, {plain_size(size)}")
        self.cache_dir = None if cache_dir is None else expand_path(cache_dir, "cache_dir")
        self.root = expand_path(root, "root")
        self.test_root = None if test_root is None else expand_path(test_root, "test_root")
        # Listed here and not in setup: networks are built with the number of classes before any data is loaded.
        self.labels = None if labels is None else expand_path(labels, "labels")
        listing = SetListing(self.root, self.test_root, self.labels, split_folders)
        self.classes, self._layout = listing.classes, listing.describe()
        self.num_classes = len(self.classes)
        # Folders list one class after the other; a grid shows the first images, and the trainer's limits keep those.
        self.listed = {split: in_random_order(listed) for split, listed in listing.splits.items()}
        self._caches: dict[str, CachedImages] = {}

    @property
    def pixel_format(self) -> PixelFormat:
        """The pixels that files are read as."""
        return PixelFormat(self.channels, self.load_size, self.depth)

    @cached_property
    def depth(self) -> int:
        """Bits of each channel that are kept: ``bits``, or as most of the training files have."""
        return bits_of_listed(self.listed["train"]) if self.bits is None else self.bits

    @property
    def is_cached(self) -> bool:
        """Whether the images are read from a cache on disk, since there are too many for ``memory_gb``."""
        count = sum(len(listed.files) for listed in self.listed.values())
        return count * self.pixel_format.bytes_per_image > self.memory_gb * GIB

    def display_name(self) -> str:
        """The name of the folder."""
        return self.root.name or super().display_name()

    def class_names(self) -> list[str]:
        """The names of the class folders."""
        return self.classes

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Images (N, C, height, width), uint8 or uint16, and labels (N,) int64, in random order.

        Raises:
            InputError: if files cannot be read; it counts them and names the first ones.
        """
        listed = self.listed["train" if train else "test"]
        return read_images(listed, self.pixel_format)[0], listed.labels

    def splits_of(self, stage: str) -> list[str]:
        """The splits whose files a stage needs; without a test split that for validation, which may be in training."""
        needed = ("val",) if stage in ("test", "predict") and "test" not in self.listed else SPLITS[stage]
        return list(dict.fromkeys(split if split in self.listed else "train" for split in needed))

    def cached(self, split: str) -> CachedImages:
        """The cache of the files of a split, which is built first if necessary.

        Raises:
            InputError: if files cannot be used, or the cache cannot be written.
        """
        if split not in self._caches:
            base = self.cache_dir or default_cache()
            if base is None:
                raise InputError("cache_dir is null, but the home folder is not known; expected a folder")
            base = base if self.cache_dir is not None else base / "images"
            self._caches[split] = CachedImages(base, split, self.listed[split], self.pixel_format)
        return self._caches[split]

    def prepare_data(self) -> None:
        """Build the caches that the trainer's stage needs, if there are any: in one process of each machine."""
        if self.is_cached:
            function = None if self.trainer is None else self.trainer.state.fn
            for split in self.splits_of("fit" if function is None else function.value):
                self.cached(split)

    def setup(self, stage: str) -> None:
        """Decode, check and split the images that ``stage`` needs."""
        for split in self.splits_of(stage):
            if split in self.splits:
                continue
            length = len(self.listed[split].files)
            kept = length - (self.held_out(length) if split == "train" and "val" not in self.listed else 0)
            listed = self._opened(split)
            self.splits[split] = self.limited(listed.part(0, kept)) if split == "train" else self._centered(listed)
            if split == "train" and "val" not in self.listed:
                held_out = self.splits["train"] if self.val_size == 0 else listed.part(kept, None)
                self.splits["val"] = self._centered(held_out)
        if stage in ("test", "predict") and "test" not in self.listed:
            self.splits["test"] = self.splits["val"]
        if stage == "fit":
            rank_zero_info(self._summary())

    def _opened(self, split: str) -> TensorImages:
        """All images of the files of a split."""
        listed = self.listed[split]
        if self.is_cached:
            cache = self.cached(split)
            bits = cache.facts["bits"]
            rank_zero_info(f"data: {len(listed.files):,} images are read from the cache {cache.describe()}")
            images: TensorImages = MappedImages(cache.folder, listed.labels)
        else:
            pixels, bits = read_images(listed, self.pixel_format)
            images = TensorImages(pixels, listed.labels)
        if self.bits is None:
            warn_of_rounding(listed, bits, self.depth)
        return images

    def _centered(self, data: TensorImages) -> TensorImages:
        """The crops of images at the center, if there are random ones for training."""
        return data if self.load_size == self.size else data.center(self.size)

    def fingerprint(self, split: str) -> str:
        """A hash of the split's pixels, or files if they are cached, and labels: the key of cached statistics."""
        data = self.splits[split]
        if not isinstance(data, MappedImages):
            return super().fingerprint(split)
        facts = (data.folder.header, data.first, len(data), self.size)
        digest = hashlib.sha256(repr(facts if self.depth == 8 else (*facts, self.depth)).encode())
        digest.update(data.labels.numpy().tobytes())
        return digest.hexdigest()[:16]

    def held_out(self, count: int) -> int:
        """Number of images that are held out for validation of those for training, if there is no validation split.

        Args:
            count: number of images for training.
        """
        return 0 if self.val_size == 0 else held_out_size(self.val_size, count, MOST_HELD_OUT)

    def training_size(self) -> int:
        """Number of training images."""
        count = len(self.listed["train"].files)
        if "val" not in self.listed:
            count -= self.held_out(count)
        return count if self.train_size is None else self.train_size

    def _summary(self) -> str:
        """What the folders are, and the numbers of images, as one line."""
        counts = {split: str(len(self.listed[split].files)) for split in SPLIT_NAMES if split in self.listed}
        if "val" not in self.listed:
            held_out = 0 if self.val_size == 0 else len(self.splits["val"])
            counts["train"] += f" ({held_out or 'none'} of them held out for validation)"
        if self.train_size is not None:
            counts["train"] += f" ({self.train_size} of them used)"
        classes = f"the classes are {list_names(self.classes)}" if self.classes else "there are no classes"
        images = ", ".join(f"{split} {count}" for split, count in counts.items())
        depth = "; 16 bits of each channel are kept" if self.depth == 16 else ""
        return f"data: root is {self.root}, which {self._layout}; {classes}; images: {images}{depth}"

    def teardown(self, stage: str) -> None:
        """Warn of files that have changed since they were listed."""
        for source in dict.fromkeys(listed.source for listed in self.listed.values()):
            source.warn_of_changes()

    def split_label(self, split: str) -> str:
        """The split's own name; if it has no images of its own, that of the split whose images it uses."""
        label = "val" if split == "test" and "test" not in self.listed else split
        return "train" if label == "val" and "val" not in self.listed and self.val_size == 0 else label


def in_random_order(listed: ListedImages) -> ListedImages:
    """Images in a random order that depends on their number only."""
    order = torch.randperm(len(listed.files), generator=derive_generator("cpu", "image folder"))
    return listed._replace(files=listed.files[order.numpy()], labels=listed.labels[order])
