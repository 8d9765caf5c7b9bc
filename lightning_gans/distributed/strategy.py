"""Data parallelism for two sides that take turns."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch import Tensor
from torch.optim import Optimizer

from lightning_gans.core.errors import InputError
from lightning_gans.distributed.layer_sync import SyncedBatchNorm


class AlternatingDDP(DDPStrategy):
    """DDP without the wrapper: after each backward pass, the mean over ranks of just the gradients it has touched.

    The usual wrapper expects every parameter in every backward pass, and each step of a GAN leaves one side out. Here
    :meth:`Adversarial.step` names the parameters (``inputs``), so nothing is searched for, and a step moves each
    gradient once. Batch normalisation uses the images of all ranks, so that N ranks do what one process with the N-fold
    batch does.
    """

    strategy_name = "alternating_ddp"

    def setup_environment(self) -> None:
        """Join the other processes; one that was started by another ends with it."""
        if isinstance(self.cluster_environment, LightningEnvironment) and self.cluster_environment.local_rank() > 0:
            threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        super().setup_environment()

    def setup(self, trainer: Trainer) -> None:
        """Let layers of batch normalisation share statistics, then set up."""
        self._layer_sync = SyncedBatchNorm()  # here, as the trainer has overwritten an earlier value with its own
        super().setup(trainer)

    def configure_ddp(self) -> None:
        """Start all ranks from the weights and buffers of rank 0, in place of wrapping the model.

        A module's ``rank_local_buffers`` names those of its buffers that each rank keeps for itself.
        """
        assert self.model is not None
        modules = list(self.model.modules())
        own = {id(getattr(module, name)) for module in modules for name in getattr(module, "rank_local_buffers", ())}
        for tensor in [*self.model.parameters(), *self.model.buffers()]:
            if id(tensor) not in own:
                dist.broadcast(tensor.detach(), 0)

    def backward(self, closure_loss: Tensor, optimizer: Optimizer | None, *args: Any, **kwargs: Any) -> Tensor:
        """Backward pass, then one all-reduce of the gradients of ``kwargs["inputs"]``.

        Gradients are reduced here and not before the optimizer's step, by when they may be unscaled and clipped.
        Accumulated gradients are reduced again with every pass, which leaves their mean as it is.
        """
        loss = super().backward(closure_loss, optimizer, *args, **kwargs)
        gradients = [p.grad for p in kwargs["inputs"] if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        means = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))
        return loss


def refuse(strategy: Strategy | str) -> None:
    """Refuse a strategy that cannot train two sides which take turns.

    Args:
        strategy: the trainer's, or its name.

    Raises:
        InputError: always; it says why, and what to use.
    """
    name = strategy if isinstance(strategy, str) else type(strategy).__name__
    why = "expects every parameter in every backward pass, and D and G take turns"
    if any(part in name.lower() for part in ("fsdp", "deepspeed", "modelparallel", "model_parallel")):
        why = (
            "splits weights, gradients and optimizers' states over devices for one loss and one optimizer, while here "
            "two sides take turns on two; the models here fit on one device and need it not"
        )
    raise InputError(
        f"trainer.strategy is {name}, which {why}; "
        "expected 'auto', or lightning_gans.distributed.strategy.AlternatingDDP"
    )


def _end_with(parent: int) -> None:
    """End this process when ``parent`` has: its collectives might wait for minutes for one that is no more."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)
