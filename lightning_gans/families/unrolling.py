"""Differentiable updates of a network, as its optimizer would make them; network and optimizer remain as they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from lightning_gans.components.optimizers import FINAL_STEP, FusedRMSprop
from lightning_gans.distributed import all_reduce_mean


class Updates(ABC):
    """Updates of weights by gradients, that start from the present state of an optimizer.

    Args:
        optimizer: the optimizer.
        parameters: the parameters that it updates, in the order of the weights.
    """

    def __init__(self, optimizer: Optimizer, parameters: Sequence[nn.Parameter]) -> None:
        settings = {id(each): group for group in optimizer.param_groups for each in group["params"]}
        self.settings = [settings[id(parameter)] for parameter in parameters]
        self.states: list[dict[str, Any]] = [
            dict(optimizer.state.get(parameter, {})) or self.initial(optimizer, parameter) for parameter in parameters
        ]

    @abstractmethod
    def initial(self, optimizer: Optimizer, parameter: nn.Parameter) -> dict[str, Any]:
        """The state before the optimizer's first step."""

    @abstractmethod
    def update(self, weight: Tensor, gradient: Tensor, settings: dict[str, Any], state: dict[str, Any]) -> Tensor:
        """The updated weight; replaces what changes in ``state``."""

    def __call__(self, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
        """The updated weights, differentiable with respect to the gradients and the weights.

        Args:
            weights: the weights.
            gradients: the gradients of this process's loss by them; their mean over processes is used.
        """
        flat = all_reduce_mean(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        return [
            self.update(weight, part.view_as(weight) + settings["weight_decay"] * weight, settings, state)
            for weight, part, settings, state in zip(weights, parts, self.settings, self.states, strict=True)
        ]


class SGDUpdates(Updates):
    """Updates of ``torch.optim.SGD``, with its momentum."""

    def initial(self, optimizer: Optimizer, parameter: nn.Parameter) -> dict[str, Any]:
        """No momentum."""
        return {}

    def update(self, weight: Tensor, gradient: Tensor, settings: dict[str, Any], state: dict[str, Any]) -> Tensor:
        """As in :meth:`Updates.update`."""
        if momentum := settings["momentum"]:
            before = state.get("momentum_buffer")
            if before is not None:
                gradient = momentum * before + (1 - settings["dampening"]) * gradient
            state["momentum_buffer"] = gradient
        updated: Tensor = weight - settings["lr"] * gradient
        return updated


class AdamUpdates(Updates):
    """Updates of ``torch.optim.Adam``, and of the classes of this package that are derived from it."""

    def initial(self, optimizer: Optimizer, parameter: nn.Parameter) -> dict[str, Any]:
        """Averages of 0, and the number of steps."""
        step = torch.tensor(FINAL_STEP if isinstance(optimizer, FusedRMSprop) else 0.0, device=parameter.device)
        return {"step": step, "exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}

    def update(self, weight: Tensor, gradient: Tensor, settings: dict[str, Any], state: dict[str, Any]) -> Tensor:
        """As in :meth:`Updates.update`."""
        first, second = settings["betas"]
        step = state["step"] + 1
        mean = first * state["exp_avg"] + (1 - first) * gradient
        square = second * state["exp_avg_sq"] + (1 - second) * gradient.square()
        state |= {"step": step, "exp_avg": mean, "exp_avg_sq": square}
        # The root's derivative is infinite at 0, the average of a weight that has never had a gradient.
        root = (square / (1 - second**step) + settings["eps"] ** 2).sqrt()
        updated: Tensor = weight - settings["lr"] / (1 - first**step) * mean / (root + settings["eps"])
        return updated


def updates_of(optimizer: Optimizer, parameters: Sequence[nn.Parameter]) -> Updates:
    """The differentiable updates of an optimizer.

    Args:
        optimizer: the optimizer.
        parameters: the parameters that it updates.

    Raises:
        ValueError: if the optimizer is of a kind whose updates are not known here.
    """
    if isinstance(optimizer, Adam):
        return AdamUpdates(optimizer, parameters)
    if isinstance(optimizer, SGD) and not any(group["nesterov"] for group in optimizer.param_groups):
        return SGDUpdates(optimizer, parameters)
    raise ValueError(
        f"optimizer_d is {type(optimizer).__name__}, whose updates cannot be unrolled; expected GANAdam, FusedRMSprop, "
        "Adam or SGD without Nesterov momentum"
    )
