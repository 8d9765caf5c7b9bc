"""What Lightning's loggers of services get beside the values of a run: images, and which values are the best."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from PIL import Image

from lightning_gans.runs.scores import better

WANDB_STEP = "trainer/global_step"
"""The key under which Lightning logs the step to W&B."""


def log_image(logger: Logger, key: str, image: Image.Image, step: int, caption: str) -> None:
    """Send an image to a logger, if it is one that takes images: TensorBoard's, which shows no captions, or W&B's.

    Args:
        logger: the logger.
        key: name of the image.
        image: the image.
        step: number of training steps that are done. Logged is the index of the last one, as with the values.
        caption: a line below the image.
    """
    if isinstance(logger, TensorBoardLogger):
        from torchvision.transforms.v2.functional import pil_to_tensor

        logger.experiment.add_image(key, pil_to_tensor(image), max(0, step - 1))
    elif isinstance(logger, WandbLogger):
        logger.log_image(key, [image], max(0, step - 1), caption=[caption])


def image_caption(step: int, epoch: int, weights: str) -> str:
    """The caption of images that a model has made.

    Args:
        step: number of training steps that are done.
        epoch: number of epochs begun.
        weights: kind of the weights, "ema" or "raw".
    """
    return f"step {step:,}, epoch {epoch}, {weights} weights"


def show_best(logger: Logger, scores: Iterable[str]) -> None:
    """Let W&B's table of runs show the best value of each score beside the last one.

    Args:
        logger: any logger; nothing is done for others than W&B's.
        scores: names of scores, such as ``val/fid``.
    """
    if isinstance(logger, WandbLogger):
        for score in scores:
            if (mode := better(score)) is not None:
                logger.experiment.define_metric(score, step_metric=WANDB_STEP, step_sync=True, summary=f"{mode},last")


def log_folder(logger: Logger, kind: str, folder: Path) -> None:
    """Send a folder to W&B as an artifact, of which each run has its own.

    Args:
        logger: any logger; nothing is done for others than W&B's.
        kind: type of the artifact; its name is this and the run's id.
        folder: the folder.
    """
    if isinstance(logger, WandbLogger):
        import wandb

        artifact = wandb.Artifact(f"{kind}-{logger.experiment.id}", type=kind)
        artifact.add_dir(str(folder))
        logger.experiment.log_artifact(artifact)
