"""What all formats have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from lightning_gans.export.target import Inputs, Subject

Run = Callable[[Inputs], Tensor]
"""Images (N, C, H, W) on the CPU from a network's inputs."""


class Format(ABC):
    """A kind of file, which can be written and run.

    Attributes:
        suffix: how its name ends.
    """

    suffix: str

    @abstractmethod
    def write(self, subject: Subject, path: Path) -> str:
        """Write the file.

        Returns:
            What it is, in a few words, to be printed.

        Raises:
            InputError: if this generator has no such form.
            OSError: if it cannot be written.
        """

    @abstractmethod
    def runner(self, subject: Subject, path: Path) -> Run:
        """What a user of the file would run: it is read back from the disk."""
