"""Training in half precision: penalties, accumulation and loss scales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.components.penalties import R1, R1R2, R2, GradientPenalty, Penalty
from lightning_gans.networks import MLPDiscriminator, MLPGenerator
from lightning_gans.variants import DCGAN
from tests.support.half import Gradients, emulated_half, half_trainer
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

PENALTIES = [R1, R2, R1R2, GradientPenalty]


def steep_dcgan(**kwargs: Any) -> DCGAN:
    """DCGAN whose batch normalization multiplies by 100 and more, as that of the papers' sizes does at the start."""
    model = tiny_dcgan(**kwargs)
    for layer in model.discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.002)
    return model


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_of_a_batch_normalized_discriminator_do_not_overflow(penalty: type[Penalty], tmp_path: Path) -> None:
    seen = []
    for make_trainer in (tiny_trainer, half_trainer):
        gradients = Gradients(1)
        trainer = make_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[gradients])
        trainer.fit(steep_dcgan(penalty=penalty()), TinyData())
        seen += gradients.seen
    assert seen[1].isfinite().all()
    assert (seen[1] - seen[0]).norm() < 0.04 * seen[0].norm()


@pytest.mark.parametrize("interval", [1, 4])
def test_the_loss_scale_stays_where_it_starts(interval: int, tmp_path: Path) -> None:
    plugin = emulated_half()
    half_trainer(tmp_path, plugin, max_steps=12).fit(steep_dcgan(penalty=R1R2(interval=interval)), TinyData())
    assert plugin.scaler is not None
    assert plugin.scaler.get_scale() >= 65536 / 2


class Recording(nn.Module):
    """Notes the type of what a network computes."""

    def __init__(self) -> None:
        super().__init__()
        self.types: list[torch.dtype] = []

    def hook(self, module: nn.Module, given: Any, output: Tensor) -> None:
        self.types.append(output.dtype)


@pytest.mark.parametrize(
    ("penalty", "types"),
    [
        # The passes of D's loss at real and at generated images, that of the penalty, that of G's loss.
        (R1(), [torch.float32, torch.float16, torch.float16]),
        (R2(), [torch.float16, torch.float32, torch.float16]),
        (R1R2(), [torch.float32, torch.float32, torch.float16]),
        (GradientPenalty(), [torch.float16, torch.float16, torch.float32, torch.float16]),
        (None, [torch.float16, torch.float16, torch.float16]),
    ],
)
def test_only_passes_that_a_penalty_differentiates_are_in_float32(
    penalty: Penalty | None, types: list[torch.dtype], tmp_path: Path
) -> None:
    model, recording = tiny_dcgan(penalty=penalty), Recording()
    layers = [layer for layer in model.discriminator.modules() if isinstance(layer, nn.Conv2d)]
    layers[0].register_forward_hook(recording.hook)
    half_trainer(tmp_path, max_steps=1).fit(model, TinyData())
    assert recording.types == types


def test_the_backward_pass_of_a_penalty_is_in_float32_too(tmp_path: Path) -> None:
    """Autocast would run the matrix products of a backward pass in half precision, also those of a float32 pass."""
    types: list[torch.dtype] = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, values: Tensor) -> Tensor:
            return values.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Tensor:
            (gradient,) = gradients
            types.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
            return gradient

    class Watched(MLPDiscriminator):
        def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
            logits: Tensor = Square.apply(super().logits_of(maps, labels))
            return logits

    torch.manual_seed(0)
    model = DCGAN(generator=MLPGenerator(1, 28, latent_dim=3), discriminator=Watched(1, 28), penalty=R1())
    half_trainer(tmp_path, max_steps=1).fit(model, TinyData())
    assert types
    assert set(types) == {torch.float32}
