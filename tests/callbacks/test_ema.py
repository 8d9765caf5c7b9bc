"""The average of the generators' weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.schedules import CosineSchedule
from lightning_gans.networks.layers import apply_spectral_norm
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


@pytest.mark.parametrize("half_life", [None, 2.0])
def test_an_interval_averages_every_kth_update_with_the_product_of_the_decays(
    tmp_path: Path, half_life: float | None
) -> None:
    seen: list[dict[str, Tensor]] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append({k: v.clone() for k, v in pl_module.generator.state_dict().items()})

    model = tiny_dcgan(n_critic=2)
    expected = {k: v.clone() for k, v in model.generator.state_dict().items()}
    ema = EMA(0.3, half_life=half_life, interval=3)
    tiny_trainer(tmp_path, max_steps=15, limit_val_batches=0, callbacks=[ema, Watch()]).fit(model, TinyData())
    for last in (3, 6):  # the seventh update is not averaged
        decays = [min(0.3, (1 + n) / (10 + n)) if half_life is None else 0.5**0.5 for n in range(last - 2, last + 1)]
        decay, state = math.prod(decays), seen[2 * last - 1]
        for key, value in state.items():
            mean = decay * expected[key] + (1 - decay) * value
            expected[key] = mean if value.is_floating_point() else value
    for key, value in expected.items():
        torch.testing.assert_close(model.ema["generator"].state_dict()[key], value, rtol=1e-5, atol=1e-7)


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


@pytest.mark.parametrize("interval", ["n_critic", "accumulate_g"])
def test_the_average_counts_updates_of_the_generator(interval: str, tmp_path: Path) -> None:
    seen: list[Tensor] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append(next(pl_module.generator.parameters()).detach().clone())

    arguments: dict[str, Any] = {interval: 3}
    model = tiny_dcgan(**arguments)
    expected = next(model.generator.parameters()).detach().clone()
    tiny_trainer(tmp_path, max_steps=11, limit_val_batches=0, callbacks=[EMA(0.3), Watch()]).fit(model, TinyData())
    for update, weight in enumerate(seen[2::3], start=1):
        decay = min(0.3, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(next(model.ema["generator"].parameters()), expected, rtol=1e-5, atol=1e-7)


def test_only_running_statistics_are_averaged_among_the_buffers(tmp_path: Path) -> None:
    model = tiny_dcgan(optimizer_g=lambda params: GANAdam(params, lr=0.05))
    apply_spectral_norm(model.generator)
    tiny_trainer(tmp_path, max_steps=6, limit_val_batches=0, callbacks=[EMA(0.9)]).fit(model, TinyData())
    now, average = model.generator.state_dict(), model.ema["generator"].state_dict()
    vectors = [key for key in average if key.endswith(("._u", "._v"))]
    assert vectors
    for key in vectors:
        assert torch.equal(average[key], now[key]), key
    for key in average:
        if key.endswith("running_mean"):
            assert not torch.equal(average[key], now[key]), key


def test_a_half_life_can_grow_during_the_run(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append(next(pl_module.ema["generator"].parameters()).clone())
            weights.append(next(pl_module.generator.parameters()).detach().clone())

    weights: list[Tensor] = []
    model = tiny_dcgan()
    half_life = CosineSchedule(0.0, 4.0, steps=4)
    tiny_trainer(tmp_path, max_steps=7, limit_val_batches=0, callbacks=[EMA(half_life=half_life), Watch()]).fit(
        model, TinyData()
    )
    # The code of R3GAN: 0.5 ** (batch_size / max(ema_nimg, 1e-8)), for the number of images seen before the step.
    decays = [0.5 ** (1 / max(2 - 2 * math.cos(math.pi * min(step, 4) / 4), 1e-8)) for step in range(7)]
    assert decays[0] == 0
    assert decays[4] == decays[6] == pytest.approx(0.5 ** (1 / 4))
    expected = weights[0]
    for step, decay in enumerate(decays):
        expected = decay * expected + (1 - decay) * weights[step]
        torch.testing.assert_close(seen[step], expected, rtol=1e-5, atol=1e-7)


def test_a_resumed_run_without_averages_evaluates_the_raw_weights(tmp_path: Path) -> None:
    def run(steps: int, decay: float, ckpt_path: Path | None = None) -> DCGAN:
        model = tiny_dcgan()
        callbacks: list[Callback] = [EMA(decay), LastCheckpoint()]
        trainer = tiny_trainer(tmp_path, max_steps=steps, limit_val_batches=0, callbacks=callbacks)
        trainer.fit(model, TinyData(), ckpt_path=ckpt_path)
        return model

    last = tmp_path / "checkpoints" / "last.ckpt"
    run(2, 0.9)
    assert any(key.startswith("ema.") for key in torch.load(last, weights_only=True)["state_dict"])
    model = run(4, 0.0, last)
    assert (model.weights_kind, model.eval_generator("generator")) == ("raw", model.generator)
    assert not any(key.startswith("ema.") for key in torch.load(last, weights_only=True)["state_dict"])


def test_bad_numbers_are_named() -> None:
    with pytest.raises(ValueError, match=r"decay is 1\.0"):
        EMA(1.0)
    with pytest.raises(ValueError, match="half_life is -1"):
        EMA(half_life=-1)
