"""lightning-gans: GAN variants as in their papers on PyTorch Lightning, and scores with their measurement protocol.

This module imports nothing until :func:`load` is called, so that commands start quickly. The main packages:

* :mod:`lightning_gans.variants`: one class per paper;
* :mod:`lightning_gans.families`: the training steps;
* :mod:`lightning_gans.networks`, :mod:`lightning_gans.metrics`, :mod:`lightning_gans.callbacks`;
* :mod:`lightning_gans.inference`: pretrained models, as returned by :func:`load`;
* :mod:`lightning_gans.datamodules`: data sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_gans.core import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import torch

    from lightning_gans.inference import PretrainedModel

__all__ = ["__version__", "load"]


def load(
    path: str | Path,
    *,
    raw: bool = False,
    device: str | torch.device = "cpu",
    trust: Iterable[str | type] = (),
) -> PretrainedModel:
    """Load a pretrained model; see :func:`lightning_gans.inference.load`."""
    # Imported here for start-up time.
    from lightning_gans.inference import load

    return load(path, raw=raw, device=device, trust=trust)
