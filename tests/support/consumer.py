"""A small program that uses the package; tests/test_wheel.py checks its types, and nothing runs it."""

from typing import assert_type

import lightning as L
from torch import Tensor

import lightning_gans
from lightning_gans import DCGAN, DigitsDataModule, default_callbacks
from lightning_gans.components.objectives import Objective
from lightning_gans.inference import ImageTranslator, LatentSampler


class MarginHinge(Objective):
    """An objective of the program's own."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return (1 - real_logits).relu().mean() + (1 + fake_logits).relu().mean()

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        return -fake_logits.mean()


data = DigitsDataModule()
model = DCGAN.for_data(data, objective=MarginHinge())
assert_type(model, DCGAN)
trainer = L.Trainer(max_steps=2, callbacks=default_callbacks())
trainer.fit(model, data)
loaded = lightning_gans.load("runs/dcgan-digits/version_0")
assert isinstance(loaded, LatentSampler | ImageTranslator)
if isinstance(loaded, LatentSampler):
    images: Tensor = loaded.sample(4, seed=0)
    print(images.shape)
