"""What a step sends, and how far it scales on paper."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from lightning_gans.components.penalties import R1
from lightning_gans.distributed.synced_batch_norm import sync_batch_norm
from lightning_gans.families import Adversarial
from lightning_gans.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    PatchGAN,
    UNet,
)
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.variants import GAN, R3GAN, WGANGP
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix

BENCHMARKS = ROOT / "benchmarks"
STEPS = 4


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Any:
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks is not beside the tests")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("traffic")


def small_gan(**kwargs: Any) -> GAN:
    """G of 2 x 3 + 3 and 3 x 784 + 784 numbers, D of 784 x 5 + 5 and 5 + 1."""
    return GAN(
        generator=MLPGenerator(1, 28, latent_dim=2, widths=[3]),
        discriminator=MLPDiscriminator(1, 28, widths=[5]),
        **kwargs,
    )


# Gradients.


def test_a_step_reduces_each_gradient_once(traffic: Any) -> None:
    sizes = {m.what: (m.size, m.per_step) for m in traffic.alternating(small_gan(), callbacks=False)}
    assert sizes == {"gradients of g": (4 * (3145 + 4), 1), "gradients of d": (4 * (3931 + 4), 1)}


def test_accumulation_and_n_critic_reduce_less_often(traffic: Any) -> None:
    plain, accumulated, slow = (
        traffic.payload(traffic.alternating(small_gan(**kwargs), callbacks=False))
        for kwargs in ({}, {"accumulate_g": 4, "accumulate_d": 4}, {"n_critic": 5})
    )
    assert plain == 4 * (3149 + 3935)
    assert accumulated == plain / 4
    assert slow == 4 * (3149 / 5 + 3935)


def test_the_wrapper_reduces_both_sides_twice(traffic: Any) -> None:
    gradients, used = traffic.wrapped(small_gan())
    assert (gradients.size, gradients.per_step) == (4 * (3145 + 3931), 2)
    assert (used.size, used.per_step) == (4 * 8, 2)


def test_the_watchdog_and_the_signals_send_little(traffic: Any) -> None:
    messages = traffic.alternating(small_gan(), log_every=50)[2:]
    assert traffic.payload(messages) == pytest.approx(4 * 0.98 + 48 * 0.02 + 8 * 0.1)
    assert traffic.count(messages) == pytest.approx(1 + 0.1 + 0.12)


@pytest.mark.parametrize(
    "name", ["gan/mnist", "dcgan/paper", "wgan_gp/mnist", "pix2pix/synthetic", "cyclegan/synthetic"]
)
def test_shipped_configs_have_their_bytes(
    name: str, traffic: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = traffic.shipped(name)
    messages = traffic.alternating(model)
    assert name in traffic.trained_configs()
    for side, networks in {"g": model.generators, "d": model.discriminators}.items():
        parameters = [p for network in networks.values() for p in network.parameters()]
        sizes = [m.size for m in messages if m.what == f"gradients of {side}"]
        assert sum(sizes) == 4 * (sum(p.numel() for p in parameters) + len(parameters))
        assert len(sizes) == (2 if (name, side) == ("pix2pix/synthetic", "g") else 1)


def test_a_default_penalty_is_counted_before_training_too(traffic: Any) -> None:
    model = wgan_gp()
    assert traffic.passes(model) == {"generator": 1.5, "discriminator": 2 + 2 + 2 / 2 + 4}


# Batch normalization.


def wgan_gp() -> WGANGP:
    generator = DCGANGenerator(1, 28, latent_dim=3, width=2)
    discriminator = DCGANDiscriminator(1, 28, width=2, batch_norm=False)
    return WGANGP(generator=generator, discriminator=discriminator, n_critic=2)


def r3gan() -> R3GAN:
    return R3GAN(
        generator=DCGANGenerator(1, 28, latent_dim=3, width=2), discriminator=DCGANDiscriminator(1, 28, width=2)
    )


NORMALIZED: dict[str, tuple[Callable[[], Adversarial], Callable[[], Any]]] = {
    "dcgan": (tiny_dcgan, TinyData),
    "dcgan_r1": (lambda: tiny_dcgan(penalty=R1(interval=2), n_critic=2), TinyData),
    "r3gan": (r3gan, TinyData),
    "wgan_gp": (wgan_gp, TinyData),
    "pix2pix": (
        lambda: tiny_pix2pix(partial(UNet, width=2), partial(PatchGAN, layers=1, width=2, norm=BatchNorm), size=64),
        lambda: tiny_facades(size=64),
    ),
    "cyclegan": (
        lambda: tiny_cyclegan(partial(UNet, width=2), partial(PatchGAN, layers=1, width=2, norm=BatchNorm), size=64),
        lambda: tiny_facades(size=64, paired=False),
    ),
    "cyclegan_n_critic": (
        lambda: tiny_cyclegan(
            partial(UNet, width=2), partial(PatchGAN, layers=1, width=2), size=64, lambda_identity=0, n_critic=2
        ),
        lambda: tiny_facades(size=64, paired=False),
    ),
}


@pytest.mark.parametrize("name", sorted(NORMALIZED))
def test_passes_through_batch_norm_are_counted(
    name: str, traffic: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process believes that it has company, and its all-reduces are noted."""
    make, data = NORMALIZED[name]
    model = make()
    reduced: list[int] = []
    monkeypatch.setattr(dist, "all_reduce", lambda values: reduced.append(values.numel() * values.element_size()))
    monkeypatch.setattr(dist, "get_world_size", lambda: 1)
    monkeypatch.setattr("lightning_gans.distributed.synced_batch_norm.world_size", lambda: 2)
    trainer = tiny_trainer(tmp_path, max_steps=STEPS, limit_val_batches=0)
    sync_batch_norm(model)
    trainer.fit(model, data())
    messages = [m for m in traffic.alternating(model, callbacks=False) if m.what.startswith("batch norm")]
    assert len(reduced) == pytest.approx(STEPS * traffic.count(messages))
    assert sum(reduced) == pytest.approx(STEPS * traffic.payload(messages))


