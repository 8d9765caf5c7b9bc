"""A run that is killed at any step and resumed ends with the weights of the uninterrupted one, bit for bit."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.augmentations import DiffAugment
from lightning_gans.components.optimizers import CosineDecay, DecayWithMomentum, GANAdam, LinearDecay
from lightning_gans.components.penalties import R1
from lightning_gans.components.schedules import CosineSchedule
from lightning_gans.core.errors import InputError
from lightning_gans.families import LatentGAN
from lightning_gans.families.compat import finished_epochs
from lightning_gans.networks import DCGANDiscriminator
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.variants import LATENT_VARIANTS, networks_for

EPOCHS = 3
"""Of five steps each."""


class KilledError(RuntimeError):
    """Stands for the end of the process."""


class Kill(Callback):
    """Ends the run after a given step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            raise KilledError


def make_model(dropout: bool = True, **kwargs: Any) -> DCGAN:
    arguments: dict[str, Any] = {
        "optimizer_g": lambda p: GANAdam(p, lr=1e-3),
        "optimizer_d": lambda p: torch.optim.RMSprop(p, lr=1e-3),
        "scheduler_g": lambda o: LinearDecay(o, start=0.2),
        "scheduler_d": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.9),
        "penalty": R1(weight=0.1, interval=3),
    }
    model = tiny_dcgan(**{**arguments, **kwargs})
    if dropout:  # draws from the global generator
        assert isinstance(model.discriminator, DCGANDiscriminator)
        model.discriminator.layers.insert(1, nn.Dropout(0.3))
    return model


def fit(
    folder: Path,
    model: LatentGAN,
    data: TinyData,
    *callbacks: Callback,
    ckpt_path: Path | None = None,
    limit_train_batches: int | float = 1.0,
    ema: EMA | None = None,
) -> Any:
    trainer = tiny_trainer(
        folder,
        max_epochs=EPOCHS,
        limit_train_batches=limit_train_batches,
        callbacks=[ema or EMA(0.9), LastCheckpoint(every_n_steps=1), *callbacks],
    )
    trainer.fit(model, data, ckpt_path=ckpt_path)
    return trainer


def everything(trainer: Any) -> dict[str, Tensor]:
    """All tensors of model, averages and optimizers, and the learning rates."""
    state: dict[str, Tensor] = {"steps": torch.tensor(trainer.global_step), **trainer.lightning_module.state_dict()}
    for index, optimizer in enumerate(trainer.optimizers):
        for name, entries in optimizer.state_dict()["state"].items():
            state.update({f"optimizer{index}.{name}.{key}": torch.as_tensor(v) for key, v in entries.items()})
        group = optimizer.param_groups[0]
        state[f"optimizer{index}.lr"] = torch.tensor(group["lr"])
        state[f"optimizer{index}.betas"] = torch.tensor(group.get("betas", ()))
    return state


