"""Count the bytes that two processes with gloo send in a training step, and compare them with `traffic.py`.

    OMP_NUM_THREADS=1 python benchmarks/moved.py                   # one config of every variant, some minutes
    OMP_NUM_THREADS=1 python benchmarks/moved.py dcgan/mnist       # only the named configs

The counter is the loopback interface of a private network namespace (Linux, as root). The bytes of a run of 10 steps
are subtracted from those of 30 steps, so that start and end cancel out. The interface also counts the headers of TCP
and IP, acknowledgments, and gloo's announcement of each message. This overhead is measured first with single
operations.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from bisect import bisect
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from traffic import Message, alternating, payload, sent, shipped

from lightning_gans.callbacks import EMA, LastCheckpoint, Watchdog
from lightning_gans.core.batches import Labelled, Pair
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.training import filter_warnings

PROCESSES = 2
SHORT, LONG = 10, 30
LOG_EVERY = 10
"""Steps between two measurements of the watchdog; runs of these lengths differ by two measurements."""
BATCH = 2
CONFIGS = [
    *("gan/mnist", "dcgan/mnist", "cgan/mnist", "lsgan/mnist", "wgan_gp/mnist", "sngan/mnist", "r3gan/mnist"),
    *("pix2pix/synthetic", "cyclegan/synthetic"),
]
SIZES = [4, 8, *(4**power for power in range(2, 13))]
"""Bytes of the single operations, up to 16 MiB."""

Costs = dict[str, dict[int, float]]
"""Bytes on the interface for one operation, by kind and size."""


class Noise(Dataset[Any]):
    """Random images in the shape that a model expects."""

    def __init__(self, model: Adversarial) -> None:
        self.model = model

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> Labelled | Pair:
        generator = torch.Generator().manual_seed(index)

        def images(channels: Any) -> Tensor:
            return torch.rand(int(channels), *size, generator=generator) * 2 - 1

        size: Any = self.model.generator.size if isinstance(self.model, LatentGAN) else self.model.size
        if isinstance(self.model, LatentGAN):
            return Labelled(images(self.model.generator.channels), torch.tensor(index % 10))
        return Pair(images(self.model.channels_a), images(self.model.channels_b), True)


def fit(model: Adversarial, steps: int, strategy: Any, callbacks: list[Callback], batch: int = BATCH) -> None:
    """Train some steps on random images, with the given callbacks only."""
    with TemporaryDirectory() as folder:
        trainer = L.Trainer(
            default_root_dir=folder,
            accelerator="cpu",
            devices=PROCESSES,
            strategy=strategy,
            max_steps=steps,
            log_every_n_steps=LOG_EVERY,
            limit_val_batches=0,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=any(isinstance(callback, LastCheckpoint) for callback in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(model, DataLoader(Noise(model), batch_size=batch))


# Counting.


def on_the_wire() -> int:
    """Return the bytes that the loopback interface has sent so far."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    (loopback,) = (line.partition(":")[2].split() for line in lines if line.strip().startswith("lo:"))
    return int(loopback[8])


def counted(act: Callable[[], object]) -> int:
    """Return the bytes sent while all processes call ``act``, including two barriers."""
    dist.barrier()
    time.sleep(0.1)  # for the last acknowledgments
    before = on_the_wire()
    dist.barrier()
    act()
    dist.barrier()
    time.sleep(0.1)
    after = on_the_wire()
    dist.barrier()
    return after - before


