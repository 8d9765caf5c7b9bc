"""Images that the generator makes: grids during training and the files of ``predict``."""

from __future__ import annotations

import math
import re
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from PIL import Image

from lightning_gans.callbacks.examples import SOURCE, Parts, write_examples
from lightning_gans.callbacks.outputs import check_drawable, evaluation_loader, validation_outputs
from lightning_gans.callbacks.run_folder import warn_if_not_written
from lightning_gans.core.batches import EvaluationImages
from lightning_gans.core.data import data_module
from lightning_gans.core.drawing import fit_columns, grid, is_picture, mixed_colors, write_gif, write_image
from lightning_gans.core.errors import InputError, RunEnded, at_least
from lightning_gans.core.files import atomic_file, expand_path
from lightning_gans.core.images import on_white, to_uint8
from lightning_gans.families.adversarial import Adversarial, as_adversarial
from lightning_gans.runs.folder import REAL, RunFolder, writes_files
from lightning_gans.runs.loggers import image_caption, log_folder, log_image


def grid_images(sampled: EvaluationImages, count: int) -> Parts:
    """The images that a grid shows side by side for each of the first ``count`` examples.

    Only the generated image if it is generated from noise; for a translation the source, the translation and, if there
    are any, the translation back and the ground truth. If their channels differ, all are drawn in gray or RGB.
    """
    parts = {SOURCE: sampled.source, "translation": sampled.fake, "back": sampled.cycled, "truth": sampled.truth}
    drawn = {title: to_uint8(part[:count]).cpu() for title, part in parts.items() if part is not None}
    if len({part.shape[1] for part in drawn.values()}) == 1:
        return drawn
    drawn = {title: mixed_colors(on_white(part)) for title, part in drawn.items()}
    channels = max(part.shape[1] for part in drawn.values())
    return {title: part.expand(-1, channels, -1, -1) for title, part in drawn.items()}


def draw_examples(kept: list[Parts], columns: int | None, scale: int | None) -> Image.Image:
    """Draw examples in a grid, one after the other, each with all of its images in one row.

    Args:
        kept: batches of examples, all with the same titles; the titles are drawn if there are several.
        columns: largest number of images in a row; None for :func:`.fit_columns`.
        scale: see :func:`.grid`.
    """
    titles = list(kept[0])
    images = torch.cat([torch.stack(list(parts.values()), dim=1).flatten(0, 1) for parts in kept])
    width = fit_columns(len(images), columns, len(titles))
    if len(titles) == 1:
        return grid(images, width, scale)
    examples = width // len(titles)
    return grid(images, width, scale, titles * examples, [len(titles)] * examples)


NUMBERED = re.compile(r"\d{6,}\.(png|npy)")
"""Names of the files of `predict`."""


