"""A generator that starts from the mean training image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.core.batches import Labelled
from lightning_gans.core.errors import InputError
from lightning_gans.networks import MLPDiscriminator, MLPGenerator
from lightning_gans.variants import GAN
from tests.support.tiny import TinyData, tiny_trainer


def test_a_generator_may_start_from_the_mean_training_image(tmp_path: Path) -> None:
    def fit(name: str, max_steps: int, ckpt_path: Path | None = None) -> GAN:
        generator = MLPGenerator(1, 28, latent_dim=3, widths=[4], init_bound=0.05, bias_from_data=True)
        model = GAN(generator=generator, discriminator=MLPDiscriminator(1, 28, widths=[4]), optimizer_g=still)
        callbacks = [EMA(), LastCheckpoint(every_n_steps=1)]
        trainer = tiny_trainer(tmp_path / name, max_steps=max_steps, limit_val_batches=0, callbacks=callbacks)
        trainer.fit(model, data, ckpt_path=ckpt_path)
        return model

    def still(parameters: Any) -> torch.optim.SGD:
        return torch.optim.SGD(parameters, lr=0.0)

    data = TinyData()
    model = fit("first", 1)
    mean = data.split_tensors("train").images.double().mean(dim=0) / 255
    for network in (model.generator, model.ema["generator"]):
        assert isinstance(network, MLPGenerator)
        bias = network.pixels.bias.detach()
        torch.testing.assert_close(torch.sigmoid(bias), mean.flatten().float(), rtol=1e-4, atol=1e-6)

    checkpoint = torch.load(last := tmp_path / "first" / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["state_dict"]["generator.pixels.bias"].zero_()  # as if training had brought it there
    torch.save(checkpoint, last)
    assert not fit("resumed", 2, last).state_dict()["generator.pixels.bias"].any()


def test_the_mean_image_needs_images_in_memory(tmp_path: Path) -> None:
    generator = MLPGenerator(1, 28, latent_dim=3, widths=[4], init_bound=0.05, bias_from_data=True)
    model = GAN(generator=generator, discriminator=MLPDiscriminator(1, 28, widths=[4]))
    batches = [Labelled(torch.zeros(2, 1, 28, 28), torch.zeros(2))]
    with pytest.raises(InputError, match="starts from the mean training image; expected a data module"):
        tiny_trainer(tmp_path, max_steps=1).fit(model, batches, batches)
