"""Steps of every variant in every precision, on a CPU and, with ``-m gpu``, the same on CUDA."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision

from lightning_gans.callbacks import EMA, Compilation, Evaluation, LastCheckpoint, SampleGrid, Watchdog
from lightning_gans.components.augmentations import DiffAugment
from lightning_gans.components.penalties import R1
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from tests.support.compiled_runs import RUNS
from tests.support.half import emulated_half
from tests.support.operations import WITHOUT_DETERMINISTIC_CUDA_CODE, Operations
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights
from tests.support.tiny_translation import TINY, tiny_facades
from tests.support.variants import ENERGY_VARIANTS, LATENT_VARIANTS, networks_for

Make = Callable[[], Adversarial]

CUDA = pytest.param("cuda", marks=pytest.mark.gpu)
PRECISIONS = ["32-true", "bf16-mixed", "16-mixed"]
ROWS = [
    # Other tests make steps of every variant on a CPU in 32-true.
    ("16-mixed", "cpu"),
    pytest.param("bf16-mixed", "cpu", marks=pytest.mark.slow),
    *(pytest.param(precision, "cuda", marks=pytest.mark.gpu) for precision in PRECISIONS),
]


def with_penalty(variant: type[LatentGAN]) -> LatentGAN:
    """A variant with its paper's penalty, or R1 where there is none."""
    settings: dict[str, Any] = {**networks_for(variant), "augmentation": DiffAugment(), "n_critic": 1}
    model = variant(**settings)
    without = model.penalty is None and variant not in ENERGY_VARIANTS  # whose logits have no such penalty
    return variant(**settings, penalty=R1()) if without else model


MODELS: dict[str, tuple[Make, Callable[[], Any]]] = {
    **{variant.__name__: (partial(with_penalty, variant), TinyData) for variant in LATENT_VARIANTS},
    **{make.__name__: (make, tiny_facades) for make in TINY},
}


def trainer_on(device: str, precision: str, folder: Path, **kwargs: Any) -> Any:
    """A trainer on one device; a CPU emulates 16-mixed."""
    if device == "cpu" and precision == "16-mixed":
        return tiny_trainer(folder, **{"plugins": [AtomicCheckpointIO(), emulated_half(1024.0)], **kwargs})
    return tiny_trainer(folder, accelerator=device, devices=1, precision=precision, **kwargs)


@pytest.mark.parametrize(("precision", "device"), ROWS)
@pytest.mark.parametrize("name", MODELS)
def test_every_variant_makes_steps_in_every_precision(name: str, precision: str, device: str, tmp_path: Path) -> None:
    make, data = MODELS[name]
    model = make()
    before = weights(model)
    trainer = trainer_on(
        device,
        precision,
        tmp_path,
        max_steps=2,
        limit_val_batches=1,
        callbacks=[EMA(0.9), Watchdog(), LastCheckpoint()],
    )
    trainer.fit(model, data())
    assert model.losses.keys() == {"g", "d"}
    after = weights(model)
    moved = {key.partition(".")[0] for key, value in before.items() if not torch.equal(value, after[key].cpu())}
    assert moved >= {*model.generators, *model.discriminators}
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert all(value.isfinite().all() for value in after.values())
    assert all(loss.dtype == torch.float32 for loss in model.losses.values())
    if isinstance(trainer.precision_plugin, MixedPrecision) and precision == "16-mixed":
        assert model.loss_scaling is not None
        assert all(float(count) <= 1 for count in model.loss_scaling.skipped.values())