class SampleGrid(Callback):
    """Draws a grid of generated images at every validation and test, and an animation of all validations' grids.

    The images are the first ones that the evaluation generates. Their noise and labels, or their sources, are the same
    every time, so that grids can be compared. For a translation, each row shows source, translation and, if there are
    any, the translation back and the ground truth, below their titles. A new run draws the first grid before its first
    step, and one of real images beside it; one that is ended by Ctrl-C draws a last one. Neither changes the random
    numbers of training.

    Files: ``samples/epoch-003-step-0002577.png``, one for each domain; ``samples/real.png``; for translations up to six
    real images ``samples/example-a-1.png``; ``samples/test-epoch-…`` from tests; ``samples/timeline.gif``. The grids
    are also sent to TensorBoard and W&B.

    Args:
        count: number of generated images; 0 draws no grids.
        columns: largest number of images in a row; None for the number of 4 to 8 with which the fewest places
            are empty.
        scale: each pixel is drawn as a square of ``scale`` pixels; None for the smallest number with which a grid is at
            least 512 pixels wide.
        frame_ms: duration of each grid in the animation, in milliseconds, at least 20.
        artifact: whether W&B also gets the folder ``samples`` as an artifact at the end of training. (The best
            checkpoint becomes one with ``trainer.logger.log_model``.)

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        count: int = 64,
        columns: int | None = None,
        scale: int | None = None,
        frame_ms: int = 400,
        artifact: bool = False,
    ) -> None:
        at_least("count", count, 0)
        for name, value in (("columns", columns), ("scale", scale)):
            if value is not None:
                at_least(name, value, 1)
        at_least("frame_ms", frame_ms, 20)
        self.count = count
        self.columns = columns
        self.scale = scale
        self.frame_ms = frame_ms
        self.artifact = artifact
        self._kept: dict[str, list[Parts]] = {}
        self._real: dict[str, list[Parts]] = {}
        self.newest: list[Path] = []
        """Files of the newest grids, one for each domain."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check that the images can be drawn.

        Raises:
            ValueError: if they are points in the plane.
        """
        if self.count and stage in ("fit", "validate", "test"):
            check_drawable(trainer, "count", self.count)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start new grids."""
        as_adversarial(pl_module, self)
        self._kept = {}

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first images, of rank 0."""
        if not trainer.is_global_zero:
            return
        for domain, sampled in outputs.items():
            missing = self._missing(kept := self._kept.setdefault(domain, []))
            if missing > 0 and len(sampled.fake):
                kept.append(grid_images(sampled, missing))

    def _missing(self, kept: list[Parts]) -> int:
        return self.count - sum(len(next(iter(parts.values()))) for parts in kept)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the grids."""
        if trainer.is_global_zero and writes_files(trainer):
            model = as_adversarial(pl_module, self)
            self._write(trainer, model, *model.progress)

    def _write(self, trainer: Trainer, pl_module: Adversarial, epoch: int, step: int) -> None:
        folder = RunFolder.of(trainer)
        self.newest = []
        for domain, kept in self._kept.items():
            named = "" if len(self._kept) == 1 else domain
            if kept:
                path = folder.grid("test" if trainer.testing else "val", epoch, step, named)
                key = "-".join(filter(None, ["test" if trainer.testing else "", "samples", named]))
                self._draw(trainer, kept, path, key, step, image_caption(step, epoch, pl_module.weights_kind))
                self.newest.append(path)
            if real := self._real.get(domain):
                path, key = folder.real_grid(named), "-".join(filter(None, [REAL, named]))
                self._draw(trainer, real, path, key, step, "real images")

    def _draw(self, trainer: Trainer, kept: list[Parts], path: Path, key: str, step: int, caption: str) -> None:
        drawn = draw_examples(kept, self.columns, self.scale)
        with atomic_file(path) as temporary:
            drawn.save(temporary)
        for logger in trainer.loggers:
            log_image(logger, key, drawn, step, caption)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the first grids of a new run: of the networks without training, and of real images."""
        as_adversarial(pl_module, self)
        if trainer.global_step == 0:
            self._draw_without_validation(trainer, pl_module, epoch=0, real=True)
            self._real = {}

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """After Ctrl-C, draw the grids of the last step, unless a validation has just done so."""
        if not isinstance(exception, RunEnded) or exception.status != CTRL_C or not isinstance(pl_module, Adversarial):
            return
        epoch, step = pl_module.progress
        if step not in {grid_file.step for grid_file in RunFolder.of(trainer).grids("val")}:
            self._draw_without_validation(trainer, pl_module, epoch, real=False, seconds=3)
            for path in self.newest:
                rank_zero_info(f"grid: {path}")
        self.on_fit_end(trainer, pl_module)

    def _draw_without_validation(
        self, trainer: Trainer, pl_module: LightningModule, epoch: int, real: bool, seconds: float = math.inf
    ) -> None:
        """Draw the grids of a validation, from as many batches as they need or a time allows; on rank 0 alone."""
        loader = evaluation_loader(trainer)
        if not self.count or loader is None or not trainer.is_global_zero or not writes_files(trainer):
            return
        self._kept, self._real = {}, {}
        end = time.monotonic() + seconds
        with closing(validation_outputs(trainer, pl_module, loader)) as batches:
            for outputs in batches:
                self.on_validation_batch_end(trainer, pl_module, outputs, None, 0)
                for domain, sampled in outputs.items() if real else ():
                    missing = self._missing(kept := self._real.setdefault(domain, []))
                    if missing > 0 and len(sampled.real):
                        kept.append({REAL: to_uint8(sampled.real[:missing]).cpu()})
                several = [*self._kept.values(), *self._real.values()]
                if time.monotonic() > end or all(self._missing(kept) <= 0 for kept in several):
                    break
        self._write(trainer, as_adversarial(pl_module, self), epoch, trainer.global_step)
        if real:
            write_examples(RunFolder.of(trainer), self._kept)

    on_test_epoch_start = on_validation_epoch_start
    on_test_batch_end = on_validation_batch_end
    on_test_epoch_end = on_validation_epoch_end

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the animation of all grids of the run, including those before it was resumed."""
        if trainer.is_global_zero and writes_files(trainer):
            folder = RunFolder.of(trainer)
            write_timelines(folder, self.frame_ms)
            if self.artifact and folder.samples.is_dir():
                for logger in trainer.loggers:
                    log_folder(logger, "samples", folder.samples)


