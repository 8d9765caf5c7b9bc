"""The protocol stamp: how a score was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Stamp:
    """All that can change a score without the model changing. Scores compare only under equal stamps.

    Attributes:
        extractor: name, weights' hash and resize of the feature extractor; "none" where there is none.
        real: number of real images.
        fake: number of generated images.
        split: which real images.
        weights: "ema" or "raw" generator.
        batch_norm: "running": statistics of training, as in ``eval()``; "per-image": each image's own.
        dropout: whether generators drop activations, "on" or "off".
        pixels: how generated images were quantised before the extractor saw them.
        neighbours: k of precision, recall, density and coverage; 0 where these were not measured.
        seed: of the generated images' noise.
    """

    extractor: str
    real: int
    fake: int
    split: str
    weights: str
    batch_norm: str
    dropout: str
    pixels: str
    neighbours: int
    seed: int

    def __str__(self) -> str:
        parts = (
            self.extractor,
            f"{self.real} real, {self.fake} generated",
            f"split {self.split}",
            f"{self.weights} weights",
            f"batch norm {self.batch_norm}",
            f"dropout {self.dropout}",
            self.pixels,
            f"{self.neighbours} neighbours",
            f"seed {self.seed}",
        )
        return " | ".join(parts)

    def as_dict(self) -> dict[str, str | int]:
        """Plain data, for files and checkpoints."""
        return asdict(self)
