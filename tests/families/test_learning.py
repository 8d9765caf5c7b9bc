"""What methods are for, in short trainings: the measure of convergence of BEGAN falls."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lightning_gans.components.objectives import BoundaryEquilibrium
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.datamodules import DigitsDataModule
from lightning_gans.networks import AutoencoderDiscriminator, BEGANGenerator
from lightning_gans.variants import BEGAN
from tests.support.tiny import tiny_trainer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Logged(Callback):
    """Notes a scalar of every step."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.values: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.values.append(pl_module.last_logged[self.key].item())


def test_the_measure_of_convergence_of_began_falls(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = BEGAN(
        generator=BEGANGenerator(1, 28, latent_dim=16, width=8),
        discriminator=AutoencoderDiscriminator(1, 28, width=8, code_dim=16),
        objective=BoundaryEquilibrium(lambda_k=0.01),
        optimizer_g=partial(GANAdam, lr=1e-3),
        optimizer_d=partial(GANAdam, lr=1e-3),
    )
    logged = Logged("equilibrium/measure")
    trainer = tiny_trainer(tmp_path, max_steps=200, limit_val_batches=0, callbacks=[logged])
    trainer.fit(model, DigitsDataModule(size=28, batch_size=16))
    before, after = (torch.tensor(part).mean().item() for part in (logged.values[:20], logged.values[-20:]))
    assert after < 0.5 * before
