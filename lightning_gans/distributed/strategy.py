"""Data parallelism for a generator and a discriminator that are updated in turn."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NoReturn

import torch.distributed as dist
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_gans.core.errors import InputError
from lightning_gans.distributed.gradients import GradientReducer
from lightning_gans.distributed.synced_batch_norm import sync_batch_norm, unsync_batch_norm


class AlternatingDDP(DDPStrategy):
    """DDP without the wrapper: averages, while a backward pass runs, the gradients of the updated network only.

    PyTorch's wrapper expects every parameter in every backward pass, but each step of a GAN leaves one network out.
    Here :meth:`.AlternatingTraining.optimize` passes the parameters to be updated (``inputs``), so that nothing is
    searched for and each gradient is sent once. Batch normalization uses the images of all ranks, so that N ranks
    compute what one process with an N times larger batch computes.

    Args:
        bucket_cap_mb: largest size, in MiB, of a message with gradients. A message is sent when its gradients are
            computed, so smaller ones are sent earlier, but there are more of them.
        sync_batchnorm: whether batch normalization in training uses the images of all processes. This takes a message
            for each layer in each pass. Without it N processes do not compute what one process with an N times larger
            batch does; evaluation and checkpoints use the running statistics of rank 0.
        start_method: how the processes of this machine are started. "popen" starts the script once more for each of
            them; "fork" is for notebooks.
        **kwargs: see :class:`lightning.pytorch.strategies.DDPStrategy`.

    Raises:
        ValueError: if ``bucket_cap_mb`` is not positive.
    """

    strategy_name = "alternating_ddp"

    def __init__(
        self,
        *,
        bucket_cap_mb: float = 25.0,
        sync_batchnorm: bool = True,
        start_method: Literal["popen", "spawn", "fork", "forkserver"] = "popen",
        **kwargs: Any,
    ) -> None:
        if bucket_cap_mb <= 0:
            raise ValueError(f"bucket_cap_mb is {bucket_cap_mb}; expected a positive number")
        super().__init__(start_method=start_method, **kwargs)
        self.bucket_cap_mb = bucket_cap_mb
        self.sync_batchnorm = sync_batchnorm
        self.start_method = start_method
        self._reducer: GradientReducer | None = None
        self._averages_gradients = True
        self._parent_watch: ParentWatch | None = None
        self._failed = False

    def setup_environment(self) -> None:
        """Join the other processes; until :meth:`teardown`, a process that another one started exits if that one dies.

        Without this it would wait, possibly for minutes, for messages of a process that does not exist.
        """
        self._failed = False
        started = isinstance(self.cluster_environment, LightningEnvironment) and self.local_rank > 0
        if started and self._parent_watch is None:
            self._parent_watch = ParentWatch()
        super().setup_environment()

    def configure_ddp(self) -> None:
        """Set up batch normalization and broadcast rank 0's weights and buffers, in place of wrapping the model.

        A module's ``rank_local_buffers`` names those of its buffers that each rank keeps for itself.

        Raises:
            InputError: with PyTorch's ``SyncBatchNorm``, which cannot be differentiated twice.
        """
        assert self.model is not None
        if any(isinstance(module, nn.SyncBatchNorm) for module in self.model.modules()):
            raise InputError(
                "sync_batchnorm of Lightning's Trainer is true; expected false, as "
                "lightning_gans.distributed.strategy.AlternatingDDP synchronizes batch normalization itself"
            )
        sync_batch_norm(self.model, self.sync_batchnorm)
        self._broadcast([*self.model.parameters(), *self.model.buffers()])
        if self.world_size > 1:
            self._reducer = GradientReducer(self.bucket_cap_mb)

    def on_validation_start(self) -> None:
        """Without ``sync_batchnorm``, let all ranks evaluate with the running statistics of rank 0."""
        super().on_validation_start()
        if not self.sync_batchnorm and self.model is not None:
            self._broadcast(self.model.buffers())

    def _broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Give rank 0's values to all ranks, except for buffers that each rank keeps for itself."""
        assert self.model is not None
        modules = self.model.modules()
        local = {id(getattr(module, name)) for module in modules for name in getattr(module, "rank_local_buffers", ())}
        for tensor in tensors:
            if id(tensor) not in local:
                dist.broadcast(tensor.detach(), 0)

    def on_exception(self, exception: BaseException) -> None:
        """Note that the run failed, so that :meth:`teardown` does not wait for processes that may not arrive."""
        self._failed = True
        super().on_exception(exception)

    def teardown(self) -> None:
        """Wait for all processes, restore the layers of batch normalization, and tear down.

        When a run returns on one process, the work of all processes is done. What they do afterwards is their own.
        """
        if not self._failed:
            self.barrier("teardown")
            if self._parent_watch is not None:
                self._parent_watch.stop()
                self._parent_watch = None
            if self._reducer is not None:
                self._reducer.close()
        if self._reducer is not None:
            self._reducer.remove_hooks()
            self._reducer = None
        if self.model is not None:
            unsync_batch_norm(self.model)
        super().teardown()

    def backward(self, closure_loss: Tensor, optimizer: Optimizer | None, *args: Any, **kwargs: Any) -> Tensor:
        """Backward pass, at whose end the gradients are means over all processes.

        These are the gradients of ``kwargs["inputs"]``, or without it of all parameters that require gradients, those
        accumulated by earlier passes included. They are averaged here, since before the optimizer's step they may be
        unscaled and clipped already. Within :meth:`block_backward_sync` each process keeps its own.
        """
        if self._reducer is None or not self._averages_gradients:
            return super().backward(closure_loss, optimizer, *args, **kwargs)
        assert self.lightning_module is not None
        inputs = kwargs.get("inputs")
        if inputs is None:
            inputs = [p for p in self.lightning_module.parameters() if p.requires_grad]
        with self._reducer.averaging([inputs] if isinstance(inputs, Tensor) else list(inputs)):
            return super().backward(closure_loss, optimizer, *args, **kwargs)

    @contextmanager
    def block_backward_sync(self) -> Iterator[None]:
        """Context in which backward passes do not average gradients, for all passes of an accumulation but the last."""
        before, self._averages_gradients = self._averages_gradients, False
        try:
            yield
        finally:
            self._averages_gradients = before

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average the gradients that :meth:`block_backward_sync` left to each process; every process must call it."""
        if self._reducer is not None:
            with self._reducer.averaging(parameters):
                pass


def reject_strategy(strategy: Strategy | str) -> NoReturn:
    """Raise the error for a strategy that cannot update a generator and a discriminator in turn.

    Args:
        strategy: the trainer's strategy, or its name.

    Raises:
        InputError: always; gives the reason and the strategies to use.
    """
    name = strategy if isinstance(strategy, str) else type(strategy).__name__
    reason = "expects every parameter in every backward pass, but D and G are updated in turn"
    if any(part in name.lower() for part in ("fsdp", "deepspeed", "modelparallel", "model_parallel")):
        reason = (
            "shards weights, gradients and optimizer states for one loss and one optimizer, but here D and G have one "
            "each; the models fit on one device, so sharding is unnecessary"
        )
    raise InputError(
        f"trainer.strategy is {name}, which {reason}; expected 'auto' on the command line, or in Python "
        "Trainer(strategy=AlternatingDDP()) with lightning_gans.distributed.strategy.AlternatingDDP; in a notebook, "
        "AlternatingDDP(start_method='fork')"
    )


class ParentWatch:
    """A thread that ends this process, with status 1, when the process that started it has ended.

    Args:
        interval: seconds between two looks.
    """

    def __init__(self, interval: float = 2.0) -> None:
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, args=(os.getppid(), interval), daemon=True).start()

    def stop(self) -> None:
        """Let this process live longer than its parent."""
        self._stopped.set()

    def _watch(self, parent: int, interval: float) -> None:
        while not self._stopped.wait(interval):
            if os.getppid() != parent:
                os._exit(1)
