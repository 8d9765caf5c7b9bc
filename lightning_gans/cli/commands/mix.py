"""``lightning-gans mix``: a grid of images that have some styles of one image and the others of another one."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import (
    add_overwrite,
    describe_weights,
    integer_list,
    load_model_of,
    options_as_arguments,
    require_at_least,
    sampling_parser,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import atomic_file, require_new_path

PARTS = ("coarse", "middle", "fine")
"""Names of thirds of the layers."""


def layer_list(text: str) -> str | list[int]:
    """Parse the value of ``--layers``.

    Raises:
        argparse.ArgumentTypeError: if it is neither the name of a third nor a list of integers.
    """
    return text if text in PARTS else integer_list(text)


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = sampling_parser(
        "mix",
        "Draw a grid of mixed styles (Karras et al., 2019, figure 3), for a generator with a mapping network: each "
        "image has the styles of the one above in some layers, and those of the one at the left in the others.",
        "a new file that ends in .png",
    )
    parser.add_argument(
        "--rows",
        type=integer_list,
        default=[0, 1, 2, 3],
        metavar="LIST",
        help="seeds of the images at the left, such as 0,1,5 (default: 0-3)",
    )
    parser.add_argument(
        "--columns",
        type=integer_list,
        default=[4, 5, 6, 7, 8, 9],
        metavar="LIST",
        help="seeds of the images above (default: 4-9)",
    )
    parser.add_argument(
        "--layers",
        type=layer_list,
        default="coarse",
        metavar="LIST",
        help="layers that are given the styles of the images above: coarse, middle or fine, a third of them each, or "
        "numbers from 0, that of the smallest feature map, such as 0-3 (default: %(default)s)",
    )
    parser.add_argument("--label", type=int, metavar="CLASS", help="for a conditional model, the class (default: 0)")
    add_overwrite(parser, "the file")
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the grid.

    Raises:
        InputError: if an option cannot be used.
        RunEnded: if the file cannot be written.
    """
    require_at_least(options, scale=1)
    if options.out.suffix.lower() != ".png":
        raise InputError(f"--out is {options.out}; expected a file that ends in .png")
    require_new_path(options.out, overwrite=options.overwrite, replaced=("*.png",))

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    import torch

    from lightning_gans.analysis.mixing import mixing_grid
    from lightning_gans.core.drawing import grid
    from lightning_gans.core.images import to_uint8
    from lightning_gans.inference import LatentSampler
    from lightning_gans.networks.styles import StyleGenerator, part_of_layers

    model = load_model_of(options, LatentSampler)
    network = model.network
    if not isinstance(network, StyleGenerator):
        raise InputError(
            f"CKPT is {options.checkpoint}, whose {type(network).__name__} has no mapping network; expected a model "
            "with styles, such as StyleGAN2"
        )
    seeds = [*options.rows, *options.columns]
    with options_as_arguments(layers="--layers", labels="--label", truncation="--truncation"):
        layers = options.layers
        if isinstance(layers, str):
            layers = part_of_layers(layers, network.style_layers)
        label = 0 if options.label is None and model.num_classes else options.label
        latent = torch.cat([model.latents([0], seed) for seed in seeds])
        styles = model.points(latent, model.label_inputs(len(seeds), label))
        images = mixing_grid(
            lambda w: model.generate(w, None, options.truncation),
            styles[: len(options.rows)],
            styles[len(options.rows) :],
            layers,
        )
    with atomic_file(options.out) as file:
        grid(to_uint8(images), len(options.columns) + 1, options.scale).save(file)
    print(f"mixed styles: {options.out} (layers {', '.join(map(str, layers))}, {describe_weights(model)})")
