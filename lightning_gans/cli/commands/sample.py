"""``lightning-gans sample``: generate images from noise."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import (
    add_overwrite,
    describe_weights,
    integer_list,
    load_model_of,
    options_as_arguments,
    require_at_least,
    require_folder_name,
    sampling_parser,
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import atomic_file, atomic_folder, require_new_path

NUMBERED = tuple(f"{'[0-9]' * 6}{suffix}" for suffix in (".png", ".npy"))
"""Patterns of the names of files in a folder of images."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = sampling_parser(
        "sample",
        "Generate images from noise. A seed gives the same images as in `predict`, the Python API and the demo, "
        "however many are generated.",
        "a new folder for one PNG file per image, 000000.png and so on, or one .npy file if it has more than 4 "
        "channels; or a new file that ends in .png for a grid",
    )
    parser.add_argument("--n", type=int, help="number of images (default: 64)")
    parser.add_argument("--seed", type=int, help="seed of the images (default: 0)")
    parser.add_argument(
        "--latent",
        type=user_path,
        metavar="FILE",
        help="in place of a seed, the points in a file that `project` wrote, or in a .npy file: z (N, latent_dim), or "
        "w (N, layers, style_dim) of a generator with a mapping network; an image for each",
    )
    parser.add_argument(
        "--classes",
        type=integer_list,
        metavar="LIST",
        help="for a conditional model, the classes to cycle through, such as 3, 0-9 or 1,4-6 (default: all, or those "
        "in the file of --latent)",
    )
    parser.add_argument("--columns", type=int, help="columns of a grid (default: 4 to 8, so that few places are empty)")
    add_overwrite(parser, "the file, or the folder with numbered images,")
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the images.

    Raises:
        InputError: if an option cannot be used.
        RunEnded: if the images cannot be written.
    """
    require_at_least(options, n=1, columns=1, scale=1)
    for key in ("n", "seed"):
        if options.latent is not None and getattr(options, key) is not None:
            raise InputError(f"--latent and --{key} are both given; expected one of them")
    is_grid = options.out.suffix.lower() == ".png"
    if not is_grid:
        require_folder_name(options.out, "a file that ends in .png, or a folder for single images")
    require_new_path(options.out, overwrite=options.overwrite, replaced=("*.png",) if is_grid else NUMBERED)

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    from torch import Tensor

    from lightning_gans.core.drawing import fit_columns, grid, upscale_nearest, write_image
    from lightning_gans.core.images import to_uint8
    from lightning_gans.inference import LatentSampler
    from lightning_gans.inference.latent_file import read_points, sample_points

    model = load_model_of(options, LatentSampler)
    with options_as_arguments(labels="--classes", seed="--seed", truncation="--truncation", latent="--latent"):
        if options.latent is None:
            images: Tensor = model.sample(options.n or 64, options.classes, options.seed or 0, options.truncation)
            source = f"{len(images)} of seed {options.seed or 0}"
        else:
            points = read_points(options.latent, model)
            images = sample_points(model, points, options.classes, options.truncation)
            source = f"{len(images)} of {options.latent}"
    pixels = to_uint8(images)
    if is_grid:
        with atomic_file(options.out) as file:
            grid(pixels, fit_columns(len(pixels), options.columns), options.scale).save(file)
    else:
        with atomic_folder(options.out) as folder:
            for number, image in enumerate(upscale_nearest(pixels, options.scale or 1)):
                write_image(image, folder / f"{number:06d}")
    print(f"images: {options.out} ({source}, {describe_weights(model)})")
