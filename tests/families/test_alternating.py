"""The alternation: who moves, what is counted, what is logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import MixedPrecision

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.noise import UniformNoise
from lightning_gans.components.optimizers import GANAdam, LinearDecay
from lightning_gans.components.penalties import R1, squared_gradient_norms
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.variants import DCGAN
from tests.support.half import emulated_half
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights


class Moves(Callback):
    """Which side's parameters changed in each batch."""

    def __init__(self) -> None:
        self.moved: list[str] = []
        self.norms: dict[str, list[float]] = {"g": [], "d": []}

    def _sides(self, model: DCGAN) -> dict[str, torch.Tensor]:
        return {
            side: torch.cat([p.detach().flatten().clone() for p in network.parameters()])
            for side, network in (("g", model.generator), ("d", model.discriminator))
        }

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.before = self._sides(pl_module)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        after = self._sides(pl_module)
        self.moved.append("".join(s for s in ("d", "g") if not torch.equal(self.before[s], after[s])))
        for side in after:
            self.norms[side].append((after[side] - self.before[side]).norm().item())


def run(tmp_path: Path, model: DCGAN, steps: int, **kwargs: Any) -> Moves:
    moves = Moves()
    callbacks = [moves, *kwargs.pop("callbacks", [])]
    trainer = tiny_trainer(tmp_path, max_steps=steps, limit_val_batches=0, callbacks=callbacks, **kwargs)
    trainer.fit(model, TinyData())
    assert trainer.global_step == steps
    return moves


def test_both_sides_move_in_every_batch_and_a_batch_is_one_step(tmp_path: Path) -> None:
    assert run(tmp_path, tiny_dcgan(), 7).moved == ["dg"] * 7


def test_n_critic_moves_the_generator_in_every_nth_batch(tmp_path: Path) -> None:
    assert run(tmp_path, tiny_dcgan(n_critic=3), 7).moved == ["d", "d", "dg", "d", "d", "dg", "d"]


def test_accumulation_is_per_side_and_counts_that_sides_turns(tmp_path: Path) -> None:
    moves = run(tmp_path, tiny_dcgan(accumulate_d=2, accumulate_g=3), 6)
    assert moves.moved == ["", "d", "g", "d", "", "dg"]
    moves = run(tmp_path, tiny_dcgan(n_critic=2, accumulate_g=2), 5)
    assert moves.moved == ["d", "d", "d", "dg", "d"]


