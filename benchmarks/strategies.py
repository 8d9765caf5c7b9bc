"""Compare time and bytes of a training step between our strategy and DDP's wrapper with `find_unused_parameters`.

    OMP_NUM_THREADS=1 python benchmarks/strategies.py [--only pix2pix]

Two processes with gloo and one thread each alternate within one run: some steps with one strategy, then as many with
the other. The result is the median of the ratios of consecutive turns, with quartiles. Bytes are counted on the
loopback interface, as in `benchmarks/moved.py`, if possible.

The wrapper cannot run our step, which names the parameters to update. It gets the usual code instead: the same losses
and optimizers, D's parameters frozen while G's loss is computed, a plain backward pass. The networks in that comparison
have no batch normalization, because our strategy synchronizes its statistics and the wrapper does not. A separate row
shows the cost of this synchronization.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median, quantiles
from typing import Any, TypeVar

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy
from moved import PROCESSES, alone, counted, fit, join, missing, processes
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from traffic import alternating, sent, wrapped

from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, PatchGAN, UNet
from lightning_gans.networks.layers import InstanceNorm
from lightning_gans.training import filter_warnings
from lightning_gans.variants import DCGAN, WGANGP, Pix2Pix

BLOCK = 5
"""Steps of a turn; WGAN-GP's G is updated once in it."""
PAIRS = 24
"""Measured turns of each strategy, after two warm-up turns."""
SHORT, LONG = 10, 30
"""Steps of the two runs whose bytes are subtracted."""


Model = TypeVar("Model", bound=Adversarial)


class Turns:
    """Lets one of two threads run at a time, so that all processes run both in the same order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._turn = 0
        self._left: set[int] = set()

    def wait(self, who: int) -> None:
        """Wait for the turn of thread ``who``."""
        with self._changed:
            self._changed.wait_for(lambda: self._turn == who)

    def hand_over(self, who: int) -> None:
        """Let the other thread run, unless it has left, and wait."""
        with self._changed:
            if 1 - who not in self._left:
                self._turn = 1 - who
                self._changed.notify_all()
        self.wait(who)

    def leave(self, who: int) -> None:
        """Let the other thread run to its end."""
        with self._changed:
            self._left.add(who)
            self._turn = 1 - who
            self._changed.notify_all()


class Clock(Callback):
    """Alternates with the other strategy, and measures the time and the processor time of its own turns."""

    def __init__(self, turns: Turns, who: int) -> None:
        self.turns = turns
        self.who = who
        self.seconds: list[float] = []
        self.busy: list[float] = []
        self._start = (0.0, 0.0)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """End a turn and begin the next one."""
        if trainer.global_step % BLOCK:
            return
        now = time.perf_counter(), time.process_time()
        if trainer.global_step > 2 * BLOCK:
            self.seconds.append((now[0] - self._start[0]) / BLOCK)
            self.busy.append((now[1] - self._start[1]) / BLOCK)
        self.turns.hand_over(self.who)
        self._start = time.perf_counter(), time.process_time()


# What is compared.


def dcgan(batch_norm: bool = True) -> DCGAN:
    """Create DCGAN with the networks of `dcgan/mnist`."""
    model = DCGAN(generator=DCGANGenerator(1, 28), discriminator=DCGANDiscriminator(1, 28))
    return model if batch_norm else without_batch_norm(model)


def wgan_gp() -> WGANGP:
    """Create WGAN-GP with the same networks."""
    return without_batch_norm(
        WGANGP(generator=DCGANGenerator(1, 28), discriminator=DCGANDiscriminator(1, 28, batch_norm=False))
    )


def pix2pix() -> Pix2Pix:
    """Create pix2pix with the networks of `pix2pix/synthetic` and instance normalization."""
    return Pix2Pix(
        partial(UNet, width=32, dropout=0.0, norm=InstanceNorm),
        partial(PatchGAN, width=32, layers=2, norm=InstanceNorm),
        channels_a=3,
        channels_b=3,
        size=64,
    )


def without_batch_norm(model: Model) -> Model:
    """Replace all batch normalization layers by the identity."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(module, name, nn.Identity())
    return model


def with_a_buffer(model: Model) -> Model:
    """Add a buffer of 4 MB, like CycleGAN's image pools."""
    model.register_buffer("ballast", torch.zeros(1_000_000))
    return model


def for_the_wrapper(model: Model) -> Model:
    """Make a model's updates suit DDP's wrapper: no `inputs`, and D is frozen while G's loss is computed."""
    own = model.generator_loss
    assert callable(own)
    judges = [parameter for network in model.discriminators.values() for parameter in network.parameters()]

    def freeze(frozen: bool) -> None:
        for parameter in judges:
            parameter.requires_grad_(not frozen)

    def generator_loss(*images: Any) -> Tensor:
        freeze(True)
        loss: Tensor = own(*images)
        return loss

    def step(name: str, loss: Tensor) -> None:
        optimizer = model._run_optimizers()[model.sides[name].optimizer]
        optimizer.zero_grad()
        model.manual_backward(loss)
        optimizer.step()
        freeze(False)

    # `setup` would reject the strategy.
    vars(model).update(generator_loss=generator_loss, optimize=step, setup=lambda **_: None)
    return model


def ours() -> DDPStrategy:
    """Create our strategy."""
    return AlternatingDDP(process_group_backend="gloo")


def wrapper() -> DDPStrategy:
    """Create Lightning's `ddp_find_unused_parameters_true`."""
    return DDPStrategy(process_group_backend="gloo", find_unused_parameters=True)


