"""The optimizer and the schedules of the papers. Any of :mod:`torch.optim` can be given by class path."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import torch
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from lightning_gans.components.schedules import check_duration, cosine, progress
from lightning_gans.core.errors import InputError, at_least

FINAL_STEP = 2.0**24
"""A number of steps that stays the same if 1 is added in float32."""


class GANAdam(torch.optim.Adam):
    """Adam with the settings of DCGAN (Radford et al., 2016): learning rate 2e-4 and momentum term beta1 = .5.

    It uses PyTorch's fused implementation, which reads and writes each tensor once per step.

    Args:
        params: parameters to optimize.
        lr: learning rate.
        betas: decay rates of the averages of the gradient and of its square.
        eps: term added to the denominator.
        weight_decay: weight of the L2 penalty.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)


class FusedRMSprop(torch.optim.Adam):
    """RMSprop (Tieleman and Hinton, 2012), which divides each gradient by the root of the average of its square.

    It equals ``torch.optim.RMSprop`` without momentum, up to rounding, but updates all parameters in one pass. PyTorch
    has a fused implementation of Adam and none of RMSprop, which is Adam with beta1 = 0 and without bias correction.

    Args:
        params: parameters to optimize.
        lr: learning rate.
        alpha: decay rate of the average of the squared gradient.
        eps: term added to the denominator.
        weight_decay: weight of the L2 penalty.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=(0.0, alpha), eps=eps, weight_decay=weight_decay, fused=True)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # decorated
        """Update the parameters.

        Args:
            closure: computes the loss and its gradients again, if given.
        """
        for parameter in (p for group in self.param_groups for p in group["params"]):
            if parameter not in self.state:
                # After that many steps Adam's bias correction is 1.
                self.state[parameter] = {
                    "step": torch.tensor(FINAL_STEP, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        loss: float | None = super().step(closure)
        return loss


Argument = TypeVar("Argument")
Stepped = TypeVar("Stepped", torch.optim.Optimizer, LRScheduler)


def make_stepped(name: str, make: Callable[[Argument], Stepped] | None, argument: Argument) -> Stepped:
    """Make an optimizer or a schedule whose ``step`` can be called without arguments, as it is in training.

    Args:
        name: the argument that gives ``make``.
        make: the function that makes it.
        argument: parameters, or an optimizer.

    Raises:
        ValueError: if there is none, or its step needs an argument, such as the closure of ``LBFGS`` or the metric of
            ``ReduceLROnPlateau``.
    """
    if make is None:
        raise ValueError(f"{name} is null; expected a class, such as {GANAdam.__name__}")
    stepped = make(argument)
    needed = [p.name for p in inspect.signature(stepped.step).parameters.values() if p.default is p.empty]
    if needed:
        raise ValueError(
            f"{name} is {type(stepped).__name__}, whose step needs {' and '.join(needed)}; expected one that steps "
            "without arguments"
        )
    return stepped


def name_groups(optimizer: torch.optim.Optimizer, name: str) -> None:
    """Name the parameter groups of an optimizer, for Lightning's ``LearningRateMonitor``.

    Args:
        optimizer: the optimizer.
        name: name of its only group; of several groups, or one that has a name, the part before a slash.
    """
    several = len(optimizer.param_groups) > 1
    for index, group in enumerate(optimizer.param_groups, start=1):
        own = group.get("name", f"pg{index}" if several else None)
        group["name"] = name if own is None else f"{name}/{own}"


class DecayWithMomentum(LRScheduler):
    """The schedules of Goodfellow et al. (2014) for SGD: the learning rate decays while the momentum grows.

    Args:
        optimizer: an optimizer with momentum, such as ``torch.optim.SGD``.
        divisor: number that the learning rate is divided by at every step, at least 1.
        lowest: lower bound of the learning rate.
        momentum: final momentum, in [0, 1); it is interpolated linearly from that of the optimizer.
        momentum_steps: number of steps until the final momentum; in the paper's code 250 epochs of 500 batches.

    Raises:
        ValueError: if a number is out of range, or the optimizer has no momentum.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        divisor: float = 1.000004,
        lowest: float = 1e-6,
        momentum: float = 0.7,
        momentum_steps: int = 125_000,
    ) -> None:
        at_least("divisor", divisor, 1)
        at_least("lowest", lowest, 0)
        at_least("momentum_steps", momentum_steps, 1)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum is {momentum}; expected a number in [0, 1)")
        if any("momentum" not in group for group in optimizer.param_groups):
            raise ValueError(
                f"optimizer is {type(optimizer).__name__}, which has no momentum; expected one that has, such as SGD"
            )
        self.divisor, self.lowest = divisor, lowest
        self.momentum, self.momentum_steps = momentum, momentum_steps
        self.first_momenta = [group["momentum"] for group in optimizer.param_groups]
        super().__init__(optimizer)

    def get_lr(self) -> list[float | torch.Tensor]:
        """Compute the learning rate of each parameter group, and set its momentum."""
        gone = min(1.0, self.last_epoch / self.momentum_steps)
        for group, first in zip(self.optimizer.param_groups, self.first_momenta, strict=True):
            group["momentum"] = first + (self.momentum - first) * gone
        return [max(self.lowest, float(base) / self.divisor**self.last_epoch) for base in self.base_lrs]


