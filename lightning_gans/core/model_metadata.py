"""What is known about a trained model beside its weights."""

from __future__ import annotations

from typing import Any, TypedDict

from lightning_gans.core.data import Palette


class ModelMetadata(TypedDict, total=False):
    """Facts about a trained model, as plain data; a fact that is not known is left out.

    Attributes:
        variant: class path of the GAN, such as ``lightning_gans.variants.DCGAN``.
        weights: "ema" for the moving average of the generator's weights, "raw" for the optimizer's.
        step: number of training steps.
        epoch: number of epochs begun.
        seed: the run's seed.
        data: class path of the data module.
        palettes: by domain, the classes of images that are label maps; see :data:`lightning_gans.core.data.Palette`.
        versions: version of each package that the checkpoint was saved with.
        scores: rows of scores, each with its stamp; see :class:`lightning_gans.runs.scores.ScoreRow`.
    """

    variant: str
    weights: str
    step: int
    epoch: int
    seed: int
    data: str
    palettes: dict[str, Palette]
    versions: dict[str, str]
    scores: list[dict[str, Any]]
