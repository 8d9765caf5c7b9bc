"""``lightning-gans sample``: pictures from noise."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import drawing_parser_for, sampler_of, weights_line
from lightning_gans.cli.commands.whole_numbers import whole_numbers
from lightning_gans.core.errors import at_least, exit_on_known_errors
from lightning_gans.core.files import atomic_file, atomic_folder, require_new_path
from lightning_gans.core.image_grids import grid, to_pil, upscale_nearest
from lightning_gans.core.pixels import to_uint8


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = drawing_parser_for(
        "sample",
        "Write pictures that a trained model makes from noise. The same seed gives the same pictures as `predict`, the "
        "Python API and the page, whatever their number.",
        "a new folder for one PNG file each, 000000.png and so on; or a new file that ends in .png for one grid",
    )
    parser.add_argument("--n", type=int, default=64, help="how many pictures (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which pictures (default: %(default)s)")
    parser.add_argument(
        "--classes",
        type=whole_numbers,
        metavar="LIST",
        help="of a conditional model, the classes to go through in turn, such as 3 or 0-9 or 1,4-6 (default: all)",
    )
    parser.add_argument("--columns", type=int, default=8, help="pictures in a row of a grid (default: %(default)s)")
    return parser


def run(argv: list[str]) -> None:
    """Write the pictures.

    Raises:
        InputError: if something given cannot be used.
        RunEnded: if the pictures cannot be written.
    """
    options = options_parser().parse_args(argv)
    for key in ("n", "columns", "scale"):
        at_least(f"--{key}", getattr(options, key), 1)
    require_new_path(options.out)
    model = sampler_of(options)
    images = upscale_nearest(
        to_uint8(model.sample(options.n, options.classes, options.seed, options.truncation)), options.scale
    )
    if options.out.suffix.lower() == ".png":
        with atomic_file(options.out) as file:
            grid(images, options.columns).save(file)
    else:
        with atomic_folder(options.out) as folder:
            for number, image in enumerate(images):
                to_pil(image).save(folder / f"{number:06d}.png")
    print(f"pictures: {options.out} ({options.n} of seed {options.seed}, {weights_line(model)})")


def main(argv: list[str]) -> None:
    """The command line: what ends it is one line on stderr."""
    with exit_on_known_errors():
        run(argv)
