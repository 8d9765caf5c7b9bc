"""Data parallelism for two sides that take turns."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.optim import Optimizer


class AlternatingDDP(DDPStrategy):
    """DDP without the wrapper: after each backward pass, the mean over ranks of just the gradients it has touched.

    The usual wrapper expects every parameter in every backward pass, and each step of a GAN leaves one side out. Here
    :meth:`Adversarial.step` names the parameters (``inputs``), so nothing is searched for, and a step moves each
    gradient once.
    """

    strategy_name = "alternating_ddp"

    def configure_ddp(self) -> None:
        """Start all ranks from the weights and buffers of rank 0, in place of wrapping the model."""
        assert self.model is not None
        for tensor in [*self.model.parameters(), *self.model.buffers()]:
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
