"""The tables and the figure of docs/scaling.md: how far a training step should scale, on paper.

    OMP_NUM_THREADS=1 python docs/scaling.py docs/images/scaling.png [--tflops 20] [--fixed-ms 5]

A few minutes: FLOPs are counted in real steps on random images. Bytes are those of `benchmarks/traffic.py`. The speed
of a GPU and of the links are assumptions, and options.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import lightning as L
import matplotlib.pyplot as plt
import torch
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from moved import Noise
from speed.limit import Recorder
from traffic import Link, Message, alternating, count, efficiency, parsed, payload, seconds_reducing

from lightning_gans.cli.process import filter_warnings
from lightning_gans.families import Adversarial, LatentGAN

CONFIGS = ["gan/mnist", "dcgan/mnist", "r3gan/mnist", "dcgan/paper", "sngan/paper", "pix2pix/facades", "cyclegan/maps"]
DRAWN = ["dcgan/mnist", "dcgan/paper", "pix2pix/facades", "cyclegan/maps"]
GLOBAL_BATCH = 1024
"""Of the table in which the batch does not grow with the number of GPUs."""

WITHIN = Link("NVLink, 450 GB/s", 450e9, 2e-6)
ACROSS = [
    Link("InfiniBand, 50 GB/s", 50e9, 5e-6),
    Link("InfiniBand, 12.5 GB/s", 12.5e9, 5e-6),
    Link("Ethernet, 1.25 GB/s", 1.25e9, 25e-6),
]
IN_NODE = 8
"""GPUs that NVLink joins."""


@dataclass
class Case:
    """A shipped config.

    Attributes:
        name: as `--config` takes it.
        batch: images of a process in a step, of the config.
        flops: of a step with one image, the mean over steps.
        messages: of a step.
    """

    name: str
    batch: int
    flops: float
    messages: list[Message]

    def seconds(self, batch: float, tflops: float, fixed: float) -> float:
        """A step of one GPU, as assumed."""
        return fixed + batch * self.flops / (tflops * 1e12)


def link_of(processes: int, across: Link) -> Link:
    """The slowest link in a ring over that many GPUs."""
    return WITHIN if processes <= IN_NODE else across


def flops(model: Adversarial, batch: int) -> float:
    """Floating-point operations of a step, the mean over as many steps as it takes to meet all kinds of them."""
    penalty = model.penalty if isinstance(model, LatentGAN) else None
    period = math.lcm(model.sides["g"].interval, penalty.interval if penalty else 1)
    with TemporaryDirectory() as folder:
        trainer = L.Trainer(
            default_root_dir=folder,
            accelerator="cpu",
            max_steps=period,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        with Recorder() as counter:
            trainer.fit(model, DataLoader(Noise(model), batch_size=batch))
    return counter.flops / period


def case(name: str) -> Case:
    """A shipped config, with its steps' operations counted."""
    torch.manual_seed(0)
    cli = parsed(name)
    few = min(2, cli.datamodule.batch_size)
    return Case(name, cli.datamodule.batch_size, flops(cli.model, few) / few, alternating(cli.model))


