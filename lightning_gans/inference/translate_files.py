"""Translation of files and folders: images of any size, animations and videos."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from lightning_gans.core.drawing import MOST_CHANNELS, to_pil
from lightning_gans.core.errors import RunEnded, UnreadableError, os_reason
from lightning_gans.core.files import atomic_file
from lightning_gans.core.gif_files import GifReader, GifWriter
from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.image_reader import failure_reason, flatten, open_with_alpha, read_file
from lightning_gans.core.label_maps import crop_label_map, read_instance_map, read_label_map
from lightning_gans.core.video_files import VideoFrame, VideoReader
from lightning_gans.core.video_writer import VideoWriter
from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.tiled.translate import Progress, tile_size, translate_picture
from lightning_gans.inference.translation_jobs import Job, Kind


class FileTranslator:
    """Translates files in one direction.

    Images of a network whose input has more than 4 channels, one for each class, are label maps; see
    :func:`.read_label_map`. If the model was trained with the borders of instances, each needs a map of its instances.

    Args:
        model: the trained model.
        direction: "a_to_b" or "b_to_a"; None for the model's first.
        tile: side of a tile in pixels; None for the default of :func:`.translate_picture`.
        progress: whether to show progress bars; None to show them where stderr is a terminal.
        joined: whether each image is a pair, domain a on the left and domain b on the right, of which the half that the
            direction starts from is translated.
        seed: seed of the answers of a model that takes latent codes; see :meth:`.ImageTranslator.answering`.

    Attributes:
        direction: "a_to_b" or "b_to_a".
        takes_borders: whether label maps need maps of their instances.

    Raises:
        ValueError: if the model does not have that direction, there are no files of images of its channels, or the
            tile or the seed is not possible.
    """

    def __init__(
        self,
        model: ImageTranslator,
        direction: str | None = None,
        tile: int | None = None,
        progress: bool | None = None,
        joined: bool = False,
        seed: int = 0,
    ) -> None:
        self.direction = direction = model.resolve_direction(direction)
        self.network, self.size, self.tile = model.network(direction), model.sizes[direction], tile
        self.hide_bars = None if progress is None else not progress
        self.joined = joined
        self.label_maps = self.network.channels_in > MOST_CHANNELS
        self.takes_borders = self.label_maps and model.takes_borders(direction)
        arrays = "; arrays of any channels are translated in Python, by translate_array"
        if not self.label_maps and self.network.channels_in not in (1, 3):
            raise ValueError(
                f"the model's input has {self.network.channels_in} channels; expected 1 (gray), 3 (RGB), or more than "
                f"{MOST_CHANNELS} (the classes of label maps){arrays}"
            )
        if (made := self.network.channels_out) not in (1, 3):
            raise ValueError(f"the model's output has {made} channels; expected 1 (gray) or 3 (RGB){arrays}")
        if joined and self.label_maps:
            raise ValueError("joined is true, but the model translates label maps; expected files of one image each")
        tile_size(self.network, self.size, tile)
        self._answering = partial(model.answering, direction, seed)
        self._answers = {0: self._answering(0)}

    def translate(
        self,
        image: Image.Image,
        alpha: Image.Image | None = None,
        progress: Progress | None = None,
        instances: NDArray[np.int32] | None = None,
        answer: int = 0,
    ) -> Image.Image:
        """Translate one image.

        Args:
            image: RGB, or gray if the model's images are; of a label map its classes as gray levels.
            alpha: its alpha channel, which the result gets; None if it has none.
            progress: called after each step, with the number of finished steps and their total.
            instances: of a label map the instance of each pixel (height, width), if :attr:`takes_borders`.
            answer: number of the translation, if the model gives several.

        Raises:
            ValueError: if the model gives one answer, instances are missing or of another size, or the image is so long
                and narrow that it would be mostly padding.
            RunEnded: if the temporary file of a large image cannot be written.
        """
        if answer not in self._answers:
            self._answers[answer] = self._answering(answer)
        network = self._answers[answer]
        try:
            given = self._pixels(image, instances)
            pixels = translate_picture(network, given, self.size, self.tile, progress)
        except OSError as error:
            raise RunEnded(
                f"the temporary file of a translation cannot be written ({os_reason(error)}); "
                "set TMPDIR to a folder with more space"
            ) from error
        result = to_pil(pixels)
        if alpha:
            result.putalpha(alpha)
        return result

    def shown(self, image: Image.Image) -> Image.Image:
        """An RGB image as the network gets it: in gray if its input has one channel."""
        return image.convert("L") if self.network.channels_in == 1 else image

    def _pixels(self, image: Image.Image, instances: NDArray[np.int32] | None) -> Tensor:
        if not self.label_maps:
            return pixels_of(self.shown(image))
        width, height = size = image.size
        if not self.takes_borders:
            instances = None
        elif instances is None or instances.shape != size[::-1]:
            found = "none" if instances is None else f"one of {instances.shape[1]} x {instances.shape[0]}"
            raise ValueError(f"its map of instances is {found}; expected one of {width} x {height} pixels")
        channels = self.network.channels_in
        return crop_label_map(np.asarray(image), channels, size[::-1], (0, 0, width, height), instances)

    def translate_all(self, jobs: list[Job]) -> list[Job]:
        """Translate all files; name those that fail on stderr, and continue with the others.

        Returns:
            The files that were translated.

        Raises:
            RunEnded: if a result cannot be written.
        """
        done = []
        unit = "image" if all(job.kind is Kind.IMAGE for job in jobs) else "frame"
        with (
            tqdm(total=len(jobs), disable=self.hide_bars, unit=unit) as bar,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the reader's limit is an error
            for place, job in enumerate(jobs):
                before, others = bar.n, len(jobs) - place - 1

                def count(frames: int, total: int, before: int = before, others: int = others) -> None:
                    bar.total = before + max(frames, total) + others
                    bar.update(before + frames - bar.n)

                if failure := self._failure(job, count):
                    bar.write(f"lightning-gans: {job.source} {failure}", file=sys.stderr)
                else:
                    done.append(job)
        return done

    def _failure(self, job: Job, count: Progress) -> str:
        """Translate a file; why it could not be translated, or nothing."""
        if self.label_maps and job.kind is not Kind.IMAGE:
            return "cannot be translated (a video or an animation; expected images, which are label maps)"
        kinds: dict[Kind, Callable[[Job, Progress], None]] = {
            Kind.IMAGE: self._image,
            Kind.ANIMATION: self._animation,
            Kind.VIDEO: self._video,
        }
        try:
            kinds[job.kind](job, count)
        except UnreadableError as error:
            return f"cannot be read ({error})"
        except ValueError as error:
            return f"cannot be translated ({error})"
        except (RuntimeError, MemoryError) as error:
            return f"cannot be translated ({failure_reason(error)}); if memory is short, give a smaller --tile"
        return ""

    def _image(self, job: Job, count: Progress) -> None:
        images = [_read_labels(job.source) if self.label_maps else _read_image(job.source)]
        images += [_read_image(path) for path in (job.truth,) if path is not None]
        if self.joined:
            halves = _halves(*images[0])
            images = halves if self.direction == "a_to_b" else halves[::-1]
        image, alpha = images[0]
        instances = None if job.instances is None else _read_instances(job.instances)
        with tqdm(desc=job.source.name, leave=False, disable=self.hide_bars, unit="step", position=1) as steps:

            def show(done: int, total: int) -> None:
                steps.total = total
                steps.update(done - steps.n)

            written = {job.target: self.translate(image, alpha, show, instances, job.answer)}
        if job.given_copy is not None:
            written[job.given_copy] = _with_alpha(self.shown(image), alpha)
        if job.truth_copy is not None:
            written[job.truth_copy] = _with_alpha(*images[1])
        for path, content in written.items():
            with atomic_file(path) as file:
                content.save(file)
        count(1, 1)

    def _animation(self, job: Job, count: Progress) -> None:
        with (
            GifReader(job.source, Image.MAX_IMAGE_PIXELS) as reader,
            atomic_file(job.target) as file,
            GifWriter(file, reader.size, reader.loops) as writer,
        ):
            for number, frame in enumerate(reader.frames(), start=1):
                alpha = frame.image.getchannel("A") if frame.image.mode == "RGBA" else None
                translated = self.translate(flatten(frame.image), alpha, answer=job.answer)
                writer.write(translated, frame.hundredths)
                count(number, reader.count)
        job.copy_files()

    def _video(self, job: Job, count: Progress) -> None:
        frames = 0
        with (
            VideoReader(job.source, Image.MAX_IMAGE_PIXELS) as reader,
            atomic_file(job.target) as file,
            VideoWriter(file, reader) as writer,
        ):
            for part in reader.parts():
                if not isinstance(part, VideoFrame):
                    writer.copy(part)
                    continue
                translated = self.translate(Image.fromarray(part.pixels), answer=job.answer).convert("RGB")
                writer.write(part, np.asarray(translated))
                frames += 1
                count(frames, reader.count or frames)
        job.copy_files()


ImageAndAlpha = tuple[Image.Image, Image.Image | None]


def _read_image(path: Path) -> ImageAndAlpha:
    try:
        return open_with_alpha(path, Image.MAX_IMAGE_PIXELS)
    except Exception as error:  # Pillow's decoders raise exceptions of many types on damaged files
        raise UnreadableError(failure_reason(error)) from error


def _read_labels(path: Path) -> ImageAndAlpha:
    """The classes of a label map as gray levels."""
    try:
        return Image.fromarray(read_label_map(read_file(path), Image.MAX_IMAGE_PIXELS)), None
    except Exception as error:  # as in _read_image
        raise UnreadableError(failure_reason(error)) from error


def _read_instances(path: Path) -> NDArray[np.int32]:
    """The instance of each pixel (height, width)."""
    try:
        return read_instance_map(read_file(path), Image.MAX_IMAGE_PIXELS)
    except Exception as error:  # as in _read_image
        raise UnreadableError(f"its map of instances {path}: {failure_reason(error)}") from error


def _with_alpha(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """An image with an alpha channel, if it has one."""
    if alpha is not None:
        image = image.copy()
        image.putalpha(alpha)
    return image


def _halves(image: Image.Image, alpha: Image.Image | None) -> list[ImageAndAlpha]:
    """The left and the right half of an image.

    Raises:
        ValueError: if its width is odd.
    """
    width, height = image.size
    if width % 2:
        raise ValueError(f"{width} pixels wide; expected an even width, with a pair side by side")
    boxes = [(0, 0, width // 2, height), (width // 2, 0, width, height)]
    return [(image.crop(box), alpha.crop(box) if alpha else None) for box in boxes]
