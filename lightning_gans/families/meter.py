"""How long, and on how many images, a run has trained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

SECONDS, IMAGES = "train_seconds", "images_seen"
"""Keys of a checkpoint."""


class TrainingMeter:
    """Measures the training time and counts the training images of a run that may be resumed.

    The time is that of all parts of the run, without the time between them. It replaces Lightning's ``Timer``, a
    callback, whose state Lightning restores in ``fit`` only: ``test`` reports the training time of the checkpoint that
    it evaluates.

    Attributes:
        before: seconds that earlier parts of the run have trained.
        images: training images of all processes, each as often as it was used; of a pair, one. None if it is not known,
            as in a run that continues one of an earlier version.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self.images: int | None = 0
        self._start: float | None = None

    def start(self) -> None:
        """Start measuring this part of the run."""
        self._start = time.perf_counter()

    def stop(self) -> None:
        """Stop measuring; :attr:`seconds` stays as it is."""
        self.before, self._start = self.seconds, None

    def discard(self) -> None:
        """Discard the part that is being measured, if any: it was ended by an exception, at a time that is not known.

        What it trained is counted only if its checkpoint is resumed.
        """
        self._start = None

    def count(self, images: int) -> None:
        """Add the images of a step."""
        if self.images is not None:
            self.images += images

    @property
    def seconds(self) -> float:
        """Seconds that the run has trained until now, over all parts, validations included."""
        return self.before + (0.0 if self._start is None else time.perf_counter() - self._start)

    def state(self) -> dict[str, Any]:
        """The time and, if it is known, the number of images, for a checkpoint."""
        return {SECONDS: self.seconds, **({} if self.images is None else {IMAGES: self.images})}

    def resume(self, checkpoint: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; without effect while measuring, as after a rollback."""
        if self._start is None:
            self.before, self.images = checkpoint.get(SECONDS, 0.0), checkpoint.get(IMAGES)
