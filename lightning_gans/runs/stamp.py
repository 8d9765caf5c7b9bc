"""The protocol stamp: how a score was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

TYPES = {"str": str, "int": int}


@dataclass(frozen=True)
class Stamp:
    """Everything that can change a score while the model stays the same.

    Scores can be compared only if their stamps are equal, except for the seed.

    Attributes:
        extractor: name, weights' hash and resize of the feature extractor; "none" if there is none.
        real: number of real images.
        fake: number of generated images.
        split: which real images.
        weights: "ema" for the moving average of the generator's weights, "raw" for the optimizer's.
        batch_norm: "running" for the statistics of training, as in ``eval()``; "per-image" for each image's own.
        dropout: whether generators use dropout, "on" or "off".
        pixels: how generated images were quantized before the extractor.
        neighbours: k of precision, recall, density and coverage; 0 if these were not measured.
        seed: of the generated images' noise.
        added: fields that this version does not know, from files of a later one.
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
    added: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """A stamp from plain data; the inverse of :meth:`as_dict`.

        Raises:
            ValueError: if a field is missing or of another type.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"stamp is {values!r}; expected names and values")
        known = {each.name: TYPES[str(each.type)] for each in fields(cls) if each.name != "added"}
        for name, kind in known.items():
            if not isinstance(values.get(name), kind):
                raise ValueError(f"stamp.{name} is {values.get(name)!r}; expected {kind.__name__}")
        added = {str(name): value for name, value in values.items() if name not in known}
        return cls(**{name: values[name] for name in known}, added=added)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for files and checkpoints."""
        values = asdict(self)
        added: dict[str, Any] = values.pop("added")
        return values | added

    @property
    def protocol(self) -> dict[str, Any]:
        """All fields except the seed: scores can be compared if these are equal."""
        return {name: value for name, value in self.as_dict().items() if name != "seed"}

    @property
    def key(self) -> str:
        """A text that is equal for equal protocols."""
        return json.dumps(self.protocol, sort_keys=True)

    @property
    def images(self) -> int:
        """The number of real or of generated images, whichever is smaller."""
        return min(self.real, self.fake)

    def __str__(self) -> str:
        return self.describe([self.seed])

    def describe(self, seeds: Sequence[int]) -> str:
        """The stamp in one line, with these seeds in place of its own."""
        parts = (
            self.extractor,
            f"{self.real} real, {self.fake} generated",
            f"split {self.split}",
            f"{self.weights} weights",
            f"batch norm {self.batch_norm}",
            f"dropout {self.dropout}",
            self.pixels,
            f"{self.neighbours} neighbours",
            f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}",
            *(f"{name} {'null' if value is None else value}" for name, value in self.added.items()),
        )
        return " | ".join(parts)
