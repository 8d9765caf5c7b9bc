"""The seeds of a step on devices that this machine does not have."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lightning_gans.core.randomness import seed_step


def test_other_devices_than_cuda_are_seeded_through_their_module(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch, "get_device_module", lambda device: SimpleNamespace(manual_seed=seeds.append))
    for step in (1, 2, 1):
        seed_step(torch.device("mps"), 0, "step", 0, step)
    assert seeds[0] == seeds[2] != seeds[1]
