"""``lightning-gans interpolate``: interpolate between generated images."""

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
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.extras import require_extra
from lightning_gans.core.files import atomic_file, require_new_path

SUFFIXES = (".png", ".gif", ".mp4")
"""Suffixes of a grid and of animations."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = sampling_parser(
        "interpolate",
        "Interpolate from the first image of a seed to that of the next, or between points that `project` found. "
        "Latent vectors move on arcs for normal noise, else on straight lines. With one seed and several classes, "
        "interpolate between classes.",
        "a new file: .png is a grid with one row per pair of images, .gif and .mp4 are animations",
    )
    parser.add_argument(
        "--seeds",
        type=integer_list,
        metavar="LIST",
        help="seeds of the images to interpolate between, such as 0,1,5 (default: 0,1; none with --latent)",
    )
    parser.add_argument(
        "--latent",
        type=user_path,
        action="append",
        metavar="FILE",
        help="a file of points as for `sample`, which come before those of --seeds; may be repeated",
    )
    parser.add_argument(
        "--classes",
        type=integer_list,
        metavar="LIST",
        help="for a conditional model, one class per point, or one for all (default: 0, or those in the files of "
        "--latent)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=9,
        help="images from one seed to the next, both included (default: %(default)s)",
    )
    add_overwrite(parser, "the file")
    parser.add_argument("--loop", action="store_true", help="return from the last point to the first")
    parser.add_argument(
        "--frame_ms", type=int, default=80, help="milliseconds per frame of an animation (default: %(default)s)"
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the interpolation.

    Raises:
        InputError: if an option cannot be used.
        RunEnded: if the file cannot be written.
    """
    require_at_least(options, steps=2, scale=1, frame_ms=20)
    suffix = options.out.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"--out is {options.out}; expected a file that ends in .png, .gif or .mp4")
    require_new_path(options.out, overwrite=options.overwrite, replaced=(f"*{suffix}",))

    if suffix == ".mp4":
        require_extra("video", "a file that ends in .mp4")

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    import torch

    from lightning_gans.core.drawing import as_frames, grid, write_gif, write_mp4
    from lightning_gans.core.images import to_uint8
    from lightning_gans.inference import LatentSampler
    from lightning_gans.inference.latent_file import concat_points, read_points

    model = load_model_of(options, LatentSampler)
    seeds, labels = options.seeds or ([] if options.latent else [0, 1]), options.classes
    with options_as_arguments(seeds="--seeds", labels="--classes", truncation="--truncation", latent="--latent"):
        latent = None
        if options.latent:
            points = concat_points([read_points(path, model) for path in options.latent])
            latent = points.latent
            if labels is None and points.labels is not None:
                # The class of the last point stays while the noise moves on to those of the seeds.
                labels = [*points.labels.tolist(), *[int(points.labels[-1])] * len(seeds)]
        images = model.interpolate(seeds, labels, options.steps, options.truncation, latent, options.loop)
    pixels = to_uint8(images)
    with atomic_file(options.out) as file:
        if suffix == ".png":
            # Each row shows both of its ends: all but the first repeat the last image of the row before.
            rows = [pixels[i : i + options.steps] for i in range(0, len(pixels) - 1, options.steps - 1)]
            grid(torch.cat(rows), options.steps, options.scale).save(file)
        else:
            write = write_gif if suffix == ".gif" else write_mp4
            write(as_frames(pixels, options.scale), file, options.frame_ms)
    print(f"interpolation: {options.out} ({len(pixels)} images, {describe_weights(model)})")
