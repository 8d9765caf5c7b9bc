"""``lightning-gans prepare``: decode a folder of images into a cache, and say what is in it."""

from __future__ import annotations

import argparse
import re
import sys

from lightning_gans.cli.commands.common import CommandParser, require_at_least, user_path
from lightning_gans.cli.commands.inspect import line
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError

OPTIONS = {"root": "ROOT", "test_root": "--test_root", "cache_dir": "--cache_dir"}
"""The option for each argument of the data module that errors begin with."""

KEYS = re.compile(rf"^(?:{'|'.join(OPTIONS)})(?= is )")


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser(
        "prepare",
        "Decode and resize the images of a folder once into a cache on disk, which training reads, and say what is in "
        "the folder: counts, classes, sizes, channels, duplicates. All files that cannot be used are named.",
    )
    parser.add_argument("root", type=user_path, metavar="ROOT", help="the folder, as --data.root of `fit`")
    parser.add_argument(
        "--size",
        type=int,
        nargs="+",
        default=[64],
        metavar="N",
        help="height and width in pixels, or one number for a square (default: 64)",
    )
    parser.add_argument("--channels", type=int, default=3, metavar="N", help="channels of the images (default: 3, RGB)")
    parser.add_argument(
        "--bits",
        type=int,
        choices=[8, 16],
        help="bits of each channel that are kept (default: 16 if at least half of the files have more than 8)",
    )
    parser.add_argument(
        "--test_root", type=user_path, metavar="DIR", help="folder of the test images, if it is another"
    )
    parser.add_argument(
        "--split_folders",
        choices=["true", "false"],
        help="whether the folders in ROOT are splits, such as train and test (default: their names decide)",
    )
    parser.add_argument("--cache_dir", type=user_path, metavar="DIR", help="folder of the caches")
    return parser


def run(options: argparse.Namespace) -> None:
    """Build the cache, and print the description.

    Raises:
        InputError: if the folder or a file in it cannot be used.
    """
    require_at_least(options, channels=1)
    if len(options.size) > 2 or min(options.size) < 1:
        raise InputError(f"--size is {' '.join(map(str, options.size))}; expected one or two numbers of at least 1")
    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading("torch and Lightning")
    from lightning_gans.datamodules import ImageFolderDataModule
    from lightning_gans.datamodules.image_sources import UnusableFilesError
    from lightning_gans.datamodules.layouts import SPLIT_NAMES
    from lightning_gans.datamodules.set_summary import SetSummary

    size = options.size[0] if len(options.size) == 1 else (options.size[0], options.size[1])
    try:
        data = ImageFolderDataModule(
            options.root,
            channels=options.channels,
            size=size,
            test_root=options.test_root,
            split_folders=None if options.split_folders is None else options.split_folders == "true",
            cache_dir=options.cache_dir,
            memory_gb=0,
            bits=options.bits,
        )
        caches = {split: data.cached(split) for split in SPLIT_NAMES if split in data.listed}
    except InputError as error:
        if isinstance(error, UnusableFilesError):
            for name, reason in error.files:
                print(f"{name}: {reason}", file=sys.stderr)
        raise InputError(KEYS.sub(lambda match: OPTIONS[match[0]], str(error))) from error
    summary = SetSummary(
        data.pixel_format,
        data.classes,
        {split: (data.listed[split], cache.facts) for split, cache in caches.items()},
    )
    for title, text in summary.lines():
        print(line(title, text))
    print(line("depth", f"{data.depth} bits of each channel are kept"))
    for cache in caches.values():
        print(line("cache", cache.describe()))
    print(line("training", f"{' '.join(training_options(options))} reads it"))


def training_options(options: argparse.Namespace) -> list[str]:
    """The options of ``fit`` that make it read the cache."""
    given = ["--data.root", str(options.root), "--data.size"]
    given += [str(options.size[0])] if len(options.size) == 1 else [f"'[{options.size[0]}, {options.size[1]}]'"]
    given += ["--data.channels", str(options.channels)] if options.channels != 3 else []
    for key in ("bits", "test_root", "split_folders", "cache_dir"):
        if (value := getattr(options, key)) is not None:
            given += [f"--data.{key}", str(value)]
    return [*given, "--data.memory_gb", "0"]