def local() -> DDPStrategy:
    """Create our strategy without synchronized batch normalization."""
    return AlternatingDDP(process_group_backend="gloo", sync_batchnorm=False)


Way = tuple[Callable[[], Adversarial], Callable[[], DDPStrategy]]

ROWS: dict[str, tuple[int, Way, Way]] = {
    "DCGAN 28 px, no norm: ours / wrapper": (
        16,
        (partial(dcgan, False), ours),
        (lambda: for_the_wrapper(dcgan(False)), wrapper),
    ),
    "WGAN-GP 28 px, no norm: ours / wrapper": (16, (wgan_gp, ours), (lambda: for_the_wrapper(wgan_gp()), wrapper)),
    "pix2pix 64 px, instance norm: ours / wrapper": (4, (pix2pix, ours), (lambda: for_the_wrapper(pix2pix()), wrapper)),
    "DCGAN 28 px, batch norm: synchronized / each its own": (16, (dcgan, ours), (dcgan, local)),
}
"""Images per process, and the two strategies with their models."""


# Measuring.


def side_by_side(ways: tuple[Way, Way], batch: int, pairs: int = PAIRS) -> list[Clock]:
    """Run both strategies alternately in one process, with so many measured turns of each."""
    turns = Turns()
    clocks = [Clock(turns, who) for who in (0, 1)]

    def run(who: int) -> None:
        turns.wait(who)
        try:
            make, strategy = ways[who]
            torch.manual_seed(0)
            fit(make(), BLOCK * (pairs + 2) + 1, strategy(), [clocks[who]], batch)
        except Exception:
            # Otherwise the other thread would wait for the other process forever.
            traceback.print_exc()
            os._exit(1)
        turns.leave(who)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (0, 1)))
    return clocks


def ratio(one: list[float], other: list[float]) -> str:
    """Format the median and quartiles of the ratios of consecutive turns."""
    low, middle, high = quantiles([a / b for a, b in zip(one, other, strict=True)], n=4)
    return f"**{middle:.3f}** ({low:.2f} to {high:.2f})"


def wire(way: Way, batch: int) -> float:
    """Count the bytes on the interface per step."""
    make, strategy = way

    def run(steps: int) -> int:
        return counted(lambda: fit(make(), steps, strategy(), [], batch))

    return (run(LONG) - run(SHORT)) / (LONG - SHORT)


def compared(first: bool) -> None:
    """Print the bytes of both strategies, computed without overhead and counted."""
    rows: dict[str, tuple[int, Callable[[], Adversarial]]] = {
        "DCGAN": (16, partial(dcgan, False)),
        "DCGAN with a buffer of 4 MB": (16, lambda: with_a_buffer(dcgan(False))),
        "WGAN-GP": (16, wgan_gp),
        "pix2pix": (4, pix2pix),
    }
    if first:
        print("\n| Sent by both per step | Ours, computed | Counted | Wrapper, computed | Counted |")
        print("| --- | --- | --- | --- | --- |", flush=True)
    for name, (batch, make) in rows.items():
        theirs: Way = (lambda make=make: for_the_wrapper(make()), wrapper)  # type: ignore[misc]  # bound now
        figures = [
            PROCESSES * sent(alternating(make(), callbacks=False), PROCESSES),
            wire((make, ours), batch),
            PROCESSES * sent(wrapped(make()), PROCESSES),
            wire(theirs, batch),
        ]
        if first:
            print(f"| {name} | {' | '.join(f'{figure / 1e6:.3f} MB' for figure in figures)} |", flush=True)


def worker(only: str, count_bytes: bool) -> None:
    """Measure in one of the two processes; rank 0 prints."""
    filter_warnings()
    first = join() == 0
    if first:
        print(f"Threads of each process: {torch.get_num_threads()}; turns: {PAIRS} of {BLOCK} steps each\n")
        head = "Images per process | Steps | | Ratio of times (quartiles) | Of processor time | Bytes sent | Ratio"
        print(f"| | {head} |\n|{' --- |' * 8}", flush=True)
    for name, (batch, one, other) in ROWS.items():
        if only not in name:
            continue
        one_clock, other_clock = side_by_side((one, other), batch)
        cells = [f"{median(clock.seconds) * 1e3:.0f} ms" for clock in (one_clock, other_clock)]
        cells += [ratio(one_clock.seconds, other_clock.seconds), ratio(one_clock.busy, other_clock.busy)]
        if count_bytes:
            moved = [wire(way, batch) for way in (one, other)]
            cells += [" and ".join(f"{whole / 1e6:.3f} MB" for whole in moved), f"**{moved[0] / moved[1]:.3f}**"]
        if first:
            print(f"| {name} | {batch} | {' | '.join(cells)} |", flush=True)
    if count_bytes:
        compared(first)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start two processes, in a private network namespace if possible."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only rows whose name contains this")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bytes", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if "RANK" in os.environ:
        worker(arguments.only, arguments.bytes)
    elif arguments.inside:
        sys.exit(processes(__file__, ["--bytes", "--only", arguments.only]))
    elif (why := missing()) is not None:
        print(f"Bytes are not counted: {why}.\n")
        sys.exit(processes(__file__, ["--only", arguments.only]))
    else:
        sys.exit(
            subprocess.run(
                alone([sys.executable, __file__, "--inside", "--only", arguments.only]), check=False
            ).returncode
        )


if __name__ == "__main__":
    main()