def assert_resumes_exactly(
    tmp_path: Path,
    step: int,
    num_workers: int = 0,
    limit: int | float = 1.0,
    ema: EMA | None = None,
    **kwargs: Any,
) -> None:
    def run(folder: str, *callbacks: Callback, ckpt_path: Path | None = None) -> Any:
        model, data = make_model(**kwargs), TinyData(num_workers=num_workers)
        return fit(tmp_path / folder, model, data, *callbacks, ckpt_path=ckpt_path, limit_train_batches=limit, ema=ema)

    whole = everything(run("whole"))
    with pytest.raises(KilledError):
        run("cut", Kill(step))
    torch.manual_seed(99)  # a new process
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    resumed = everything(run("cut", ckpt_path=last))
    assert resumed.keys() == whole.keys()
    different = [key for key in whole if not torch.equal(whole[key], resumed[key])]
    assert not different


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"limit_val_batches": 0},
        pytest.param({"check_val_every_n_epoch": 2}, marks=pytest.mark.slow),
        pytest.param({"val_check_interval": 2}, marks=pytest.mark.slow),
        {"check_val_every_n_epoch": None, "val_check_interval": 4},
        {"max_steps": 8},
    ],
    ids=str,
)
def test_every_checkpoint_that_is_ever_written_leads_to_the_same_end(tmp_path: Path, options: dict[str, Any]) -> None:
    class Snapshots(AtomicCheckpointIO):
        def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, *args: Any, **kwargs: Any) -> None:
            super().save_checkpoint(checkpoint, path, *args, **kwargs)
            shutil.copy(path, tmp_path / f"{len(list(tmp_path.glob('*.ckpt'))):02d}.ckpt")

    epochs = 2 if options else EPOCHS

    def run(folder: Path, io: AtomicCheckpointIO, ckpt_path: Path | None = None) -> tuple[Any, list[int]]:
        validated = Validated()
        callbacks = [validated, EMA(0.9), LastCheckpoint(every_n_steps=1)]
        settings = {"max_epochs": epochs, "callbacks": callbacks, "plugins": [io], **options}
        trainer = tiny_trainer(folder, **settings)
        trainer.fit(make_model(), TinyData(), ckpt_path=ckpt_path)
        return everything(trainer), validated.steps

    whole, validated = run(tmp_path / "whole", Snapshots())
    snapshots = sorted(tmp_path.glob("*.ckpt"))
    contents = [torch.load(path, weights_only=True) for path in snapshots]
    steps = [content["global_step"] for content in contents]
    assert [finished_epochs(content["loops"]) for content in contents] == [step // 5 for step in steps]
    assert set(steps) == set(range(1, whole["steps"].item() + 1))
    for path, step in zip(snapshots, steps, strict=True):
        torch.manual_seed(99)  # a new process
        resumed, later = run(tmp_path / path.stem, AtomicCheckpointIO(), path)
        assert not [key for key in whole if not torch.equal(whole[key], resumed[key])], step
        # No validation is left out but the one that had just ended.
        assert set(later) >= {at for at in validated if at > step}, step


class Validated(Callback):
    """Notes after which steps there was a validation."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self.steps.append(trainer.global_step)


@pytest.mark.parametrize("step", [1, 5, 7, 14])
def test_killed_at_any_step_and_resumed_equals_uninterrupted(tmp_path: Path, step: int) -> None:
    assert_resumes_exactly(tmp_path, step)


def test_resume_is_exact_with_worker_processes(tmp_path: Path) -> None:
    assert_resumes_exactly(tmp_path, 7, num_workers=2)


@pytest.mark.parametrize("step", [2, 7])
def test_resume_is_exact_while_schedules_change_rate_beta2_penalty_and_average(tmp_path: Path, step: int) -> None:
    assert_resumes_exactly(
        tmp_path,
        step,
        optimizer_d=lambda p: GANAdam(p, lr=1e-3),
        scheduler_g=lambda o: CosineDecay(o, lr=1e-4, beta2=0.9, share=0.8),
        scheduler_d=lambda o: CosineDecay(o, lr=1e-4, beta2=0.9, steps=10),
        penalty=R1(weight=CosineSchedule(1.0, 0.1), interval=2),
        ema=EMA(half_life=CosineSchedule(0.0, 5.0)),
    )


@pytest.mark.parametrize("limit", [3, 0.6, pytest.param(99, marks=pytest.mark.slow)])
@pytest.mark.parametrize("step", [2, 3, 5])
def test_resume_is_exact_in_epochs_that_the_trainer_cuts_short(tmp_path: Path, step: int, limit: int | float) -> None:
    assert_resumes_exactly(tmp_path, step, limit=limit)


@pytest.mark.parametrize("step", [6, 7, 8])
def test_resume_is_exact_between_accumulated_gradients(tmp_path: Path, step: int) -> None:
    assert_resumes_exactly(tmp_path, step, accumulate_d=3, accumulate_g=2, n_critic=2)


def test_a_changed_seed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path, make_model(), TinyData())
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    with pytest.raises(InputError, match="seed_everything is 1 here but 0 in the checkpoint"):
        fit(tmp_path, make_model(), TinyData(), ckpt_path=tmp_path / "checkpoints" / "last.ckpt")


def test_a_changed_batch_size_within_an_epoch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        fit(tmp_path, make_model(), TinyData(), Kill(7))
    with pytest.raises(InputError, match=r"data\.batch_size"):
        fit(tmp_path, make_model(), TinyData(batch_size=4), ckpt_path=tmp_path / "checkpoints" / "last.ckpt")


def test_a_checkpoint_is_no_larger_than_its_parts(tmp_path: Path) -> None:
    trainer = fit(tmp_path, make_model(dropout=False), TinyData())
    parts = sum(value.numel() * value.element_size() for value in everything(trainer).values())
    size = (tmp_path / "checkpoints" / "last.ckpt").stat().st_size
    assert size <= parts + 200_000


def test_a_checkpoint_loads_with_the_safe_loader_and_holds_no_object(tmp_path: Path) -> None:
    fit(tmp_path, make_model(dropout=False), TinyData())
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["hyper_parameters"]["generator"]["init_args"]["width"] == 2


def test_without_averages_in_the_checkpoint_the_average_starts_from_its_generator(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[LastCheckpoint()])
    model = make_model(dropout=False)
    trainer.fit(model, TinyData())
    other = make_model(dropout=False)
    with pytest.warns(UserWarning, match="holds no averaged generator"):
        tiny_trainer(tmp_path, max_epochs=1, callbacks=[EMA(0.9)]).fit(
            other, TinyData(), ckpt_path=tmp_path / "checkpoints" / "last.ckpt"
        )
    for key, value in model.generator.state_dict().items():
        assert torch.equal(value, other.ema["generator"].state_dict()[key])


def sgd(parameters: Any) -> torch.optim.SGD:
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.5)


@pytest.mark.parametrize("variant", LATENT_VARIANTS)
def test_every_variant_goes_on_as_if_nothing_had_happened(variant: type[LatentGAN], tmp_path: Path) -> None:
    def make() -> LatentGAN:
        torch.manual_seed(0)
        return variant(
            **networks_for(variant),
            augmentation=DiffAugment(),
            optimizer_d=sgd,
            scheduler_d=partial(DecayWithMomentum, divisor=1.1, momentum_steps=20),
            n_critic=2,
        )

    expected = everything(fit(tmp_path / "whole", make(), TinyData()))
    with pytest.raises(KilledError):
        fit(tmp_path, make(), TinyData(), Kill(7))
    resumed = fit(tmp_path, make(), TinyData(), ckpt_path=tmp_path / "checkpoints" / "last.ckpt")
    assert resumed.optimizers[1].param_groups[0]["momentum"] == pytest.approx(0.5 + 0.2 * 15 / 20)
    actual = everything(resumed)
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[key], expected[key]) for key in expected)


@pytest.mark.gpu
def test_resume_under_mixed_precision_goes_on_with_its_scale(tmp_path: Path) -> None:
    def run(folder: Path, *callbacks: Callback, ckpt_path: Path | None = None) -> Any:
        trainer = tiny_trainer(
            folder,
            accelerator="cuda",
            devices=1,
            precision="16-mixed",
            deterministic="warn",
            max_epochs=EPOCHS,
            callbacks=[EMA(0.9), LastCheckpoint(every_n_steps=1), *callbacks],
        )
        trainer.fit(make_model(), TinyData(), ckpt_path=ckpt_path)
        return trainer

    whole = run(tmp_path / "whole")
    with pytest.raises(KilledError):
        run(tmp_path / "cut", Kill(7))
    resumed = run(tmp_path / "cut", ckpt_path=tmp_path / "cut" / "checkpoints" / "last.ckpt")
    scales = [trainer.precision_plugin.scaler.state_dict() for trainer in (whole, resumed)]
    assert scales[0] == scales[1]
    expected, actual = everything(whole), everything(resumed)
    assert not [key for key in expected if not torch.equal(expected[key], actual[key])]


def test_a_run_without_a_seed_continues_with_that_of_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED")
    torch.manual_seed(2**40 + 7)
    whole = everything(fit(tmp_path / "whole", make_model(), TinyData()))
    torch.manual_seed(2**40 + 7)
    with pytest.raises(KilledError):
        fit(tmp_path / "cut", make_model(), TinyData(), Kill(7))
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    torch.manual_seed(99)  # a new process
    resumed = fit(tmp_path / "cut", make_model(), TinyData(), ckpt_path=last)
    assert not [key for key, value in everything(resumed).items() if not torch.equal(value, whole[key])]
    seed = torch.load(last, weights_only=True)["run_seed"]
    assert seed == resumed.lightning_module.run_seed < 2**32  # a seed that seed_everything takes
    torch.manual_seed(100)
    trainer = tiny_trainer(tmp_path)
    trainer.validate(resumed.lightning_module, TinyData(), ckpt_path=last, verbose=False)
    assert trainer.lightning_module.run_seed == seed
