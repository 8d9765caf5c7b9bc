"""Generators whose layers of a trained model are not trained in the first steps, such as G1 of pix2pixHD."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.core.errors import InputError
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families.sides import Side
from lightning_gans.networks import CoarseToFineTranslator, ResNetTranslator
from lightning_gans.networks.layers import InstanceNorm
from lightning_gans.variants import Pix2Pix
from tests.support import checkpoint_files
from tests.support.forked import on_two_processes
from tests.support.tiny import last_checkpoint, tiny_trainer, weights
from tests.support.tiny_translation import tiny_facades, tiny_pix2pix

COARSE: dict[str, Any] = {"width": 4, "halvings": 1, "blocks": 1, "norm": InstanceNorm}
FINE = partial(CoarseToFineTranslator, local_blocks=1, **COARSE)
GLOBAL = "generator.layers."


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a global generator."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("source") / "coarse.ckpt"
    settings = {"_class_path": "lightning_gans.variants.Pix2Pix", "channels_a": 3, "direction": "a_to_b"}
    return checkpoint_files.write(path, settings, {"generator": ResNetTranslator(3, 3, 8, **COARSE)})


def fit(folder: Path, model: Pix2Pix, steps: int, batch_size: int = 2, **kwargs: Any) -> dict[str, Any]:
    options = {key: kwargs.pop(key) for key in ("devices", "strategy") if key in kwargs}
    callbacks = [LastCheckpoint(every_n_steps=1)]
    trainer = tiny_trainer(folder, max_steps=steps, limit_val_batches=0, callbacks=callbacks, **options)
    trainer.fit(model, tiny_facades(batch_size=batch_size), **kwargs)
    return last_checkpoint(folder)


def same(some: Mapping[str, Tensor], others: Mapping[str, Tensor], head: str = "") -> bool:
    keys = [key for key in some if key.startswith(head)]
    assert keys
    return all(torch.equal(some[key], others[key]) for key in keys)


def test_the_enhancer_is_trained_first_and_a_resumed_run_is_exact(source: Path, tmp_path: Path) -> None:
    def make(**kwargs: Any) -> Pix2Pix:
        decay = partial(torch.optim.AdamW, lr=1e-3)
        return tiny_pix2pix(FINE, **{"optimizer_g": decay, "start_from": copy, "freeze_g_steps": 2, **kwargs})

    copy = tmp_path / "copy.ckpt"
    copy.write_bytes(source.read_bytes())
    whole = fit(tmp_path / "whole", make(), 3)
    frozen = fit(tmp_path / "parts", make(), 1)
    stored = torch.load(source, weights_only=True)["state_dict"]
    fine = frozen["state_dict"]
    kept = [key for key in stored if key in fine]
    assert {key for key in fine if key.startswith(GLOBAL)} == set(kept)
    assert all(torch.equal(fine[key], stored[key]) for key in kept)
    assert not same(make().state_dict(), fine, "generator.enhancers.0.down.0.")
    enhancer = [key for key, _ in make().named_parameters() if key.startswith("generator.enhancers.")]
    assert len(frozen["optimizer_states"][0]["state"]) == len(enhancer)
    copy.unlink()
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    with pytest.raises(InputError, match="freeze_g_steps is 9 here but 2 in the checkpoint"):
        fit(tmp_path / "parts", make(freeze_g_steps=9), 3, ckpt_path=last)
    resumed = fit(tmp_path / "parts", make(), 3, ckpt_path=last)
    assert same(whole["state_dict"], resumed["state_dict"])
    assert str(whole["optimizer_states"]) == str(resumed["optimizer_states"])
    assert not same(fine, resumed["state_dict"], GLOBAL)
    steps = {float(state["step"]) for state in resumed["optimizer_states"][0]["state"].values()}
    assert steps == {3.0, 1.0}


@pytest.mark.parametrize(("interval", "accumulate", "starts"), [(1, 2, [0, 0, 2, 2]), (3, 2, [2, 2, 8, 8])])
def test_an_update_begins_with_its_first_batch(interval: int, accumulate: int, starts: list[int]) -> None:
    side = Side(0, interval, accumulate, None, [])
    due = [step for step in range(12) if side.is_due(step)][:4]
    assert [side.window_start(step) for step in due] == starts


def test_what_would_freeze_all_or_nothing_is_refused(source: Path, tmp_path: Path) -> None:
    whole = partial(ResNetTranslator, **COARSE)
    for start, network, count in ((source, whole, "all"), (None, FINE, "no")):
        model = tiny_pix2pix(network, start_from=start, freeze_g_steps=1)
        with pytest.raises(InputError, match=f"freeze_g_steps is 1, but {count} layers of model.generator start from"):
            fit(tmp_path, model, 1)
    with pytest.raises(ValueError, match="freeze_g_steps is -1; expected at least 0"):
        tiny_pix2pix(FINE, freeze_g_steps=-1)
    checkpoint = fit(tmp_path, tiny_pix2pix(FINE, start_from=source, freeze_g_steps=2), 1)
    for wrong in (["layers.99"], [["layers.1"]], 5):
        torch.save({**checkpoint, "frozen_layers": {"generator": wrong}}, tmp_path / "wrong.ckpt")
        model = tiny_pix2pix(FINE, start_from=source, freeze_g_steps=2)
        with pytest.raises(InputError, match=r"frozen_layers do not fit model\.generator; expected its own layers"):
            fit(tmp_path, model, 2, ckpt_path=tmp_path / "wrong.ckpt")


@pytest.mark.slow
def test_processes_compute_what_one_computes(source: Path, tmp_path: Path) -> None:
    def run(devices: int) -> dict[str, Tensor]:
        sgd = partial(torch.optim.SGD, lr=0.02)
        model = tiny_pix2pix(FINE, start_from=source, freeze_g_steps=2, optimizer_g=sgd, optimizer_d=sgd)
        options = {"devices": devices, "strategy": AlternatingDDP()} if devices > 1 else {}
        fit(tmp_path / str(devices), model, 3, 4 // devices, **options)
        return weights(model)

    one, (first, second) = run(1), on_two_processes(partial(run, 2), tmp_path / "results")
    assert same(first, second)
    for key, value in one.items():
        torch.testing.assert_close(first[key], value, rtol=0, atol=1e-5)
