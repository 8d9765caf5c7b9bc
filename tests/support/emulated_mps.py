"""A device on a CPU that has no float64, like Apple's MPS: tensors that say that they are there, and refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from lightning.pytorch.accelerators import MPSAccelerator
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

MPS = torch.device("mps", 0)


class OnMPS(Tensor):
    """A tensor on the emulated device; ``held`` has its values.

    Operations with one of these give others of these, as do PyTorch's functions that create tensors there.
    """

    held: Tensor
    device = MPS
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnMPS:
        if inner.dtype in (torch.float64, torch.complex128):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as MPS doesn't support float64.")
        strides, offset = inner.stride(), inner.storage_offset()
        made: OnMPS = Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=strides, storage_offset=offset, dtype=inner.dtype, device=inner.device
        )
        made.held = inner
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"OnMPS({self.held!r})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given: dict[int, OnMPS] = {}

        def inner(value: Any) -> Any:
            if isinstance(value, torch.device) and value.type == "mps":
                return torch.device("cpu")
            if isinstance(value, OnMPS):
                given[id(value.held)] = value
                return value.held
            return value

        def outer(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            # An operation in place returns what it was given.
            return given[id(value)] if id(value) in given else OnMPS(value)

        return tree_map(outer, func(*tree_map(inner, args), **tree_map(inner, kwargs or {})))


def _is_there(value: Any) -> bool:
    return isinstance(value, (torch.device, str)) and torch.device(value).type == "mps"


class Moves(TorchFunctionMode):
    """Creates tensors on the emulated device, and moves tensors to it and away from it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (Tensor.to, Tensor.cpu):
            return self._moved(args[0], args[1:] if func is Tensor.to else ("cpu",), kwargs)
        if func is Tensor.numpy and isinstance(args[0], OnMPS):
            raise TypeError("can't convert mps:0 device type tensor to numpy.")
        if func is Tensor.tolist and isinstance(args[0], OnMPS):
            return args[0].held.tolist()
        there = kwargs.get("device")
        if there is None or not _is_there(there):
            return func(*args, **kwargs)
        made = func(*args, **{**kwargs, "device": "cpu"})
        return made if isinstance(made, OnMPS) else OnMPS(made)

    @staticmethod
    def _moved(tensor: Tensor, args: Any, kwargs: Any) -> Tensor:
        other = next((value for value in args if isinstance(value, Tensor)), None)
        if other is not None:
            args = (other.device, other.dtype)
        places = [value for value in (*args, kwargs.pop("device", None)) if isinstance(value, (torch.device, str))]
        if not places:
            return tensor.to(*args, **kwargs)
        values = tensor.held if isinstance(tensor, OnMPS) else tensor
        kwargs.setdefault("dtype", next((value for value in args if isinstance(value, torch.dtype)), None))
        kwargs.pop("non_blocking", None)
        moved = values.to(**{"device": "cpu", **kwargs})
        if not _is_there(places[0]):
            return moved
        moved = moved.detach()
        if isinstance(tensor, OnMPS):
            return tensor if moved is values else OnMPS(moved)
        return OnMPS(moved)


@contextmanager
def emulated_mps() -> Iterator[None]:
    """Context in which ``L.Trainer(accelerator="mps")`` runs on the emulated device."""
    generator, overwrites = torch.Generator, torch.__future__.get_overwrite_module_params_on_conversion()

    def on_the_cpu(device: Any = "cpu") -> torch.Generator:
        return generator("cpu")

    # Otherwise a module that moves would keep its parameters and take the tensors' empty memory.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    with (
        mock.patch.object(MPSAccelerator, "is_available", staticmethod(lambda: True)),
        mock.patch.object(MPSAccelerator, "parse_devices", staticmethod(lambda devices: [0])),
        mock.patch.object(torch.mps, "manual_seed"),
        mock.patch.object(torch, "Generator", on_the_cpu),
        Moves(),
    ):
        try:
            yield
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrites)
