"""Runs on a device without float64, for which a CPU stands in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import LambdaCallback

from lightning_gans.callbacks import EMA, Evaluation, SampleGrid, Watchdog
from lightning_gans.callbacks.analysis import Analysis
from lightning_gans.components.augmentations import ADA, DiffAugment
from lightning_gans.components.noise import NormalNoise, UniformNoise, interpolation_for
from lightning_gans.components.penalties import R1
from lightning_gans.networks import MLPDiscriminator, MLPGenerator
from lightning_gans.variants import GAN
from tests.support.emulated_mps import OnMPS, emulated_mps
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import TINY, tiny_cut, tiny_facades


def test_the_emulated_device_refuses_float64() -> None:
    with emulated_mps():
        for make in (
            lambda: torch.zeros(3, device="mps").double(),
            lambda: torch.zeros(3, device="mps", dtype=torch.float64),
            lambda: torch.zeros(3, dtype=torch.float64).to("mps"),
            lambda: torch.zeros(3, device="mps").sum(dtype=torch.float64),
            lambda: torch.zeros(3, device="mps").new_empty(2, dtype=torch.float64),
        ):
            with pytest.raises(TypeError, match="doesn't support float64"):
                make()  # type: ignore[no-untyped-call]
        there = torch.zeros(3, device="mps")
        assert isinstance(there + 1, OnMPS)
        assert there.cpu().double().dtype == torch.float64


def mean_image_gan() -> GAN:
    generator = MLPGenerator(1, 28, latent_dim=3, widths=[4], init_bound=0.1, bias_from_data=True)
    return GAN(generator=generator, discriminator=MLPDiscriminator(1, 28, widths=[4]))


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (lambda: tiny_dcgan(penalty=R1(), augmentation=DiffAugment(), clip_g=1.0, accumulate_d=2), TinyData),
        (lambda: tiny_dcgan(penalty=R1(), augmentation=ADA(0.9, filtering=1, noise=1, cutout=1)), TinyData),
        (mean_image_gan, TinyData),
        # Emulating CUT's many small operations takes seconds.
        *(pytest.param(make, tiny_facades, marks=pytest.mark.slow if make is tiny_cut else ()) for make in TINY),
    ],
)
def test_a_run_with_validation_samples_and_analysis_makes_no_float64_there(
    make: Any, data: Any, tmp_path: Path
) -> None:
    with emulated_mps():
        model, analysis = make(), Analysis(rows=1) if data is TinyData else Analysis()
        there: list[bool] = []
        moved = LambdaCallback(
            on_train_end=lambda _, module: there.extend(isinstance(value, OnMPS) for value in module.parameters())
        )
        callbacks = [EMA(0.9), Evaluation(neighbors=2), SampleGrid(), Watchdog(window=0), analysis, moved]
        trainer = tiny_trainer(tmp_path, accelerator="mps", devices=1, max_steps=2, callbacks=callbacks)
        trainer.fit(model, data())
        assert there
        assert all(there)
        trainer.test(model, data())
    row = json.loads((tmp_path / "scores.jsonl").read_text().splitlines()[-1])
    assert row["stamp"]["device"] == "mps"
    if data is TinyData:
        assert (tmp_path / "analysis" / "analysis.json").is_file()


@pytest.mark.parametrize("noise", [NormalNoise(), UniformNoise()])
def test_latent_vectors_are_truncated_and_interpolated_there(noise: Any) -> None:
    latent, positions = torch.rand(4, 3) - 0.5, torch.linspace(0, 1, 3, dtype=torch.float64)
    interpolate = interpolation_for(noise)
    expected = noise.truncated(latent, 0.7), interpolate(latent[:2], latent[2:], positions)
    with emulated_mps():
        there = latent.to("mps")
        found = noise.truncated(there, 0.7), interpolate(there[:2], there[2:], positions)
        for one, two in zip(found, expected, strict=True):
            assert isinstance(one, OnMPS)
            assert torch.equal(one.cpu(), two)