def calibrated() -> Costs:
    """Measure the bytes of single operations."""
    operations: dict[str, Callable[[Tensor], object]] = {
        "all_reduce": dist.all_reduce,
        "broadcast": lambda values: dist.broadcast(values, 0),
        "barrier": lambda _: dist.barrier(),
    }
    costs: Costs = {}
    for kind, operation in operations.items():
        for size in SIZES if kind != "barrier" else [0]:
            values = torch.zeros(size // 4)

            def several(times: int, act: Callable[[Tensor], object] = operation, values: Tensor = values) -> int:
                return counted(lambda: [act(values) for _ in range(times)])

            costs.setdefault(kind, {})[size] = (several(LONG) - several(SHORT)) / (LONG - SHORT)
    return costs


def cost(message: Message, costs: Costs) -> float:
    """Interpolate the bytes on the interface for one message between the measured sizes."""
    table = costs[message.kind]
    sizes = sorted(table)
    if len(sizes) == 1:
        return table[sizes[0]]
    right = min(max(bisect(sizes, message.size), 1), len(sizes) - 1)
    low, high = sizes[right - 1], sizes[right]
    return table[low] + (table[high] - table[low]) * (message.size - low) / (high - low)


def expected(messages: Iterable[Message], costs: Costs) -> float:
    """Return the expected bytes on the interface per step."""
    return sum(message.per_step * cost(message, costs) for message in messages)


def measured(name: str) -> float:
    """Count the bytes on the interface per step of a shipped config."""

    def run(steps: int) -> int:
        torch.manual_seed(0)
        model = shipped(name)
        callbacks = [EMA(), Watchdog(), LastCheckpoint(0)]
        strategy = AlternatingDDP(process_group_backend="gloo")
        return counted(lambda: fit(model, steps, strategy, callbacks))

    return (run(LONG) - run(SHORT)) / (LONG - SHORT)


# Two processes in a network namespace.


def missing() -> str | None:
    """Return why the bytes cannot be counted on this machine; None if they can."""
    if not Path("/proc/net/dev").is_file() or not shutil.which("unshare") or not shutil.which("ip"):
        return "/proc/net/dev, unshare or ip is missing"
    tried = subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return "a private network namespace needs root" if tried.returncode else None


def alone(command: list[str]) -> list[str]:
    """Return the command for running in a private network namespace."""
    return ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def processes(script: str, arguments: list[str]) -> int:
    """Run a script as two processes of one group; return the exit status of the first that fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(
            [sys.executable, script, *arguments],
            env={**os.environ, **rendezvous, "LOCAL_RANK": str(rank), "NODE_RANK": "0", "PL_GLOBAL_SEED": "0"}
            | {"WORLD_SIZE": str(PROCESSES), "RANK": str(rank), "TORCH_CPP_LOG_LEVEL": "ERROR"},
        )
        for rank in range(PROCESSES)
    ]
    while None in (ended := [process.poll() for process in started]) and not any(ended):
        time.sleep(0.2)
    for process in started:
        process.kill()  # it may be waiting for the other; this has no effect on a process that has ended
        process.wait()
    return next((status for status in ended if status), 0)


def join() -> int:
    """Join the process group and return this process's rank."""
    dist.init_process_group("gloo")
    return dist.get_rank()


def worker(names: list[str], as_json: bool) -> None:
    """Measure in one of the two processes; rank 0 prints."""
    filter_warnings()
    first = join() == 0
    costs = calibrated()
    if first and not as_json:
        print("| Operation | Bytes contributed | Sent by both | Sent / contributed |\n| --- | --- | --- | --- |")
        for kind, table in costs.items():
            for size, whole in table.items():
                print(f"| {kind} | {size:,} | {whole:,.0f} | {whole / size if size else float('nan'):.3f} |")
        print("\n| Config | Each contributes | Both send, 2 x | With overhead | Counted | Computed / counted |")
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for name in names:
        messages = alternating(shipped(name), LOG_EVERY)
        given, plain, whole = payload(messages), PROCESSES * sent(messages, PROCESSES), expected(messages, costs)
        seen = measured(name)
        if first and as_json:
            print(json.dumps({"name": name, "given": given, "plain": plain, "expected": whole, "measured": seen}))
        elif first:
            cells = " | ".join(f"{value / 1e6:.3f} MB" for value in (given, plain, whole, seen))
            print(f"| {name} | {cells} | {plain / seen:.3f}, {whole / seen:.4f} |", flush=True)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start two processes in a private network namespace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=CONFIGS)
    parser.add_argument("--json", action="store_true", help="a line of JSON for each config")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if "RANK" in os.environ:
        worker(arguments.names, arguments.json)
    elif arguments.inside:
        sys.exit(processes(__file__, sys.argv[1:]))
    elif (why := missing()) is not None:
        sys.exit(f"bytes cannot be counted here: {why}")
    else:
        sys.exit(subprocess.run(alone([sys.executable, __file__, *sys.argv[1:], "--inside"]), check=False).returncode)


if __name__ == "__main__":
    main()