def percent(share: float) -> str:
    """For a table."""
    return f"{share:.0%}"


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print it."""
    print("| " + " | ".join(head) + " |\n" + "|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def steps(cases: list[Case], tflops: float, fixed: float) -> None:
    """What a step is made of."""
    rows = []
    for one in cases:
        numbers = [f"{one.batch}", f"{one.batch * one.flops / 1e9:.1f}"]
        numbers += [f"{one.seconds(one.batch, tflops, fixed) * 1e3:.1f} ms"]
        numbers += [f"{payload(one.messages) / 1e6:.2f} MB", f"{count(one.messages):.1f}"]
        for link in ACROSS:
            whole = seconds_reducing(one.messages, 512, link)
            waiting = seconds_reducing([Message("", 0, count(one.messages))], 512, link)
            numbers.append(f"{waiting * 1e3:.1f} + {(whole - waiting) * 1e3:.1f} ms")
        rows.append([one.name, *numbers])
    head = ["Config", "Images", "GFLOP", "Computing, assumed", "Reduced", "Messages"]
    table([*head, *(f"512 GPUs, {link.name}" for link in ACROSS)], rows)


def efficiencies(cases: list[Case], tflops: float, fixed: float, hidden: float) -> None:
    """The share of N times the throughput of one GPU, with the same batch on each."""
    head = ["Config", f"8 GPUs, {WITHIN.name}"]
    head += [f"{processes}, {link.name}" for link in ACROSS for processes in (64, 512)]
    rows = []
    for one in cases:
        computing = one.seconds(one.batch, tflops, fixed)
        shares = [efficiency(one.messages, IN_NODE, WITHIN, computing, hidden)]
        shares += [efficiency(one.messages, n, link, computing, hidden) for link in ACROSS for n in (64, 512)]
        rows.append([one.name, *map(percent, shares)])
    table(head, rows)


def enough(cases: list[Case], tflops: float, fixed: float) -> None:
    """The images of each of 512 GPUs from which on a step takes at most a tenth longer than by itself."""
    rows = []
    for one in cases:
        waits = [seconds_reducing(one.messages, 512, link) for link in ACROSS]
        needed = [max(1, math.ceil((9 * wait - fixed) * tflops * 1e12 / one.flops)) for wait in waits]
        rows.append([one.name, f"{one.batch}", *(f"{images:,}" for images in needed)])
    table(["Config", "Images in the config", *(link.name for link in ACROSS)], rows)


def shared_batch(one: Case, tflops: float, fixed: float) -> None:
    """How many times faster N GPUs do a step with the same images in all."""
    alone = one.seconds(GLOBAL_BATCH, tflops, fixed)
    rows = []
    for processes in (8, 64, 512):
        computing = one.seconds(GLOBAL_BATCH / processes, tflops, fixed)
        speeds = [
            f"{alone / (computing + seconds_reducing(one.messages, processes, link_of(processes, link))):.1f}"
            for link in ACROSS
        ]
        rows.append([f"{processes}", f"{GLOBAL_BATCH // processes}", f"{computing * 1e3:.1f} ms", *speeds])
    table(["GPUs", "Images of each", "Computing, assumed", *(link.name for link in ACROSS)], rows)


def draw(cases: list[Case], tflops: float, fixed: float, target: str) -> None:
    """Efficiency over the number of GPUs, a panel for each link between nodes."""
    figure, axes = plt.subplots(1, len(ACROSS), figsize=(11, 3.2), layout="constrained", sharey=True)
    counts = [2**power for power in range(10)]
    for axis, link in zip(axes, ACROSS, strict=True):
        for one in (one for one in cases if one.name in DRAWN):
            computing = one.seconds(one.batch, tflops, fixed)
            shares = [efficiency(one.messages, n, link_of(n, link), computing) for n in counts]
            axis.plot(counts, shares, marker="o", markersize=3, linewidth=1, label=f"{one.name}, batch {one.batch}")
        axis.axvline(IN_NODE, color="grey", linewidth=0.6, linestyle=":")
        axis.set(xscale="log", xticks=[1, 8, 64, 512], xticklabels=["1", "8", "64", "512"], ylim=(0, 1.03))
        axis.minorticks_off()
        axis.set(xlabel="GPUs", title=f"beyond 8: {link.name}")
        axis.title.set_fontsize(9)
    axes[0].set(ylabel="efficiency, expected")
    axes[0].legend(fontsize=7, loc="lower left")
    figure.savefig(target, dpi=110)


def main() -> None:
    """Print the tables, write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--tflops", type=float, default=20, help="that a GPU sustains")
    parser.add_argument("--fixed-ms", type=float, default=5, help="of a step, for Python and launches, at any size")
    arguments = parser.parse_args()
    filter_warnings()
    tflops, fixed = arguments.tflops, arguments.fixed_ms / 1e3
    cases = [case(name) for name in CONFIGS]
    steps(cases, tflops, fixed)
    efficiencies(cases, tflops, fixed, 0)
    print("With half of the computing time to hide bytes under:\n")
    efficiencies(cases, tflops, fixed, 0.5)
    print("Images of a GPU for 90 % at 512:\n")
    enough(cases, tflops, fixed)
    print(f"dcgan/paper, {GLOBAL_BATCH} images in all:\n")
    shared_batch(next(one for one in cases if one.name == "dcgan/paper"), tflops, fixed)
    draw(cases, tflops, fixed, arguments.target)


if __name__ == "__main__":
    main()
