"""Translation of image files and folders of any size."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from lightning_gans.core.drawing import to_pil
from lightning_gans.core.errors import InputError, RunEnded, os_reason
from lightning_gans.core.files import atomic_file
from lightning_gans.core.image_files import find_images, pixels_of
from lightning_gans.core.image_reader import failure_reason, open_with_alpha
from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.tiled.translate import tile_size, translate_picture


class Job(NamedTuple):
    """An image file to translate, and the file to write."""

    source: Path
    target: Path


def find_jobs(inputs: Iterable[Path], out: Path) -> list[Job]:
    """Find all image files, and name the file that each becomes; name other files in folders on stderr.

    Args:
        inputs: image files and folders, which are searched recursively.
        out: the folder to write to.

    Raises:
        InputError: if a path does not exist, a folder holds no images, two images would become one file, or an image
            would be replaced by its translation.
    """

    def warn(message: str) -> None:
        print(f"lightning-gans: {message}", file=sys.stderr)

    jobs: dict[Path, Job] = {}
    for path in inputs:
        if path.is_dir():
            found = [(file, file.relative_to(path)) for file in find_images("IN", path, warn)]
        elif path.exists():
            found = [(path, Path(path.name))]
        else:
            raise InputError(f"IN is {path}, which does not exist; expected an image or a folder of images")
        for source, name in found:
            job = Job(source, out / name.with_suffix(".png"))
            if job.target in jobs:
                raise InputError(
                    f"{jobs[job.target].source} and {source} would both become {job.target}; "
                    "expected images with different names"
                )
            if job.target.exists() and job.target.samefile(source):
                raise InputError(f"{source} would be replaced by its translation; expected another --out")
            jobs[job.target] = job
    return list(jobs.values())


class FileTranslator:
    """Translates image files in one direction.

    Args:
        model: the trained model.
        direction: "a_to_b" or "b_to_a"; None for the model's first.
        tile: side of a tile in pixels; None for the default of :func:`.translate_picture`.
        progress: whether to show progress bars; None to show them where stderr is a terminal.

    Raises:
        ValueError: if the model does not have that direction, its images have neither 1 nor 3 channels, or the tile
            is not possible.
    """

    def __init__(
        self,
        model: ImageTranslator,
        direction: str | None = None,
        tile: int | None = None,
        progress: bool | None = None,
    ) -> None:
        direction = model.resolve_direction(direction)
        self.network, self.size, self.tile = model.network(direction), model.sizes[direction], tile
        self.hide_bars = None if progress is None else not progress
        for side, channels in (("input", self.network.channels_in), ("output", self.network.channels_out)):
            if channels not in (1, 3):
                raise ValueError(f"the model's {side} has {channels} channels; expected 1 (gray) or 3 (RGB)")
        tile_size(self.network, self.size, tile)

    def translate(self, name: str, image: Image.Image, alpha: Image.Image | None) -> Image.Image:
        """Translate one image.

        Args:
            name: shown beside the progress bar.
            image: RGB.
            alpha: its alpha channel, which the result gets; None if it has none.
        """
        pixels = pixels_of(image.convert("L") if self.network.channels_in == 1 else image)
        with tqdm(desc=name, leave=False, disable=self.hide_bars, unit="step", position=1) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            result = to_pil(translate_picture(self.network, pixels, self.size, self.tile, show))
        if alpha:
            result.putalpha(alpha)
        return result

    def translate_all(self, jobs: list[Job]) -> int:
        """Translate all files; name those that fail on stderr, and continue with the others.

        Returns:
            The number of files that failed.

        Raises:
            RunEnded: if a result cannot be written.
        """
        failed = 0
        with tqdm(jobs, disable=self.hide_bars, unit="image") as bar, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the reader's limit is an error
            for job in bar:
                failure = ""
                try:
                    image, alpha = open_with_alpha(job.source, Image.MAX_IMAGE_PIXELS)
                except Exception as error:  # Pillow's decoders raise exceptions of many types on damaged files
                    failure = f"cannot be read ({failure_reason(error)})"
                else:
                    try:
                        result = self.translate(job.source.name, image, alpha)
                    except OSError as error:
                        raise RunEnded(
                            f"the temporary file for {job.source} cannot be written ({os_reason(error)}); "
                            "set TMPDIR to a folder with more space"
                        ) from error
                    except ValueError as error:
                        failure = f"cannot be translated ({error})"
                    except (RuntimeError, MemoryError) as error:
                        failure = (
                            f"cannot be translated ({failure_reason(error)}); if memory is short, give a smaller --tile"
                        )
                if failure:
                    failed += 1
                    bar.write(f"lightning-gans: {job.source} {failure}", file=sys.stderr)
                    continue
                with atomic_file(job.target) as file:
                    result.save(file)
        return failed
