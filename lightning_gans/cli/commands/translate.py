"""``lightning-gans translate``: translate images of any size, animations and videos."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import (
    INTERRUPTED,
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
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.core.extras import require_extra
from lightning_gans.core.files import require_new_path
from lightning_gans.core.image_metadata import FORMATS
from lightning_gans.core.video_files import VIDEO_EXTENSIONS, VIDEOS

DESCRIPTION = """Translate images of any size, animations and videos with a trained model, without dropout.

An image that fits into one tile is translated as a whole. A larger one is cut into tiles and normalized by the
statistics of the whole image, so that no seams appear and memory is limited to that of a tile (plus a file of 128
bytes per pixel in $TMPDIR). Networks such as CycleGAN's give the same result as on the whole image; networks such as
the U-Net run on windows of the size they were trained on, which are blended.

Each image becomes a PNG file of the same name with 8 bits per channel; 16 bits are reduced to 8. Images are rotated
according to their EXIF data, and converted to gray or RGB as the model expects. Transparent images are translated on
white, and the result keeps their transparency. Files that cannot be read are named on stderr and skipped, and so are
other files in folders.

A GIF of several frames becomes a GIF, and a video becomes a video: each frame is translated as an image, and is shown
at its own time and for as long as before. Sound is copied. Memory does not depend on the length.

A model that takes latent codes, such as BicycleGAN, gives many answers to one image. Answer number K of a seed has the
same code for all files and frames, and is the same whatever else is translated. --answers 3 writes photo_answer0.png to
photo_answer2.png in place of photo.png, which is answer 0.

--compare also writes what the network was given, and what the translation should be if that is known, as files of
their own, and a page that shows them side by side.
Default tile: 512 pixels, or the size that the model was trained on if that is larger."""

PAGE = "index.html"
"""The page of a comparison."""

REPLACED = ("*.png", "*.gif", *(f"*{extension}" for extension in VIDEO_EXTENSIONS), PAGE)
"""Patterns of the files that the command writes."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = model_parser("translate", DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "inputs",
        nargs="+",
        type=user_path,
        metavar="IN",
        help=f"an image ({FORMATS}), a video ({VIDEOS}), or a folder, which is searched recursively",
    )
    parser.add_argument(
        "--out",
        type=user_path,
        required=True,
        metavar="DIR",
        help="a new folder: photo.jpg becomes DIR/photo.png, FOLDER/sub/photo.jpg becomes DIR/sub/photo.png",
    )
    add_overwrite(parser, "files of the same names in DIR")
    parser.add_argument("--direction", help="a_to_b or b_to_a (default: the model's direction, a_to_b if it has both)")
    parser.add_argument(
        "--tile", type=int, metavar="PIXELS", help="side of a tile; smaller tiles need less memory and more time"
    )
    parser.add_argument("--answers", type=int, metavar="N", help="translations of each file (default: 1)")
    parser.add_argument("--seed", type=int, help="seed of the answers (default: 0)")
    parser.add_argument(
        "--compare",
        action="store_true",
        help=f"write DIR/{PAGE}, a page that opens offline, and what it shows: DIR/images/photo_real_A.png (input), "
        "photo_fake_B.png (translation) and photo_real_B.png (what it should be, if known); the letters are exchanged "
        "for b_to_a",
    )
    parser.add_argument(
        "--truth",
        type=user_path,
        metavar="DIR",
        help="with --compare, what the translations should be: a folder with the names of IN, up to the extension",
    )
    parser.add_argument(
        "--joined",
        action="store_true",
        help="each image is a pair as in pix2pix's folders, a on the left and b on the right: translate one half, and "
        "with --compare show the other as what the translation should be",
    )
    parser.add_argument(
        "--instances",
        type=user_path,
        metavar="DIR",
        help="for a model that was trained with the borders of instances: a folder of the maps of instances, with the "
        "names of IN, up to the extension",
    )
    parser.add_argument(
        "--endings",
        nargs=2,
        default=("", ""),
        metavar=("LABELS", "INSTANCES"),
        help="how the names of label maps and of maps of instances end, such as _labelIds _instanceIds",
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show progress bars (default: if stderr is a terminal)",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Translate the files.

    Raises:
        InputError: if an option cannot be used.
        RunEnded: if files cannot be translated or written, or after Ctrl-C.
    """
    require_at_least(options, answers=1, seed=0)
    require_folder_name(options.out, "a folder, to which files are written")
    if options.truth is not None and (options.joined or not options.compare):
        raise InputError(
            f"--truth is {options.truth} {'beside' if options.joined else 'without'} "
            f"--{'joined' if options.joined else 'compare'}; expected --compare and one of --truth and --joined"
        )
    require_new_path(options.out, overwrite=options.overwrite, replaced=REPLACED)

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    from lightning_gans.inference import ImageTranslator
    from lightning_gans.inference.translate_files import FileTranslator
    from lightning_gans.inference.translation_jobs import (
        Kind,
        answered_jobs,
        compared_jobs,
        find_jobs,
        with_instances,
    )

    jobs = find_jobs(options.inputs, options.out)
    moving = next((job.source for job in jobs if job.kind is not Kind.IMAGE), None)
    if options.joined and moving is not None:
        raise InputError(f"IN is {moving}, which is no single image; expected images with a pair each, or no --joined")
    for job in jobs:
        if job.kind is Kind.VIDEO:
            require_extra("video", f"{job.source} is a video, which")
    noun = "images" if moving is None else "files"
    try:
        model = load_model_of(options, ImageTranslator)
        with options_as_arguments(direction="--direction", tile="--tile"):
            choices = (options.direction, options.tile, options.progress, options.joined, options.seed or 0)
            translator = FileTranslator(model, *choices)
        require_latent(options, model.latent_dim(translator.direction))
        if translator.takes_borders and options.instances is None:
            raise InputError("the model was trained with the borders of instances; expected --instances, their maps")
        if options.instances is not None:
            if not translator.takes_borders:
                raise InputError(
                    f"--instances is {options.instances}, but the model was trained without the borders of instances; "
                    "expected no --instances"
                )
            jobs = with_instances(jobs, options.instances, tuple(options.endings))
        if options.compare:
            jobs = compared_jobs(jobs, options.out, translator.direction, options.truth, options.joined)
        jobs = answered_jobs(jobs, options.answers or 1)
        done = translator.translate_all(jobs)
    except KeyboardInterrupt:
        raise RunEnded("interrupted; every image written so far is complete", status=INTERRUPTED) from None
    if options.compare and done:
        from lightning_gans.reporting.html.comparison import write_comparison

        write_comparison(options.out / PAGE, done, model.metadata, translator.direction)
    if len(done) < len(jobs):
        raise RunEnded(f"{len(jobs) - len(done)} of {len(jobs)} {noun} could not be translated")
    print(f"{noun}: {options.out} ({len(jobs)} by {describe_weights(model)})")
    if options.compare:
        print(f"page: {options.out / PAGE}")


def require_latent(options: argparse.Namespace, latent_dim: int) -> None:
    """Check that options of models with many answers are given for one only.

    Args:
        options: of the command.
        latent_dim: length of the model's latent codes.

    Raises:
        InputError: if they are given, but the model takes no latent codes.
    """
    for key in ("answers", "seed") if not latent_dim else ():
        if (given := getattr(options, key)) is not None:
            raise InputError(
                f"--{key} is {given}, but the model gives one answer to an image; expected a model that takes latent "
                "codes, such as BicycleGAN"
            )
