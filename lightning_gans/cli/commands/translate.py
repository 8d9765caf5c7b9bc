"""``lightning-gans translate``: pictures from pictures, of any size."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from lightning_gans.cli.commands.common import parser_for, translator_of, weights_line
from lightning_gans.core.errors import InputError, RunEnded, exit_on_known_errors, os_reason
from lightning_gans.core.files import atomic_file, require_new_path
from lightning_gans.core.image_files import find_images, open_with_alpha, pixels_of, reason
from lightning_gans.core.image_grids import to_pil
from lightning_gans.inference import ImageTranslator
from lightning_gans.inference.tiled.translate import TILE, tile_of, translate_picture

DESCRIPTION = f"""Translate pictures of any size by a trained model, without dropout.

What fits into one tile is run whole; a larger picture goes through the network in tiles, normalised by the statistics
of the whole picture, so that no seam shows and the memory is that of a tile (and, in $TMPDIR, a file of 128 bytes per
pixel). By networks such as CycleGAN's the result is that of the whole picture; those such as the U-Net work in windows
of the size they were trained on, which are blended.

Each picture becomes a PNG of its own name with 8 bits per channel; 16 bits are brought to 8. Pictures are turned as
their EXIF data say, and become grey or RGB, whichever the model takes. Transparent ones are translated as they look on
white, and have their transparency again in the result. A file that cannot be read is named, and the others go on.
Default tile: {TILE} pixels, or the size that the model was trained on where that is more."""


class Job(NamedTuple):
    """A picture to be translated, and where to."""

    source: Path
    target: Path


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = parser_for("translate", DESCRIPTION)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="IN",
        help="a picture of any format that Pillow reads, or a folder, whose pictures are taken with those below it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="a new folder: photo.jpg becomes DIR/photo.png, FOLDER/sub/photo.jpg becomes DIR/sub/photo.png",
    )
    parser.add_argument("--direction", help="a_to_b or b_to_a (default: the one the model goes, a_to_b of two)")
    parser.add_argument(
        "--tile", type=int, metavar="PIXELS", help="side of a tile; a smaller one needs less memory and more time"
    )
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a bar (default: where stderr is a terminal)",
    )
    return parser


def jobs_of(inputs: Iterable[Path], out: Path) -> list[Job]:
    """All pictures, each with the file that it becomes.

    Raises:
        InputError: if something is not there, a folder holds no pictures, or two would become one file.
    """
    jobs: dict[Path, Job] = {}
    for given in inputs:
        if given.is_dir():
            found = [(path, path.relative_to(given)) for path in find_images("IN", given)]
        elif given.exists():
            found = [(given, Path(given.name))]
        else:
            raise InputError(f"IN is {given}, which does not exist; expected a picture or a folder of pictures")
        for source, name in found:
            job = Job(source, out / name.with_suffix(".png"))
            if job.target in jobs:
                raise InputError(
                    f"{jobs[job.target].source} and {source} would both become {job.target}; "
                    "expected pictures of different names"
                )
            jobs[job.target] = job
    return list(jobs.values())


class Work:
    """What is done to each picture.

    Args:
        model: translates it.
        direction: which way.
        tile: side of a tile.
        progress: whether to show a bar; None where stderr is a terminal.

    Raises:
        InputError: if the model cannot go there, does not make pictures, or the tile cannot be had.
    """

    def __init__(self, model: ImageTranslator, direction: str | None, tile: int | None, progress: bool | None) -> None:
        way = model.way(direction)
        self.network, self.size, self.tile = model.network(way), model.sizes[way], tile
        self.hidden = None if progress is None else not progress
        for end, channels in (("takes", self.network.channels_in), ("makes", self.network.channels_out)):
            if channels not in (1, 3):
                raise InputError(f"the model {end} images of {channels} channels; expected 1 (grey) or 3 (RGB)")
        tile_of(self.network, self.size, tile)

    def __call__(self, name: str, image: Image.Image, alpha: Image.Image | None) -> Image.Image:
        """A picture in RGB translated, with its alpha channel where it has one; ``name`` stands beside the bar."""
        pixels = pixels_of(image.convert("L") if self.network.channels_in == 1 else image)
        with tqdm(desc=name, leave=False, disable=self.hidden, unit="step", position=1) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            made = to_pil(translate_picture(self.network, pixels, self.size, self.tile, show))
        if alpha:
            made.putalpha(alpha)
        return made


def translated(jobs: list[Job], work: Work) -> int:
    """Translate all pictures, and name those that fail on stderr.

    Returns:
        How many have failed.

    Raises:
        RunEnded: if a result cannot be written.
    """
    failed = 0
    with tqdm(jobs, disable=work.hidden, unit="picture") as bar:
        for job in bar:
            why = ""
            try:
                image, alpha = open_with_alpha(job.source)
            except Exception as error:  # Pillow's decoders raise almost anything on damaged files
                why = f"cannot be read ({reason(error)})"
            else:
                try:
                    made = work(job.source.name, image, alpha)
                except OSError as error:
                    raise RunEnded(
                        f"the temporary file for {job.source} cannot be written ({os_reason(error)}); "
                        "set TMPDIR to a folder with more room"
                    ) from error
                except (RuntimeError, MemoryError) as error:
                    why = f"cannot be translated ({reason(error)}); where memory is short, give a smaller --tile"
            if why:
                failed += 1
                bar.write(f"lightning-gans: {job.source} {why}", file=sys.stderr)
                continue
            with atomic_file(job.target) as file:
                made.save(file)
    return failed


def run(argv: list[str]) -> None:
    """Translate the pictures.

    Raises:
        InputError: if something given cannot be used.
        RunEnded: if some pictures could not be translated, or the rest could not be written.
    """
    options = options_parser().parse_args(argv)
    require_new_path(options.out)
    jobs = jobs_of(options.inputs, options.out)
    model = translator_of(options)
    work = Work(model, options.direction, options.tile, options.progress)
    failed = translated(jobs, work)
    if failed:
        raise RunEnded(f"{failed} of {len(jobs)} pictures could not be translated")
    print(f"pictures: {options.out} ({len(jobs)} by {weights_line(model)})")


def main(argv: list[str]) -> None:
    """The command line: what ends it is one line on stderr."""
    with exit_on_known_errors():
        try:
            run(argv)
        except KeyboardInterrupt:
            raise RunEnded("ended by Ctrl-C; every picture that is there is whole", status=130) from None
