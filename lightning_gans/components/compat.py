"""Private API of PyTorch, in one place; ``tests/components/test_compat.py`` fails if it changes.

``nn.Module.compile`` is public, but nothing public switches a module back to its uncompiled call.
``torch.compiler.set_stance`` would do so for all code of the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer


def compiled_call(module: nn.Module) -> Callable[..., Any] | None:
    """The function that a module's call is replaced by; None if the module is not compiled."""
    call: Callable[..., Any] | None = module._compiled_call_impl
    return call


def set_compiled_call(module: nn.Module, call: Callable[..., Any] | None) -> None:
    """Let a module's call run a compiled function, or its own code if it is None."""
    module._compiled_call_impl = call


def unscale_before_step(optimizer: Optimizer) -> None:
    """Let a gradient scaler unscale the gradients before the step of a fused optimizer, as of any other optimizer.

    A fused optimizer unscales them in its step, so that hooks that run before the step would measure and clip scaled
    gradients. No argument of PyTorch's optimizers changes this.
    """
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