CTRL_C = 128 + signal.SIGINT
"""Exit status of a run that Ctrl-C has ended."""


def write_timelines(folder: RunFolder, frame_ms: int) -> None:
    """Write an animated GIF of a run's validation grids for each domain."""
    series: dict[str, list[Path]] = {}
    for grid_file in folder.grids("val"):
        series.setdefault(grid_file.domain, []).append(grid_file.path)
    for domain, paths in series.items():
        frames = [frame for frame in map(read_frame, paths) if frame is not None]
        if not frames:
            continue
        # The last grid is shown longer before the animation starts again.
        durations = [frame_ms] * (len(frames) - 1) + [5 * frame_ms]
        target = folder.timeline(domain)
        # A run that was resumed with other settings of its grids has frames of several sizes.
        same = [frame if frame.size == frames[-1].size else frame.resize(frames[-1].size) for frame in frames]
        with warn_if_not_written(target), atomic_file(target) as temporary:
            write_gif(same, temporary, durations)


def read_frame(path: Path) -> Image.Image | None:
    """A grid as a frame of an animation; None if the file is damaged."""
    try:
        with Image.open(path, formats=["PNG"]) as grid_file:
            return grid_file.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None


class PredictionWriter(Callback):
    """Writes the images that ``predict`` generates to ``predictions`` in the run's folder, one PNG file per image.

    Images of more than 4 channels are written to ``.npy`` files of (height, width, channels) uint8. Translations are
    written to one folder per domain. Lightning's ``BasePredictionWriter`` adds the examples' indices, but only with its
    own batch samplers; with these data modules it warns in every ``predict``.

    Args:
        folder: folder to write to instead. It must not contain PNG or ``.npy`` files.
        overwrite: replace the images of an earlier call; such files of other names must not be there all the same.
    """

    def __init__(self, folder: Path | None = None, overwrite: bool = False) -> None:
        self.folder = None if folder is None else expand_path(folder, "folder")
        self.overwrite = overwrite

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the images can be drawn, and that the folder does not contain those of an earlier call.

        Raises:
            InputError: if one of these is not the case.
        """
        if (data := data_module(trainer)) is not None and not is_picture(data.size):
            raise InputError("predict writes images, but the data's images are points in the plane")
        target = RunFolder.of(trainer).predictions if self.folder is None else self.folder
        self._target: Path = trainer.strategy.broadcast(target)
        there = [path for path in self._target.rglob("*") if path.suffix in (".png", ".npy")]
        trainer.strategy.barrier()  # all have looked
        foreign = [path for path in there if not NUMBERED.fullmatch(path.name)]
        if foreign or (there and not self.overwrite):
            found = f", such as {foreign[0].relative_to(self._target)}" if foreign else ""
            remedy = "" if foreign else ", or predictions.overwrite true to replace them"
            raise InputError(f"{target} already contains images{found}; expected an empty folder{remedy}")
        if trainer.is_global_zero and writes_files(trainer):
            for path in there:
                path.unlink()
        trainer.strategy.barrier()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the images of a batch; file names are numbered over all processes."""
        if not writes_files(trainer):
            return
        data = data_module(trainer)
        for folder, images in outputs.items() if isinstance(outputs, dict) else [("", outputs)]:
            batch_size = len(images) if data is None else data.eval_batch_size
            first = (batch_idx * trainer.world_size + trainer.global_rank) * batch_size
            (self._target / folder).mkdir(parents=True, exist_ok=True)
            for index, image in enumerate(to_uint8(images).cpu(), start=first):
                write_image(image, self._target / folder / f"{index:06d}")

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait until all processes have written their images, and report the folder."""
        trainer.strategy.barrier("predictions")
        rank_zero_info(f"pictures: {self._target}")
