"""Construction of models whose arguments come from a file, in time and memory that are bounded by the file's weights.

A few bytes of arguments may ask for a network larger than any memory. The network is built on the meta device first,
where parameters have shapes and no memory, and the number of parameters is counted while its constructor runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.nn.parameter import UninitializedParameter
from torch.overrides import TorchFunctionMode

from lightning_gans.core.arguments import short_text

T = TypeVar("T")

FACTOR = 4
"""Parameters that are registered may be so many times those of the file: a parametrization registers new ones."""

EXTRA_TENSORS, EXTRA_NUMBERS = 1000, 4_000_000
"""Parameters and buffers that are allowed on top, such as constants that are not stored."""


class WeightsError(ValueError):
    """The weights of a file cannot be used; the message begins with "weights"."""


class TooLargeError(ValueError):
    """A description asks for more parameters than the file has weights."""


class WithoutNormalDraws(TorchFunctionMode):
    """Context in which filling a tensor of the meta device with normally distributed numbers does nothing.

    There is nothing to fill. Of all ways to fill a tensor, torch has this one for the meta device in Python only, which
    loads its compiler: two seconds in which a command could show its result.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch, or return the tensor that it would fill."""
        kwargs = kwargs or {}
        if func in (Tensor.normal_, nn.init.normal_):
            tensor: Tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:
                return tensor
        return func(*args, **kwargs)


@contextmanager
def on_meta_device() -> Iterator[None]:
    """Context in which modules are built without memory and values for their weights."""
    with torch.device("meta"), WithoutNormalDraws():
        yield


@contextmanager
def limited_to(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Context in which this thread may build modules of about as many parameters as there are weights.

    Raises:
        TooLargeError: in a constructor that registers more.
    """
    thread = threading.get_ident()
    tensors = FACTOR * len(weights) + EXTRA_TENSORS
    stored = sum(weight.numel() for weight in weights.values() if isinstance(weight, Tensor))
    numbers = FACTOR * stored + EXTRA_NUMBERS

    def count(_module: nn.Module, _name: str, value: Tensor | None) -> None:
        nonlocal tensors, numbers
        if value is None or isinstance(value, UninitializedParameter) or threading.get_ident() != thread:
            return
        tensors, numbers = tensors - 1, numbers - value.numel()
        if tensors < 0 or numbers < 0:
            raise TooLargeError(f"it describes a larger network than that of the {stored} stored weights")

    hooks = [
        register(count)
        for register in (register_module_parameter_registration_hook, register_module_buffer_registration_hook)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def build_bounded(
    make: Callable[[], T],
    weights: Mapping[str, Tensor],
    check: Callable[[T], None] = lambda _: None,
    needs_memory: bool = False,
) -> T:
    """Build a model with random weights: first on the meta device, then, if that succeeds, on the CPU.

    Args:
        make: builds the model.
        weights: the weights that it will be given.
        check: called with the model on the meta device; raises an error if the weights do not fit.
        needs_memory: whether classes may need the values of tensors in their constructors, as classes of the user's
            own: then the model is built on the CPU if it cannot be built on the meta device.

    Raises:
        TooLargeError: if the model has more parameters than there are weights.
        Exception: those of ``make`` and ``check``.
    """
    # Loading a model must not change what a script draws afterwards.
    with torch.random.fork_rng(devices=[]):
        with limited_to(weights):
            try:
                with on_meta_device():
                    planned = make()
            except Exception as error:
                if not needs_memory or isinstance(error, TooLargeError):
                    raise
                planned = make()
        check(planned)
        # Not counted again: a frozen network, which is in no file of weights, has none on the meta device.
        return make()


def check_shapes(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], strict: bool = True) -> None:
    """Check that weights fit a network.

    Args:
        expected: the state of the network.
        weights: the weights.
        strict: whether missing and unexpected weights are an error.

    Raises:
        WeightsError: if not; the message names the first that does not.
    """
    for name, value in expected.items():
        if not isinstance(value, Tensor):  # of `get_extra_state`
            continue
        if name not in weights:
            if strict:
                raise WeightsError(f"weights do not fit its network ({name} is missing)")
            continue
        given = weights[name]
        if given.shape != value.shape:
            shapes = f"has shape {tuple(given.shape)}; expected {tuple(value.shape)}"
            raise WeightsError(f"weights do not fit its network ({name} {shapes})")
        if given.is_floating_point() != value.is_floating_point() or given.is_complex():
            types = f"has type {given.dtype}; expected {value.dtype}"
            raise WeightsError(f"weights do not fit its network ({name} {types})")
    if strict and (unknown := next((name for name in weights if name not in expected), None)) is not None:
        raise WeightsError(f"weights do not fit its network ({short_text(unknown)} is not expected)")


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Check that weights are finite.

    Raises:
        WeightsError: if not; the message names the first that is not.
    """
    for name, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise WeightsError(f"weights are not finite (NaN or infinity in {name}), as after training has diverged")