# Time.


def test_a_ring_sends_each_number_as_a_part_and_as_a_sum(traffic: Any) -> None:
    messages = [traffic.Message("", 1000, 3)]
    assert [traffic.sent(messages, n) for n in (1, 2, 4)] == [0, 3000, pytest.approx(4500)]
    assert traffic.sent(messages, 10**9) == pytest.approx(6000)
    assert traffic.sent([traffic.Message("", 1000, 1, "broadcast")], 2) == 500
    link = traffic.Link("", bandwidth=1e6, latency=1e-3)
    assert traffic.seconds_reducing(messages, 8, link) == pytest.approx(3 * 2 * 3 * 1e-3 + 3000 * 2 * 7 / 8 / 1e6)


def test_efficiency_in_its_limits(traffic: Any) -> None:
    messages = [traffic.Message("", 1000, 1)]
    assert traffic.efficiency(messages, 512, traffic.Link("", float("inf"), 0), 1) == 1
    slow = traffic.Link("", bandwidth=1000, latency=0)
    assert traffic.efficiency(messages, 1, slow, 1) == 1
    assert traffic.efficiency(messages, 10**9, slow, 1) == pytest.approx(1 / 3)  # two seconds for a thousand bytes
    assert traffic.efficiency(messages, 10**9, slow, 1, hidden=0.5) == pytest.approx(1 / 2.5)
    assert traffic.efficiency(messages, 10**9, slow, 10, hidden=0.5) == 1
    waiting = traffic.Link("", bandwidth=float("inf"), latency=0.25)
    assert traffic.efficiency(messages, 4, waiting, 1, hidden=1) == pytest.approx(1 / 2)
    shares = [traffic.efficiency(messages, n, slow, 1) for n in (1, 2, 8, 64, 512)]
    assert shares == sorted(shares, reverse=True)


# Two processes.


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_send_what_is_computed(traffic: Any) -> None:
    """Within 1 % of what is computed with each message's handshake, and within 3 % without."""
    moved = importlib.import_module("moved")
    if (why := moved.missing()) is not None:
        pytest.skip(f"bytes cannot be counted here: {why}")
    names = ["dcgan/mnist", "wgan_gp/mnist", "pix2pix/synthetic"]
    command = [sys.executable, str(BENCHMARKS / "moved.py"), "--json", *names]
    done = subprocess.run(command, cwd=BENCHMARKS.parent, capture_output=True, text=True, timeout=840, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert row["measured"] == pytest.approx(row["expected"], rel=0.01)
        assert row["measured"] == pytest.approx(row["plain"], rel=0.03)
        assert row["plain"] == pytest.approx(2 * row["given"])


def test_a_message_costs_what_was_measured_around_its_size(traffic: Any) -> None:
    moved = importlib.import_module("moved")
    costs = {"all_reduce": {4: 100.0, 8: 200.0, 16: 300.0}, "barrier": {0: 50.0}}
    ends = [moved.cost(traffic.Message("", size, 1), costs) for size in (4, 6, 12, 16, 24)]
    assert ends == [100, 150, 250, 300, 400]
    assert moved.expected([traffic.Message("", 4, 2), traffic.Message("", 0, 1, "barrier")], costs) == 250
