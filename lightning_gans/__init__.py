"""lightning-gans: every GAN variant from its paper, on PyTorch Lightning, with scores that say how they were measured.

This module imports nothing before :func:`load` is called, so that light commands start at once. The rooms:

* :mod:`lightning_gans.variants`: one finished class per paper;
* :mod:`lightning_gans.families`: how discriminator and generator alternate;
* :mod:`lightning_gans.networks`, :mod:`lightning_gans.metrics`, :mod:`lightning_gans.callbacks`;
* :mod:`lightning_gans.inference`: models ready for use, as :func:`load` gives them;
* :mod:`datamodules`: the data, in a package of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_gans.core.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from lightning_gans.inference import PretrainedModel

__all__ = ["__version__", "load"]


def load(path: str | Path, *, raw: bool = False, device: str | torch.device = "cpu") -> PretrainedModel:
    """A trained model, ready for use; see :func:`lightning_gans.inference.load`."""
    from lightning_gans.inference import load

    return load(path, raw=raw, device=device)