@pytest.mark.usefixtures("deterministic_process")
@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_a_resumed_run_is_bit_equal_with_deterministic_algorithms(precision: str, device: str, tmp_path: Path) -> None:
    def run(folder: Path, steps: int, ckpt_path: Path | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        callbacks = [EMA(0.9), LastCheckpoint(every_n_steps=1)]
        options: dict[str, Any] = {"max_steps": steps, "limit_val_batches": 0, "deterministic": True}
        trainer = trainer_on(device, precision, folder, callbacks=callbacks, **options)
        model = tiny_dcgan(penalty=R1(interval=2), augmentation=DiffAugment(), accumulate_d=2, clip_g=1.0)
        trainer.fit(model, TinyData(), ckpt_path=None if ckpt_path is None else str(ckpt_path))
        stored = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        return weights(model), stored

    whole, expected = run(tmp_path / "whole", 8)
    run(tmp_path / "cut", 5)
    resumed, stored = run(tmp_path / "cut", 8, tmp_path / "cut" / "checkpoints" / "last.ckpt")
    assert all(torch.equal(value, whole[key]) for key, value in resumed.items())
    assert stored["loss_scaling"] == expected["loss_scaling"]
    assert bool(stored["loss_scaling"]) is (precision == "16-mixed")
    assert stored.get("MixedPrecision") == expected.get("MixedPrecision")


@pytest.mark.usefixtures("deterministic_process")
@pytest.mark.parametrize("name", MODELS)
def test_no_operation_of_a_deterministic_run_raises_on_cuda(name: str, tmp_path: Path) -> None:
    make, data = MODELS[name]
    callbacks = [EMA(0.9), Evaluation(cache=tmp_path / "cache"), SampleGrid(), Watchdog()]
    options: dict[str, Any] = {"max_steps": 2, "limit_val_batches": 1, "callbacks": callbacks, "deterministic": True}
    operations = Operations()
    trainer = trainer_on("cpu", "32-true", tmp_path, **options)
    with operations:
        trainer.fit(make(), data())
    assert "convolution_backward.default" in operations.names or "mm.default" in operations.names
    found = {operation.partition(".")[0] for operation in operations.names}
    assert not found & WITHOUT_DETERMINISTIC_CUDA_CODE


@pytest.mark.usefixtures("deterministic_process")
@pytest.mark.gpu
@pytest.mark.parametrize("name", MODELS)
def test_every_variant_trains_with_deterministic_algorithms(name: str, tmp_path: Path) -> None:
    make, data = MODELS[name]
    ends = []
    for _ in range(2):
        torch.manual_seed(0)
        model = make()
        options: dict[str, Any] = {"max_steps": 3, "limit_val_batches": 1, "deterministic": True}
        trainer_on("cuda", "32-true", tmp_path, **options).fit(model, data())
        ends.append(weights(model))
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_scores_are_measured_in_half_precision(device: str, tmp_path: Path) -> None:
    callbacks = [EMA(0.9), Evaluation(cache=tmp_path / "cache")]
    trainer = trainer_on(device, "16-mixed", tmp_path, max_epochs=1, callbacks=callbacks)
    trainer.fit(tiny_dcgan(penalty=R1()), TinyData())
    assert trainer.callback_metrics["val/fid"].isfinite()


@pytest.mark.gpu
@pytest.mark.timeout(900)
@pytest.mark.parametrize("cuda_graphs", [False, True])
@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "cyclegan"])
def test_compiled_networks_make_finite_steps_in_half_precision(name: str, cuda_graphs: bool, tmp_path: Path) -> None:
    make, data = RUNS[name]
    torch.compiler.reset()
    model, compilation = make(), Compilation(networks=True, cuda_graphs=cuda_graphs)
    before = weights(model)
    trainer = trainer_on("cuda", "16-mixed", tmp_path, max_steps=20, limit_val_batches=0, callbacks=[compilation])
    trainer.fit(model, data())
    after = weights(model)
    moved = {key.partition(".")[0] for key, value in before.items() if not torch.equal(value, after[key].cpu())}
    assert moved >= {*model.generators, *model.discriminators}
    assert all(value.isfinite().all() for value in after.values())
    assert model.loss_scaling is not None
    assert all(float(model.loss_scaling.scalars(side)[f"loss_scale/{side}"]) >= 1 for side in ("g", "d"))


@pytest.mark.parametrize(
    "device", [pytest.param("cpu", marks=pytest.mark.slow), pytest.param("cuda", marks=pytest.mark.gpu)]
)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_two_devices_end_with_the_same_weights(device: str, precision: str, tmp_path: Path) -> None:
    if device == "cuda" and torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    command = [sys.executable, "-m", "tests.families.test_devices", device, precision, str(tmp_path)]
    environment = {**os.environ, "PL_GLOBAL_SEED": "0"}
    if device == "cpu":
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    start = weights(tiny_dcgan())
    assert all(torch.equal(value, second["weights"][key]) for key, value in first["weights"].items())
    assert any(not torch.equal(value, start[key]) for key, value in first["weights"].items())
    assert first["skipped"] == second["skipped"]


def two_devices(device: str, precision: str, folder: Path) -> None:
    """One rank of a run with R1, batch normalization of both ranks and accumulation; stores its weights."""
    torch.set_num_threads(1)
    options: dict[str, Any] = {"accelerator": device, "devices": 2, "strategy": AlternatingDDP()}
    if device == "cpu" and precision == "16-mixed":
        options["plugins"] = [AtomicCheckpointIO(), emulated_half(1024.0)]
    else:
        options["precision"] = precision
    model = tiny_dcgan(penalty=R1(interval=2), accumulate_d=2, clip_g=1.0)
    trainer = tiny_trainer(folder, max_steps=6, limit_val_batches=0, **options)
    trainer.fit(model, TinyData(batch_size=4))
    scaling = model.loss_scaling
    skipped = {} if scaling is None else {name: float(count) for name, count in scaling.skipped.items()}
    kept = {key: value.cpu() for key, value in weights(model).items()}
    torch.save({"weights": kept, "skipped": skipped}, folder / f"rank{trainer.global_rank}.pt")


if __name__ == "__main__":
    two_devices(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
