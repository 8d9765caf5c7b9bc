"""``lightning-gans import``: make a model of a generator that pix2pix's, CycleGAN's or CUT's public code has saved."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import (
    CommandParser,
    add_overwrite,
    format_megabytes,
    require_folder_name,
    user_path,
)
from lightning_gans.cli.commands.export import FOLDER_FILES, LICENSE
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import require_new_path

DESCRIPTION = """Make a model of a generator that the public code of the authors of pix2pix, CycleGAN or CUT has saved,
such as latest_net_G.pth or one of their pretrained files: a ResNet of any number of blocks, also antialiased, or a
U-Net for 64 to 512 pixels; with batch normalization, instance normalization or none; with or without dropout; also
with spectral normalization, which becomes part of the weights.

The network is recognized by the names and shapes of the tensors. FILE is read as data: a file with anything but tensors
is refused. The folder is one that `lightning-gans export --format huggingface` writes: translate, export, demo,
inspect and fit --model.start_from take it."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser("import", DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=user_path, metavar="FILE", help="a generator, such as latest_net_G_A.pth")
    parser.add_argument(
        "--back",
        type=user_path,
        metavar="FILE",
        help="the generator of the opposite direction, such as latest_net_G_B.pth (default: none)",
    )
    parser.add_argument(
        "--out", type=user_path, required=True, metavar="FOLDER", help="a new folder with config.json and weights"
    )
    add_overwrite(parser, "the folder of an earlier import or export")
    parser.add_argument(
        "--direction", choices=["a_to_b", "b_to_a"], default="a_to_b", help="of FILE's generator (default: a_to_b)"
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="side of the images that it was trained on (default: that of a U-Net; 256 for a ResNet, which does not "
        "depend on it)",
    )
    parser.add_argument(
        "--running_statistics",
        action="store_true",
        help="let batch normalization use the running statistics in FILE, as the authors' test.py with --eval "
        "(default: the statistics of each image, as without --eval)",
    )
    parser.add_argument(
        "--license",
        metavar="NAME",
        help="license of the weights by the hub's name for it, such as mit (default: the model card states that none "
        "is given)",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the folder, and print what was found.

    Raises:
        InputError: if an option or a file cannot be used.
        RunEnded: if the folder cannot be written.
    """
    require_folder_name(options.out, "a folder")
    if options.license is not None and not LICENSE.fullmatch(options.license):
        raise InputError(f"--license is {options.license!r}; expected one of the hub's names, such as mit or cc-by-4.0")
    require_new_path(options.out, overwrite=options.overwrite, replaced=FOLDER_FILES)
    files = {options.direction: options.file}
    if options.back is not None:
        files["b_to_a" if options.direction == "a_to_b" else "a_to_b"] = options.back

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    from lightning_gans.export import write_imported
    from lightning_gans.inference.imported import import_generators
    from lightning_gans.runs.weights_file import WEIGHTS

    imported = import_generators(files, options.size, options.running_statistics)
    write_imported(imported.model, options.out, options.license)
    for direction, path in files.items():
        print(f"{direction}: {path} is a {imported.found[direction]}")
        for note in imported.notes[direction]:
            print(f"{direction}: {note}")
    print(f"imported: {options.out} ({format_megabytes((options.out / WEIGHTS).stat().st_size)})")