def test_a_validation_leaves_the_gradients_that_are_being_accumulated(tmp_path: Path) -> None:
    models = [tiny_dcgan(accumulate_d=2, accumulate_g=3) for _ in range(2)]
    for model, interval in zip(models, (1, 6), strict=True):
        tiny_trainer(tmp_path, max_steps=6, val_check_interval=interval, limit_train_batches=6).fit(model, TinyData(60))
    first, second = (weights(model) for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_step_of_one_side_leaves_the_other_untouched(tmp_path: Path) -> None:
    class OnlyD(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            model = pl_module
            fake = model.generator(torch.randn(len(batch.labels), 3))
            generator, discriminator = weights(model.generator), weights(model.discriminator)
            model.optimize("d", model.discriminator_loss(batch.images, fake.detach(), batch.labels))
            assert all(torch.equal(v, weights(model.generator)[k]) for k, v in generator.items())
            assert not torch.equal(
                discriminator["layers.0.weight"], model.discriminator.state_dict()["layers.0.weight"]
            )
            self.trained = weights(model.discriminator)
            # The generator's step computes no gradient for D's weights.
            computed: list[str] = []
            for name, weight in model.named_parameters():
                weight.register_post_accumulate_grad_hook(lambda _, name=name: computed.append(name))
            model.optimize("g", model.generator_loss(batch.images, fake, batch.labels))
            assert sorted(computed) == sorted(f"generator.{name}" for name, _ in model.generator.named_parameters())

    run(tmp_path, tiny_dcgan(), 1, callbacks=[OnlyD()])


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_gradients_take_memory_only_until_their_step(precision: str, tmp_path: Path) -> None:
    """And gradients from before the training are no part of the first ones."""
    kept: list[str] = []

    class Kept(Callback):
        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            sides = {n.partition(".")[0] for n, p in pl_module.named_parameters() if p.grad is not None}
            kept.append(" ".join(sorted(sides)))

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            self.on_before_optimizer_step(trainer, pl_module, None)

    plugins = [AtomicCheckpointIO(), *([emulated_half(1024.0)] if precision == "16-mixed" else [])]
    model = tiny_dcgan()
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, torch.nan)
    run(tmp_path, model, 2, callbacks=[Kept()], plugins=plugins)
    assert kept[1:] == ["generator", "", "discriminator", "generator", ""]


def add_term(model: DCGAN, apart: bool) -> None:
    """Add a term to the losses of both sides, differentiated apart from them or with them."""
    optimize = model.optimize

    def add(name: str, loss: torch.Tensor) -> None:
        term = 0.1 * torch.stack([weight.square().sum() for weight in model.sides[name].parameters]).sum()
        if apart:
            optimize(name, loss, more=True)
            optimize(name, term)
        else:
            optimize(name, loss + term)

    model.optimize = add  # type: ignore[assignment,method-assign]


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_terms_that_are_differentiated_apart_are_one_loss(precision: str, tmp_path: Path) -> None:
    plugins = [AtomicCheckpointIO(), *([emulated_half(1024.0)] if precision == "16-mixed" else [])]
    models = [tiny_dcgan(accumulate_g=2, clip_d=0.1) for _ in range(2)]
    for model, apart in zip(models, (True, False), strict=True):
        add_term(model, apart)
        assert run(tmp_path, model, 4, plugins=plugins).moved == ["d", "dg", "d", "dg"]
    first, second = models
    for name, value in weights(first).items():
        torch.testing.assert_close(value, weights(second)[name], rtol=1e-4, atol=1e-6)
    for name, loss in first.losses.items():
        torch.testing.assert_close(loss, second.losses[name])


def test_clipping_bounds_each_sides_gradient(tmp_path: Path) -> None:
    def sgd(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=1.0)

    model = tiny_dcgan(optimizer_d=sgd, optimizer_g=sgd, clip_d=1e-3, clip_g=1e-4)
    moves = run(tmp_path, model, 3)
    # With plain gradient descent and rate 1 the move is the clipped gradient.
    assert moves.norms["d"] == pytest.approx([1e-3] * 3, rel=1e-3)
    assert moves.norms["g"] == pytest.approx([1e-4] * 3, rel=1e-3)


def test_under_a_gradient_scaler_gradients_are_measured_and_clipped_unscaled(tmp_path: Path) -> None:
    measured = []
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for plugins in ([AtomicCheckpointIO()], [AtomicCheckpointIO(), MixedPrecision("16-mixed", "cpu", scaler)]):
        trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, plugins=plugins)
        trainer.fit(tiny_dcgan(clip_g=0.5, clip_d=0.5), TinyData())
        measured.append([float(trainer.logged_metrics[f"grad_norm/{side}"]) for side in ("g", "d")])
    assert measured[1] == pytest.approx(measured[0], rel=0.1)


def test_clipping_through_the_trainer_is_not_silently_ignored(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=1, gradient_clip_val=1.0)
    with pytest.raises(Exception, match="gradient clipping"):
        trainer.fit(tiny_dcgan(), TinyData())