class RunScheduler(LRScheduler):
    """Base class of schedules that depend on the length of the run.

    Args:
        optimizer: the optimizer.

    Attributes:
        total_steps: length of the run in batches. The family sets it at the start of each run, so that a resumed run
            with another length follows the schedule of that length.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.total_steps: float = float("inf")
        super().__init__(optimizer)

    @property
    def needs_total_steps(self) -> bool:
        """Whether the schedule needs a run that has an end."""
        return True

    def state_dict(self) -> dict[str, object]:
        """The state without the length of the run, which a resumed run sets itself."""
        return {key: value for key, value in super().state_dict().items() if key != "total_steps"}


def set_run_length(schedulers: Mapping[str, LRScheduler], total_steps: float) -> None:
    """Set the length of the run in batches in all schedules that depend on it.

    Args:
        schedulers: the schedules, by the argument that gives them.
        total_steps: number of batches, or infinity.

    Raises:
        InputError: if a schedule needs a run that has an end, and ``total_steps`` is infinity.
        ValueError: if a ``OneCycleLR`` is shorter than the run. It cannot be stepped after its end.
    """
    for name, scheduler in schedulers.items():
        if isinstance(scheduler, OneCycleLR) and scheduler.total_steps < total_steps:
            run = "has no end" if total_steps == float("inf") else f"has {total_steps:.0f} steps"
            raise ValueError(
                f"{name} is OneCycleLR with a total_steps of {scheduler.total_steps}, but the run {run}; expected at "
                "least as many"
            )
        if isinstance(scheduler, RunScheduler):
            if scheduler.needs_total_steps and total_steps == float("inf"):
                kind = type(scheduler).__name__
                raise InputError(f"{kind} needs a run of known length; give trainer.max_epochs or trainer.max_steps")
            scheduler.total_steps = total_steps


class LinearDecay(RunScheduler):
    """Keeps the learning rate constant, then decays it linearly to ``end`` times its value at the run's last step.

    Args:
        optimizer: the optimizer.
        start: share of the run, in [0, 1), after which the decay begins; 0.5 for the 100 + 100 epochs of CycleGAN.
        end: factor at the end of the run, in [0, 1].

    Raises:
        ValueError: if ``start`` or ``end`` is out of range.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, start: float = 0.5, end: float = 0.0) -> None:
        if not 0 <= start < 1:
            raise ValueError(f"start is {start}; expected a share of the run in [0, 1)")
        if not 0 <= end <= 1:
            raise ValueError(f"end is {end}; expected a factor in [0, 1]")
        self.start, self.end = start, end
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        """The factor of the learning rates in step number ``step`` (from 0)."""
        if step == 0 or self.total_steps == float("inf"):
            return 1.0
        gone = max(0.0, min(1.0, (step / self.total_steps - self.start) / (1 - self.start)))
        return 1 + (self.end - 1) * gone

    def get_lr(self) -> list[float | torch.Tensor]:
        """Compute the learning rate of each parameter group."""
        return [base * self.factor(self.last_epoch) for base in self.base_lrs]


class CosineDecay(RunScheduler):
    """Moves learning rate and Adam's beta2 along half a period of a cosine, as in R3GAN (Huang et al., 2024).

    Both start at the values of the optimizer, and stay at their final values afterwards.

    Args:
        optimizer: the optimizer.
        lr: final learning rate; None keeps that of the optimizer.
        beta2: final decay rate of Adam's average of squared gradients, in [0, 1); None keeps that of the optimizer.
        steps: number of steps until the final values; None uses ``share``.
        share: share of the run, in (0, 1], until the final values; only used if ``steps`` is None.

    Raises:
        ValueError: if a number is out of range, or ``beta2`` is given for an optimizer without betas.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        lr: float | None = None,
        beta2: float | None = None,
        steps: int | None = None,
        share: float = 1.0,
    ) -> None:
        check_duration(steps, share)
        if lr is not None:
            at_least("lr", lr, 0)
        if beta2 is not None and not 0 <= beta2 < 1:
            raise ValueError(f"beta2 is {beta2}; expected a number in [0, 1)")
        if beta2 is not None and any("betas" not in group for group in optimizer.param_groups):
            raise ValueError(
                f"optimizer is {type(optimizer).__name__}, which has no betas; expected one that has, such as GANAdam"
            )
        self.lr, self.beta2, self.steps, self.share = lr, beta2, steps, share
        self.first_betas = [list(group.get("betas", ())) for group in optimizer.param_groups]
        super().__init__(optimizer)

    @property
    def needs_total_steps(self) -> bool:
        """Whether the schedule needs a run that has an end."""
        return self.steps is None

    def get_lr(self) -> list[float | torch.Tensor]:
        """Compute the learning rate of each parameter group, and set its beta2."""
        step = self.last_epoch
        # Before the run starts its length is not known.
        gone = progress(step, self.steps, self.share, self.total_steps, type(self).__name__) if step else 0.0
        if self.beta2 is not None:
            for group, (beta1, beta2) in zip(self.optimizer.param_groups, self.first_betas, strict=True):
                group["betas"] = (beta1, cosine(beta2, self.beta2, gone))
        return [base if self.lr is None else cosine(float(base), self.lr, gone) for base in self.base_lrs]
