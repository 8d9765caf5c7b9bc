"""PyTorch still uses the private attributes of ``components/compat.py``."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_gans.components.compat import compiled_call, set_compiled_call, skips_on_device


def test_torch_calls_what_compat_sets() -> None:
    """A torch that stores the compiled call elsewhere would run evaluation compiled."""
    layer, calls = nn.Identity(), []
    assert compiled_call(layer) is None
    layer.compile(backend="eager")
    assert compiled_call(layer) is not None
    set_compiled_call(layer, lambda *args: calls.append(args))
    layer(1)
    assert calls == [(1,)]
    set_compiled_call(layer, None)
    assert layer(2) == 2
    assert calls == [(1,)]


@pytest.mark.parametrize("value", [1.0, float("inf")])
def test_a_fused_optimizer_takes_what_a_scaler_found_and_gradients_that_are_unscaled(value: float) -> None:
    """One that does not would divide by the scale twice, or let the scaler wait for the device."""
    weight = nn.Parameter(torch.ones(1))
    assert not skips_on_device(torch.optim.Adam([weight]))
    optimizer = torch.optim.SGD([weight], lr=0.5, fused=True)
    assert skips_on_device(optimizer)
    stepped = []
    optimizer.register_step_pre_hook(lambda *_: stepped.append(True))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale((value * weight).sum()).backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
    scaler.unscale_(optimizer)
    assert weight.grad is not None
    assert weight.grad.item() == value
    scaler.step(optimizer)
    assert stepped
    assert weight.item() == (0.5 if value == 1 else 1)
