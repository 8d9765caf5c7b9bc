"""Pictures of what the generator makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_info
from PIL import Image
from torch import Tensor

from lightning_gans.core.data import ImageData, data_module
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.evaluation_output import EvaluationImages
from lightning_gans.core.image_grids import grid, to_pil
from lightning_gans.core.pixels import to_uint8
from lightning_gans.families.adversarial import Adversarial
from lightning_gans.runs.folder import RunFolder, writes_files


def cells(sampled: EvaluationImages, count: int) -> list[Tensor]:
    """What a grid shows of each of the first examples, side by side: uint8 images (N, C, H, W), C = 1 or 3.

    Generated images alone if they are from noise; else the source, its translation and, where there are any, the
    translation back and the truth.
    """
    parts = [sampled.source, sampled.fake, sampled.cycled, sampled.truth]
    drawn = [to_uint8(part[:count]).cpu() for part in parts if part is not None]
    channels = max(part.shape[1] for part in drawn)
    return [part.expand(-1, channels, -1, -1) for part in drawn]


def refuse_undrawable(trainer: Trainer, instead: str) -> None:
    """Refuse data whose images are no pictures, such as points in the plane, before anything is made.

    Raises:
        InputError: if the data's images have neither one channel nor three.
    """
    data = data_module(trainer)
    if isinstance(data, ImageData) and data.channels not in (1, 3):
        raise InputError(f"the data has {data.channels} channels, which cannot be drawn; expected 1 or 3, or {instead}")


class SampleGrid(Callback):
    """A grid of generated images at every validation and test, and an animation of validation's at the end.

    The images are the first that the evaluation generates, whose noise and labels or sources are the same every time,
    so that grids can be compared. A translation stands beside its source, with the way back and the truth where there
    are any: source, translation, back, truth. Files: ``samples/epoch-003-step-0002577.png`` for each domain, and
    ``test-epoch-…`` of a test; ``samples/timeline.gif``. TensorBoard and W&B receive the grids too.

    Args:
        count: number of generated images; 0 draws no grids.
        columns: images in a row.
        frame_ms: how long the animation shows each grid, in milliseconds.

    Raises:
        InputError: if a number is out of range.
    """

    def __init__(self, count: int = 64, columns: int = 8, frame_ms: int = 400) -> None:
        for key, value, least in (("count", count, 0), ("columns", columns, 1), ("frame_ms", frame_ms, 20)):
            at_least(f"samples.{key}", value, least)
        self.count = count
        self.columns = columns
        self.frame_ms = frame_ms
        self._kept: dict[str, list[list[Tensor]]] = {}
        self.newest: list[Path] = []
        """The grids drawn last, one for each domain."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse data that cannot be drawn."""
        if self.count and stage in ("fit", "validate", "test"):
            refuse_undrawable(trainer, "samples.count 0")

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a grid."""
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
        """Keep the first images of rank 0."""
        if not trainer.is_global_zero:
            return
        for domain, sampled in outputs.items():
            kept = self._kept.setdefault(domain, [])
            missing = self.count - sum(len(parts[0]) for parts in kept)
            if missing > 0 and len(sampled.fake):
                kept.append(cells(sampled, missing))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the grids."""
        if not trainer.is_global_zero or not writes_files(trainer):
            return
        assert isinstance(pl_module, Adversarial)
        epoch, step = pl_module.progress
        folder = RunFolder.of(trainer)
        self.newest = []
        for domain, kept in self._kept.items():
            if not kept:
                continue
            named = "" if len(self._kept) == 1 else domain
            path = folder.grid("test" if trainer.testing else "val", epoch, step, named)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Example after example, each with all of its parts, and no example broken across rows.
            images = torch.cat([torch.stack(parts, dim=1).flatten(0, 1) for parts in kept])
            parts = len(kept[0])
            drawn = grid(images, parts * max(1, self.columns // parts))
            drawn.save(path)
            self.newest.append(path)
            key = "-".join(filter(None, ["test" if trainer.testing else "", "samples", named]))
            for logger in trainer.loggers:
                log_picture(logger, key, drawn, step)

    on_test_epoch_start = on_validation_epoch_start
    on_test_batch_end = on_validation_batch_end
    on_test_epoch_end = on_validation_epoch_end

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the animation, from all grids of the run, resumed parts included."""
        if trainer.is_global_zero and writes_files(trainer):
            write_timelines(RunFolder.of(trainer), self.frame_ms)


def write_timelines(folder: RunFolder, frame_ms: int) -> None:
    """Write an animated GIF of a run's validation grids for each domain."""
    series: dict[str, list[Path]] = {}
    for grid_file in folder.grids("val"):
        series.setdefault(grid_file.domain, []).append(grid_file.path)
    for domain, paths in series.items():
        frames = [Image.open(path).convert("P") for path in paths]
        # The last grid stays for a while before the animation starts again.
        durations = [frame_ms] * (len(frames) - 1) + [5 * frame_ms]
        target = folder.timeline(domain)
        frames[0].save(target, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def log_picture(logger: Logger, key: str, picture: Image.Image, step: int) -> None:
    """Send a picture to a logger that takes pictures."""
    if isinstance(logger, TensorBoardLogger):
        from torchvision.transforms.v2.functional import pil_to_tensor

        logger.experiment.add_image(key, pil_to_tensor(picture), step)
    elif isinstance(logger, WandbLogger):
        logger.log_image(key, [picture])


class PredictionWriter(Callback):
    """Writes what ``predict`` generates, one PNG for each image, to ``predictions`` in the run's folder.

    Translations go to a folder for each domain.

    Args:
        folder: where to write instead; must not hold pictures yet.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse data that cannot be drawn, and to mix with the pictures of another call."""
        refuse_undrawable(trainer, "no predict")
        target = RunFolder.of(trainer).predictions if self.folder is None else Path(self.folder)
        self._target: Path = trainer.strategy.broadcast(target)
        if any(self._target.rglob("*.png")):
            raise InputError(f"predictions.folder is {target}, which already holds pictures; expected an empty folder")
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
        """Write one batch; file names count over all processes."""
        if not writes_files(trainer):
            return
        data = data_module(trainer)
        for folder, images in outputs.items() if isinstance(outputs, dict) else [("", outputs)]:
            batch_size = len(images) if data is None else data.eval_batch_size
            first = (batch_idx * trainer.world_size + trainer.global_rank) * batch_size
            (self._target / folder).mkdir(parents=True, exist_ok=True)
            for index, image in enumerate(to_uint8(images).cpu(), start=first):
                to_pil(image).save(self._target / folder / f"{index:06d}.png")

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where the pictures are."""
        rank_zero_info(f"pictures: {self._target}")
