"""lightning-gans: GAN variants as in their papers on PyTorch Lightning, and scores with their measurement protocol.

What a script or a notebook needs is here: the variants, the data modules, :func:`load`, :func:`train` and
:func:`default_callbacks`. Each is imported when it is first used, so that commands start quickly. The main packages:

* :mod:`lightning_gans.variants`: one class per paper;
* :mod:`lightning_gans.families`: the training steps;
* :mod:`lightning_gans.networks`, :mod:`lightning_gans.metrics`, :mod:`lightning_gans.callbacks`;
* :mod:`lightning_gans.inference`: pretrained models, as returned by :func:`load`;
* :mod:`lightning_gans.datamodules`: data sets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lightning_gans.core import __version__

if TYPE_CHECKING:
    from lightning_gans.callbacks import default_callbacks
    from lightning_gans.datamodules import *  # noqa: F403 (as below: what the module lists)
    from lightning_gans.inference import load
    from lightning_gans.training import train
    from lightning_gans.variants import *  # noqa: F403

__all__ = ["__version__", "default_callbacks", "load", "train"]

if TYPE_CHECKING:
    from lightning_gans import datamodules, variants

    # For type checkers, to which other names of a wildcard import are private. mypy meets them in a cycle of imports.
    __all__ += datamodules.__all__  # type: ignore[has-type]
    __all__ += variants.__all__  # type: ignore[has-type]

FUNCTIONS = {"default_callbacks": "callbacks", "load": "inference", "train": "training"}
"""Modules of the functions that are used from here."""

CLASSES = ("variants", "datamodules")
"""Modules of the classes that are used from here: all that they list."""


def __getattr__(name: str) -> Any:
    """Import a function or class when it is first used."""
    modules = (FUNCTIONS[name],) if name in FUNCTIONS else CLASSES if name[0].isupper() else ()
    for module in (import_module(f"{__name__}.{each}") for each in modules):
        if name in module.__all__:
            globals()[name] = getattr(module, name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """All that can be used from here, for completion in a notebook."""
    classes = (import_module(f"{__name__}.{each}").__all__ for each in CLASSES)
    return sorted({*globals(), *__all__, *(name for names in classes for name in names)})
