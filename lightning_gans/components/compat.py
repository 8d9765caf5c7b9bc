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


def skips_on_device(optimizer: Optimizer) -> bool:
    """Whether the optimizer's step takes a gradient scaler's finding and does nothing if a gradient is not finite.

    Fused optimizers do. For any other one the scaler waits for the device to know whether to call its step.
    """
    return getattr(optimizer, "_step_supports_amp_scaling", False)
