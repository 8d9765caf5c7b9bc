"""``lightning-gans interpolate``: the way from one picture to another."""

from __future__ import annotations

import argparse

import torch

from lightning_gans.cli.commands.common import drawing_parser_for, sampler_of, weights_line
from lightning_gans.cli.commands.whole_numbers import whole_numbers
from lightning_gans.core.errors import InputError, at_least, exit_on_known_errors
from lightning_gans.core.files import atomic_file, require_new_path
from lightning_gans.core.image_grids import grid, to_pil, upscale_nearest, write_gif, write_mp4
from lightning_gans.core.pixels import to_uint8

ANIMATIONS = {".gif": write_gif, ".mp4": write_mp4}
"""How files of these suffixes are written; a .png is a grid."""


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = drawing_parser_for(
        "interpolate",
        "Draw the way from the first picture of a seed to that of the next: latent vectors move on arcs where noise is "
        "normal, else on straight lines. With one seed and several classes it is the way from class to class.",
        "a new file: .png is a grid with a row for each way between two stations, .gif and .mp4 are animations",
    )
    parser.add_argument(
        "--seeds",
        type=whole_numbers,
        default=[0, 1],
        metavar="LIST",
        help="the stations, such as 0,1,5 (default: 0,1)",
    )
    parser.add_argument(
        "--classes",
        type=whole_numbers,
        metavar="LIST",
        help="of a conditional model, the class at each station, or one for all (default: 0)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=9,
        help="pictures from one station to the next, with both (default: %(default)s)",
    )
    parser.add_argument("--loop", action="store_true", help="go back from the last station to the first")
    parser.add_argument("--frame_ms", type=int, default=80, help="of an animation, milliseconds for each picture")
    return parser


def run(argv: list[str]) -> None:
    """Write the way.

    Raises:
        InputError: if something given cannot be used.
        RunEnded: if it cannot be written.
    """
    options = options_parser().parse_args(argv)
    at_least("--steps", options.steps, 2)
    at_least("--scale", options.scale, 1)
    at_least("--frame_ms", options.frame_ms, 20)
    suffix = options.out.suffix.lower()
    if suffix not in (".png", *ANIMATIONS):
        raise InputError(f"--out is {options.out}; expected a file that ends in .png, .gif or .mp4")
    require_new_path(options.out)
    model = sampler_of(options)
    seeds, labels = options.seeds, options.classes
    if options.loop:
        seeds = [*seeds, seeds[0]] if len(seeds) > 1 else seeds
        labels = [*labels, labels[0]] if labels and len(labels) > 1 else labels
    images = upscale_nearest(
        to_uint8(model.interpolate(seeds, labels, options.steps, options.truncation)), options.scale
    )
    with atomic_file(options.out) as file:
        if suffix == ".png":
            # Each row has both of its ends: all but the first begin with the picture that ends the row before.
            rows = [images[i : i + options.steps] for i in range(0, len(images) - 1, options.steps - 1)]
            grid(torch.cat(rows), options.steps).save(file)
        else:
            ANIMATIONS[suffix]([to_pil(image) for image in images], file, options.frame_ms)
    print(f"interpolation: {options.out} ({len(images)} pictures, {weights_line(model)})")


def main(argv: list[str]) -> None:
    """The command line: what ends it is one line on stderr."""
    with exit_on_known_errors():
        run(argv)
