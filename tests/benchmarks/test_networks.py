"""The benchmark of networks: each row trains, and rows are compared with DCGAN's of the same size."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from tests.support.paths import ROOT

BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Any:
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks is not beside the tests")
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    return importlib.import_module("networks")


@pytest.mark.parametrize("penalized", [False, True])
def test_a_step_moves_both_networks(networks: Any, penalized: bool) -> None:
    step = networks.made(networks.YARDSTICK, 16, 2)
    before = [parameter.clone() for network in step[:2] for parameter in network.parameters()]
    step.take(penalized)
    after = [parameter for network in step[:2] for parameter in network.parameters()]
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_times_are_ratios_to_dcgan(networks: Any, capsys: pytest.CaptureFixture[str]) -> None:
    networks.main(["--sizes", "16", "--batch", "2", "--turns", "1"])
    _, _, first, *others = capsys.readouterr().out.splitlines()
    assert first.split(" | ")[1] == networks.YARDSTICK
    assert first.split(" | ")[4] == first.removesuffix(" |").split(" | ")[6] == "1.0"
    assert len(others) == len(networks.NETWORKS) - 1


def test_the_peak_of_a_process_is_at_least_its_parts(networks: Any) -> None:
    figures = networks.train(networks.YARDSTICK, 16, 2, steps=1, count=True)
    assert figures["saved"] > 0
    generator, discriminator = networks.made(networks.YARDSTICK, 16, 2)[:2]
    stored = sum(4 * p.numel() for network in (generator, discriminator) for p in network.parameters())
    assert figures["weights"] == pytest.approx(stored / 2**20)
