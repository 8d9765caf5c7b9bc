"""What a command line of ``fit`` builds, for loops that do without a trainer."""

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
"""Steps of a run that is ended from outside."""


class BuildOnly(LightningGANsCLI):
    """Builds what ``fit`` would run."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


@dataclass
class Parts:
    """A model on its device, and what moves it.

    Attributes:
        model: the model, in training mode.
        data: its data module, set up.
        optimizers: each side's.
        schedulers: those there are.
        decay: of the averaged generators.
        averages: each generator beside its averaged copy.
        device: where the networks are.
    """

    model: Adversarial
    data: Any
    optimizers: dict[str, Optimizer]
    schedulers: list[LRScheduler]
    decay: float
    averages: list[tuple[nn.Module, nn.Module]]
    device: torch.device

    def parameters(self, side: str) -> list[nn.Parameter]:
        """Of one side."""
        return self.model.sides[side].parameters


def fit_arguments(arguments: tuple[str, ...], folder: str) -> list[str]:
    """The command line of a run without end that validates nothing."""
    ends = ["--trainer.max_epochs", "-1", "--trainer.max_steps", str(FOREVER), "--trainer.limit_val_batches", "0"]
    return ["fit", *arguments, *ends, "--trainer.logger.save_dir", folder]


def parts(arguments: tuple[str, ...], folder: str) -> Parts:
    """Build what the command line says."""
    built = build(fit_arguments(arguments, folder), BuildOnly)
    model, data = built.model, built.datamodule
    assert isinstance(model, Adversarial)
    return assembled(model, data, built.config["fit"].ema.decay, FOREVER, built.trainer.strategy.root_device)


def assembled(model: Adversarial, data: Any, decay: float, total_steps: int, device: torch.device) -> Parts:
    """Set up the data, put the model on its device, give it averages, optimizers and schedules, as a trainer does."""
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
