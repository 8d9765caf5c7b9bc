"""PyTorch still uses the private attributes of ``components/compat.py``."""

from __future__ import annotations

import torch
from torch import nn

from lightning_gans.components.compat import compiled_call, set_compiled_call, unscale_before_step


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


def test_a_gradient_scaler_reads_what_compat_sets() -> None:
    """A scaler that does not would pass scaled gradients to the hooks before the step."""
    scale, unscaled = 1024.0, []
    for set_it in (False, True):
        weight = nn.Parameter(torch.ones(1))
        optimizer = torch.optim.Adam([weight], lr=0.1, fused=True)
        if set_it:
            unscale_before_step(optimizer)

        def note(given: torch.optim.Optimizer, *_: object) -> None:
            unscaled.append(float(given.param_groups[0]["params"][0].grad))

        optimizer.register_step_pre_hook(note)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        scaler.scale(weight.sum()).backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
        scaler.step(optimizer)
    assert unscaled == [scale, 1]
