"""Packages that single commands need, and the extras of this package that install them."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from lightning_gans.core.errors import InputError

EXTRAS = {
    "demo": ("gradio",),
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "sweeps": ("optuna",),
    "tensorboard": ("tensorboard",),
    "video": ("av",),
}
"""Extras of the package, and the modules for which each is asked. Training needs none of them."""


def is_installed(module: str) -> bool:
    """Whether a top-level module can be imported; it is not imported."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ImportError:  # of an import hook
        return False


def missing_modules(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra] if not is_installed(module)]


def install_command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'lightning-gans[{extra}]'"


def require_extra(extra: str, purpose: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        extra: a name in :data:`EXTRAS`.
        purpose: what needs them, at the start of the message, such as "--format onnx".

    Raises:
        InputError: if one of them is missing; the message has the command that installs it.
    """
    if missing := missing_modules(extra):
        *first, last = missing
        names = f"{', '.join(first)} and {last}" if first else last
        raise InputError(
            f"{purpose} needs {names}, which {'are' if first else 'is'} not installed; expected "
            f"`{install_command(extra)}`"
        )
