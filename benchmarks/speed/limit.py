"""The limit of the machine: only the convolutions and matrix products of a step, on tensors in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Key = tuple[Any, ...]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not annotated it
    """Records each operation whose FLOPs PyTorch can count; its own counter fails with `backward(inputs=...)`.

    Attributes:
        calls: number of calls for each operation, with shapes, memory formats and settings.
        flops: total number of floating-point operations.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.calls: Counter[Key] = Counter()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and record it."""
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
            settings = tuple(sorted((name, frozen(value)) for name, value in (kwargs or {}).items()))
            self.calls[(func, tuple(map(frozen, args)), settings)] += 1
        return out


class Frozen(tuple[Any, ...]):
    """Shape, strides, type and device of a tensor."""

    __slots__ = ()


def frozen(argument: Any) -> Any:
    """Return a hashable description of an argument."""
    if isinstance(argument, Tensor):
        return Frozen((tuple(argument.shape), argument.stride(), argument.dtype, argument.device))
    return tuple(argument) if isinstance(argument, list) else argument


class Limit:
    """The convolutions and matrix products of a turn.

    Args:
        turn: takes the steps of a turn.
    """

    def __init__(self, turn: Callable[[], None]) -> None:
        with Recorder() as recorder:
            turn()
        self.flops = recorder.flops
        self._tensors: dict[Any, Tensor] = {}
        self._calls = []
        for (func, args, settings), count in recorder.calls.items():
            made = [self._thawed(place, argument) for place, argument in enumerate(args)]
            named = {name: self._thawed(name, value) for name, value in settings}
            self._calls.append((func, made, named, count))

    def _thawed(self, place: Any, argument: Any) -> Any:
        """Return an argument; equal descriptions at the same position share one tensor."""
        if isinstance(argument, Frozen):
            shape, strides, dtype, device = argument
            if (place, argument) not in self._tensors:
                length = 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
                storage = torch.randn(length, device=device).to(dtype)
                self._tensors[place, argument] = storage.as_strided(shape, strides)
            return self._tensors[place, argument]
        return list(argument) if isinstance(argument, tuple) else argument

    @torch.no_grad()
    def turn(self) -> None:
        """Call each operation as often as the steps did."""
        for func, args, kwargs, count in self._calls:
            for _ in range(count):
                func(*args, **kwargs)