def test_schedules_step_once_a_batch_and_reach_zero_at_the_end(tmp_path: Path) -> None:
    rates: list[float] = []

    class Rates(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    model = tiny_dcgan(
        optimizer_g=lambda p: GANAdam(p, lr=1.0), scheduler_g=lambda o: LinearDecay(o, start=0.5), n_critic=2
    )
    run(tmp_path, model, 8, callbacks=[Rates()])
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_step_checkpoints_and_log_axis_count_batches(tmp_path: Path) -> None:
    from lightning_gans.runs.csv_logger import ResumableCSVLogger

    logger = ResumableCSVLogger(tmp_path, name="run")
    saved: list[int] = []

    class Recorder(LastCheckpoint):
        def _save(self, trainer: Any, validated: bool = False) -> None:
            saved.append(trainer.global_step)
            super()._save(trainer, validated)

    trainer = tiny_trainer(
        tmp_path,
        max_steps=10,
        limit_val_batches=0,
        log_every_n_steps=5,
        logger=logger,
        callbacks=[Recorder(every_n_steps=4)],
    )
    trainer.fit(tiny_dcgan(n_critic=2), TinyData())
    assert saved == [4, 8, 10]
    rows = (tmp_path / "run" / "version_0" / "metrics.csv").read_text().splitlines()
    steps = [row.split(",")[rows[0].split(",").index("step")] for row in rows[1:]]
    assert steps == ["4", "9"]


def test_losses_are_logged_only_at_the_interval(tmp_path: Path) -> None:
    logged: list[int] = []

    class Model(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if "loss/d" in trainer.progress_bar_metrics and batch_idx not in logged:
                logged.append(batch_idx)

    trainer = tiny_trainer(tmp_path, max_steps=5, limit_val_batches=0, log_every_n_steps=3, callbacks=[Model()])
    trainer.fit(tiny_dcgan(), TinyData())
    assert logged[0] == 2


def test_mixed_precision_trains_and_keeps_float32_weights(tmp_path: Path) -> None:
    model = tiny_dcgan(clip_d=1.0)
    trainer = tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0, precision="bf16-mixed")
    before = weights(model)
    trainer.fit(model, TinyData())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert not torch.equal(before["generator.layers.0.weight"], model.state_dict()["generator.layers.0.weight"])


def test_training_does_not_depend_on_the_global_random_state(tmp_path: Path) -> None:
    finals = []
    for disturbance in (0, 1):
        model = tiny_dcgan(noise=UniformNoise(), penalty=R1())
        torch.manual_seed(disturbance)
        trainer = tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0)
        trainer.fit(model, TinyData())
        finals.append(weights(model))
    assert all(torch.equal(finals[0][key], finals[1][key]) for key in finals[0])


def test_noise_differs_between_ranks_and_steps_and_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_dcgan()
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    trainer.fit(model, TinyData())
    together = None
    for world_size, count in ((1, 8), (2, 4)):
        rows = []
        for rank in range(world_size):
            monkeypatch.setattr(type(trainer), "world_size", world_size, raising=False)
            monkeypatch.setattr(type(trainer), "global_rank", rank, raising=False)
            rows.append(model.training_latent(count))
        latent = torch.cat(rows)
        assert together is None or torch.equal(together, latent)
        assert len(torch.unique(latent, dim=0)) == 8
        together = latent


def test_r1_lowers_the_slope_of_d(tmp_path: Path) -> None:
    slopes = {}
    for weight in (0.0, 10.0):
        model = tiny_dcgan(penalty=R1(weight=weight), optimizer_d=lambda p: GANAdam(p, lr=1e-2))
        data = TinyData()
        trainer = tiny_trainer(tmp_path, max_steps=30, limit_val_batches=0)
        trainer.fit(model, data)
        real = next(iter(data.train_dataloader())).images.float() / 127.5 - 1
        real.requires_grad_(True)
        slopes[weight] = squared_gradient_norms(model.discriminator(real), real).mean().item()
    assert slopes[10.0] < slopes[0.0] / 2


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"n_critic": 0}, "n_critic is 0"),
        ({"accumulate_g": 0}, "accumulate_g is 0"),
        ({"clip_d": -1.0}, "clip_d is -1.0"),
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        tiny_dcgan(**kwargs)


def test_ema_is_refused_no_average_and_named_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"decay is 1\.0"):
        EMA(decay=1.0)


def test_a_run_without_a_seed_draws_one_and_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED")
    seeds: list[int] = []

    class Noting(Callback):
        def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
            assert isinstance(pl_module, DCGAN)
            seeds.append(pl_module.run_seed)

    torch.manual_seed(11)
    tiny_trainer(tmp_path, max_steps=3, callbacks=[Noting()]).fit(tiny_dcgan(), TinyData())
    torch.manual_seed(12)
    tiny_trainer(tmp_path, max_steps=1, callbacks=[Noting()]).fit(tiny_dcgan(), TinyData())
    assert len(seeds) == 4
    assert len(set(seeds[:3])) == 1
