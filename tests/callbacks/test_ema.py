"""The average of the generators' weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


def test_ema_is_the_weighted_mean_of_the_generators_it_has_seen(tmp_path: Path) -> None:
    seen: list[dict[str, Tensor]] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append({k: v.clone() for k, v in pl_module.generator.state_dict().items()})

    model = tiny_dcgan()
    expected = {k: v.clone() for k, v in model.generator.state_dict().items()}
    tiny_trainer(tmp_path, max_steps=9, limit_val_batches=0, callbacks=[EMA(0.3), Watch()]).fit(model, TinyData())
    for step, state in enumerate(seen, start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        for key, value in state.items():
            if value.is_floating_point():
                expected[key] = decay * expected[key] + (1 - decay) * value
            else:
                expected[key] = value
    average = model.ema["generator"].state_dict()
    assert any("running_mean" in key for key in average)
    for key, value in expected.items():
        torch.testing.assert_close(average[key], value, rtol=1e-5, atol=1e-7)
    assert not any(p.requires_grad for p in model.ema.parameters())


def test_evaluation_and_sampling_use_the_average(tmp_path: Path) -> None:
    model = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0, callbacks=[EMA(0.9)]).fit(model, TinyData())
    latent = torch.randn(4, 3)
    model.eval()
    assert torch.equal(model(latent), model.ema["generator"](latent))
    assert not torch.equal(model(latent), model.generator(latent))
    assert model.weights_kind == "ema"


def test_zero_decay_keeps_no_average(tmp_path: Path) -> None:
    model = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[EMA(0.0)]).fit(model, TinyData())
    assert len(model.ema) == 0
    assert model.weights_kind == "raw"


def test_a_checkpoints_average_is_there_without_the_callback(tmp_path: Path) -> None:
    model = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0, callbacks=[EMA(0.9), LastCheckpoint()]).fit(
        model, TinyData()
    )
    loaded = DCGAN.load_from_checkpoint(
        tmp_path / "checkpoints" / "last.ckpt",
        generator=tiny_dcgan().generator,
        discriminator=tiny_dcgan().discriminator,
    )
    state = loaded.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
