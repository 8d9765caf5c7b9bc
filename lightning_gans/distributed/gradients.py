"""The mean of gradients over all processes, which is computed while the backward pass runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.hooks import RemovableHandle


@dataclass(frozen=True)
class Bucket:
    """Parameters whose gradients are sent in one message.

    The message consists of the gradients and, for each parameter, a number that is 1 if this process has a gradient. A
    gradient that is missing here is sent as zeros.
    """

    parameters: list[Tensor]

    def pack(self) -> Tensor:
        """The message of this process, with one dimension."""
        present = self.parameters[0].new_ones(len(self.parameters))
        parts = []
        for index, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                present[index] = 0
            values = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            parts.append(values.detach().flatten())
        return torch.cat([*parts, present])

    def unpack(self, mean: Tensor) -> None:
        """Replace the gradients by their means; a gradient that no process has remains None."""
        *means, present = torch.split(mean, [*(p.numel() for p in self.parameters), len(self.parameters)])
        for index, (parameter, value) in enumerate(zip(self.parameters, means, strict=True)):
            if parameter.grad is not None:
                parameter.grad.copy_(value.view_as(parameter))
            elif present[index] > 0:
                parameter.grad = value.view_as(parameter).clone()


class GradientReducer:
    """Averages gradients over all processes in buckets, each of which is sent as soon as its gradients are complete.

    All processes send the same buckets in the same order, whatever the order in which their gradients arrive: that of
    the parameters from last to first, as gradients are usually computed. It depends on nothing else: the place of a
    number in a message decides in which order the processes' numbers are added, and a resumed run must have the same
    bits.

    Messages have a process group of their own: those of batch normalization, which are sent in the same backward pass,
    do not wait for them.

    Args:
        bucket_cap_mb: largest size of a bucket in MiB; a larger gradient is a bucket of its own.
    """

    def __init__(self, bucket_cap_mb: float) -> None:
        self._cap = bucket_cap_mb * 2**20
        group = dist.new_group()
        assert isinstance(group, dist.ProcessGroup)
        self._group = group
        # Gloo has no mean in older versions of PyTorch.
        self._averages = dist.get_backend(self._group) == dist.Backend.NCCL
        self._buckets: dict[tuple[int, ...], list[Bucket]] = {}
        self._hooks: dict[int, RemovableHandle] = {}
        self._pass: _Pass | None = None

    def remove_hooks(self) -> None:
        """Leave the parameters as they were."""
        for hook in self._hooks.values():
            hook.remove()

    def close(self) -> None:
        """Close the process group; every process must call it."""
        dist.destroy_process_group(self._group)

    @contextmanager
    def averaging(self, parameters: Sequence[Tensor]) -> Iterator[None]:
        """Context of one backward pass, at whose end the gradients of ``parameters`` are means over all processes.

        Gradients that were accumulated before are part of them. Every process must give the same parameters.

        Raises:
            RuntimeError: if a parameter gets two gradients in the pass.
        """
        key = tuple(id(p) for p in parameters)
        if (buckets := self._buckets.get(key)) is None:
            for parameter in parameters:
                if id(parameter) not in self._hooks:
                    hook = parameter.register_post_accumulate_grad_hook(self._on_gradient)  # type: ignore[no-untyped-call]
                    self._hooks[id(parameter)] = hook
            buckets = self._buckets[key] = split(list(reversed(parameters)), self._cap)
        self._pass = _Pass(buckets, self._group, self._averages)
        try:
            yield
            self._pass.finish()
        finally:
            self._pass = None

    def _on_gradient(self, parameter: Tensor) -> None:
        if self._pass is not None:
            self._pass.arrive(parameter)


class _Pass:
    """The buckets of one backward pass: which were sent, and which gradients have arrived."""

    def __init__(self, buckets: list[Bucket], group: dist.ProcessGroup, averages: bool) -> None:
        self._arrived: set[int] = set()
        self._buckets = buckets
        self._group = group
        self._operation = dist.ReduceOp.AVG if averages else dist.ReduceOp.SUM
        self._divisor = 1 if averages else dist.get_world_size(group)
        self._bucket_of = {id(p): index for index, bucket in enumerate(buckets) for p in bucket.parameters}
        self._missing = [len(bucket.parameters) for bucket in buckets]
        self._sent: list[tuple[Tensor, dist.Work]] = []

    def arrive(self, parameter: Tensor) -> None:
        """Note a gradient, and send the buckets that are complete."""
        if (index := self._bucket_of.get(id(parameter))) is None:
            return
        if id(parameter) in self._arrived:
            raise RuntimeError(
                f"a parameter of shape {tuple(parameter.shape)} got two gradients in one backward pass; expected one, "
                "as with torch.utils.checkpoint(use_reentrant=False)"
            )
        self._arrived.add(id(parameter))
        self._missing[index] -= 1
        while len(self._sent) < len(self._buckets) and self._missing[len(self._sent)] == 0:
            self._send()

    def finish(self) -> None:
        """Send the other buckets, wait for all, and replace the gradients."""
        while len(self._sent) < len(self._buckets):
            self._send()
        for bucket, (values, work) in zip(self._buckets, self._sent, strict=True):
            work.wait()
            bucket.unpack(values if self._divisor == 1 else values.div_(self._divisor))

    def _send(self) -> None:
        with torch.no_grad():
            values = self._buckets[len(self._sent)].pack()
        work = dist.all_reduce(values, self._operation, group=self._group, async_op=True)
        self._sent.append((values, work))


def split(parameters: Sequence[Tensor], cap: float) -> list[Bucket]:
    """Divide parameters into buckets of at most ``cap`` bytes, each of one type and one device."""
    buckets: list[Bucket] = []
    for _, same in groupby(parameters, key=lambda p: (p.dtype, p.device)):
        size, current = 0.0, Bucket([])
        for parameter in same:
            size += parameter.nbytes
            if current.parameters and size > cap:
                buckets.append(current)
                size, current = parameter.nbytes, Bucket([])
            current.parameters.append(parameter)
        buckets.append(current)
    return buckets
