"""``lightning-gans project``: find the point of a model's latent space whose image is nearest to a picture."""

from __future__ import annotations

import argparse
import math

from lightning_gans.cli.commands.common import (
    add_overwrite,
    describe_weights,
    load_model_of,
    model_parser,
    options_as_arguments,
    require_at_least,
    require_folder_name,
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import atomic_folder, require_new_path

LATENT, COMPARISON = "latent.safetensors", "comparison.png"
"""Names of the files in the folder."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = model_parser(
        "project",
        "Find the point of the latent space whose image is nearest to a picture: z, or w of each layer for a generator "
        "with a mapping network. The picture is resized until it covers the size of the model's images, and its center "
        "is cropped, as in training.",
    )
    parser.add_argument(
        "picture", type=user_path, metavar="PICTURE", help="an image file, or a .npy file for more than 4 channels"
    )
    parser.add_argument(
        "--out",
        type=user_path,
        required=True,
        help=f"a new folder for {LATENT}, which `sample` and `interpolate` take, and {COMPARISON}, the picture as the "
        "model sees it beside the result",
    )
    add_overwrite(parser, "the folder of an earlier call")
    parser.add_argument(
        "--label",
        type=int,
        metavar="CLASS",
        help="for a conditional model, the class of the picture (default: all are tried)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random starts (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=400, help="steps of the search (default: %(default)s)")
    parser.add_argument(
        "--starts",
        type=int,
        default=32,
        help="starts, the nearest of 512 random points, of which half and half again are left out in the first half of "
        "the steps (default: %(default)s)",
    )
    parser.add_argument(
        "--features",
        choices=["auto", "natural", "digits", "pixels"],
        default="auto",
        help="what images are compared in beside their pixels: feature maps of a network of photos, of a classifier of "
        "digits, or nothing (default: auto: digits for data of digits, natural for other pictures, pixels for more "
        "than 4 channels or a side of less than 16 pixels)",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the folder.

    Raises:
        InputError: if an option or the picture cannot be used.
        RunEnded: if the folder cannot be written.
    """
    require_at_least(options, steps=2, starts=1)
    require_folder_name(options.out, "a folder")
    require_new_path(options.out, overwrite=options.overwrite, replaced=(LATENT, COMPARISON))
    if not options.picture.exists():
        raise InputError(f"PICTURE is {options.picture}, which does not exist; expected an image file")

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    import torch
    from tqdm import tqdm

    from lightning_gans.core.drawing import grid, is_picture
    from lightning_gans.core.image_reader import failure_reason
    from lightning_gans.core.images import to_uint8
    from lightning_gans.core.pixel_files import READABLE_ARRAYS, load_pixels
    from lightning_gans.inference import LatentSampler
    from lightning_gans.inference.latent_file import SavedPoints, points_to_bytes
    from lightning_gans.inference.projection import Projector

    model = load_model_of(options, LatentSampler)
    channels, size = model.network.channels, model.network.size
    if not is_picture(size):
        raise InputError(f"CKPT is {options.checkpoint}, which generates points; expected a model of pictures")
    try:
        picture = load_pixels(options.picture, channels, size)
    except Exception as error:  # Pillow's decoders raise exceptions of many types on damaged files
        raise InputError(
            f"PICTURE is {options.picture}, which cannot be used ({failure_reason(error)}); expected one of "
            f"{READABLE_ARRAYS}"
        ) from error
    names = {name: f"--{name}" for name in ("label", "seed", "steps", "starts", "features")}
    with options_as_arguments(**names, labels="--label"):
        projector, features = Projector.of_model(model, options.features, options.steps, options.starts)
        with tqdm(total=options.steps, disable=None, unit="step", leave=False) as bar:

            def show(least: float) -> None:
                bar.set_postfix_str(f"distance {least:.4f}", refresh=False)
                bar.update()

            found = projector.project(picture, options.label, options.seed, show)
    facts = {
        "made_by": "lightning-gans project",
        "space": model.space.name,
        "variant": model.metadata.get("variant"),
        "step": model.metadata.get("step"),
        "psnr": found.psnr if math.isfinite(found.psnr) else None,
        "features": features,
        "seed": options.seed,
    }
    with atomic_folder(options.out) as folder:
        (folder / LATENT).write_bytes(points_to_bytes(SavedPoints(found.latent, found.labels), facts))
        pair = torch.cat([picture[None], to_uint8(found.image)])
        grid(pair, 2, None, ["picture", "result"]).save(folder / COMPARISON)
    label = "" if found.labels is None else f", class {int(found.labels[0])}"
    print(f"projection: {options.out} (PSNR {found.psnr:.1f} dB{label}, {describe_weights(model)})")
