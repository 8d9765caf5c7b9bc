"""``lightning-gans translate``: translate images of any size."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import (
    INTERRUPTED,
    add_overwrite,
    describe_weights,
    load_model_of,
    model_parser,
    options_as_arguments,
    require_folder_name,
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import RunEnded
from lightning_gans.core.files import require_new_path
from lightning_gans.core.image_metadata import FORMATS

DESCRIPTION = """Translate images of any size with a trained model, without dropout.

An image that fits into one tile is translated as a whole. A larger one is cut into tiles and normalized by the
statistics of the whole image, so that no seams appear and memory is limited to that of a tile (plus a file of 128
bytes per pixel in $TMPDIR). Networks such as CycleGAN's give the same result as on the whole image; networks such as
the U-Net run on windows of the size they were trained on, which are blended.

Each image becomes a PNG file of the same name with 8 bits per channel; 16 bits are reduced to 8. Images are rotated
according to their EXIF data, and converted to gray or RGB as the model expects. Transparent images are translated on
white, and the result keeps their transparency. Files that cannot be read are named on stderr and skipped, and so are
other files in folders.
Default tile: 512 pixels, or the size that the model was trained on if that is larger."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = model_parser("translate", DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "inputs",
        nargs="+",
        type=user_path,
        metavar="IN",
        help=f"an image ({FORMATS}), or a folder, which is searched recursively",
    )
    parser.add_argument(
        "--out",
        type=user_path,
        required=True,
        metavar="DIR",
        help="a new folder: photo.jpg becomes DIR/photo.png, FOLDER/sub/photo.jpg becomes DIR/sub/photo.png",
    )
    add_overwrite(parser, "images of the same names in DIR")
    parser.add_argument("--direction", help="a_to_b or b_to_a (default: the model's direction, a_to_b if it has both)")
    parser.add_argument(
        "--tile", type=int, metavar="PIXELS", help="side of a tile; smaller tiles need less memory and more time"
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show progress bars (default: if stderr is a terminal)",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Translate the images.

    Raises:
        InputError: if an option cannot be used.
        RunEnded: if images cannot be translated or written, or after Ctrl-C.
    """
    require_folder_name(options.out, "a folder, to which PNG files are written")
    require_new_path(options.out, overwrite=options.overwrite, replaced=("*.png",))

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    from lightning_gans.inference import ImageTranslator
    from lightning_gans.inference.translate_files import FileTranslator, find_jobs

    jobs = find_jobs(options.inputs, options.out)
    try:
        model = load_model_of(options, ImageTranslator)
        with options_as_arguments(direction="--direction", tile="--tile"):
            translator = FileTranslator(model, options.direction, options.tile, options.progress)
        failed = translator.translate_all(jobs)
    except KeyboardInterrupt:
        raise RunEnded("interrupted; every image written so far is complete", status=INTERRUPTED) from None
    if failed:
        raise RunEnded(f"{failed} of {len(jobs)} images could not be translated")
    print(f"images: {options.out} ({len(jobs)} by {describe_weights(model)})")
