"""The model, data and optimizers of a ``fit`` command, for loops without a trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.components.optimizers import LinearDecay
from lightning_gans.families import Adversarial

FOREVER = 1_000_000
"""Steps of a run that another process ends."""


class BuildOnly(LightningGANsCLI):
    """Builds the objects of ``fit`` without running it."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


@dataclass
class Parts:
    """A model on its device, with data, optimizers and schedules.

    Attributes:
        model: the model, in training mode.
        data: its data module, set up.
        optimizers: the optimizer of each side.
        schedulers: the learning rate schedules.
        decay: decay of the averaged generators.
        averages: each generator with its averaged copy.
        device: device of the networks.
    """

    model: Adversarial
    data: Any
    optimizers: dict[str, Optimizer]
    schedulers: list[LRScheduler]
    decay: float
    averages: list[tuple[nn.Module, nn.Module]]
    device: torch.device

    def parameters(self, side: str) -> list[nn.Parameter]:
        """Return the parameters of one side."""
        return self.model.sides[side].parameters


def fit_arguments(arguments: tuple[str, ...], folder: str) -> list[str]:
    """Return the arguments of a ``fit`` command without an end and without validation."""
    ends = ["--trainer.max_epochs", "-1", "--trainer.max_steps", str(FOREVER), "--trainer.limit_val_batches", "0"]
    return ["fit", *arguments, *ends, "--trainer.logger.save_dir", folder]


def parts(arguments: tuple[str, ...], folder: str) -> Parts:
    """Build the parts of a ``fit`` command."""
    built = build(fit_arguments(arguments, folder), BuildOnly)
    model, data = built.model, built.datamodule
    assert isinstance(model, Adversarial)
    return assembled(model, data, built.config["fit"].ema.decay, FOREVER, built.trainer.strategy.root_device)


def assembled(model: Adversarial, data: Any, decay: float, total_steps: int, device: torch.device) -> Parts:
    """Set up data, model, averages, optimizers and schedules as a trainer does."""
    data.setup("fit")
    if decay:
        model.add_ema()
    model.to(device).train()
    model.ema.eval()
    configured = model.configure_optimizers()
    schedulers = [side["lr_scheduler"]["scheduler"] for side in configured if "lr_scheduler" in side]
    for scheduler in schedulers:
        if isinstance(scheduler, LinearDecay):
            scheduler.total_steps = total_steps
    return Parts(
        model=model,
        data=data,
        optimizers={name: side["optimizer"] for name, side in zip(model.sides, configured, strict=True)},
        schedulers=schedulers,
        decay=decay,
        averages=[(model.generators[name], average) for name, average in model.ema.items()],
        device=device,
    )
