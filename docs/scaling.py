"""Print the tables and draw the figure of docs/scaling.md: the computed efficiency of training on many GPUs.

    OMP_NUM_THREADS=1 python docs/scaling.py docs/images/scaling.png [--tflops 20] [--fixed-ms 5]

Takes a few minutes. FLOPs are counted in real steps on random images. Bytes are those of `benchmarks/traffic.py`. The
speeds of a GPU and of the links are assumptions; options change them.
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

from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.training import filter_warnings

CONFIGS = [
    "gan/mnist",
    "dcgan/mnist",
    "r3gan/mnist",
    "dcgan/paper",
    "sngan/paper",
    "pix2pix/facades",
    "cyclegan/horse2zebra",
]
DRAWN = ["dcgan/mnist", "dcgan/paper", "pix2pix/facades", "cyclegan/horse2zebra"]
GLOBAL_BATCH = 1024
"""Total number of images in the table in which the batch does not grow with the number of GPUs."""

WITHIN = Link("NVLink, 450 GB/s", 450e9, 2e-6)
ACROSS = [
    Link("InfiniBand, 50 GB/s", 50e9, 5e-6),
    Link("InfiniBand, 12.5 GB/s", 12.5e9, 5e-6),
    Link("Ethernet, 1.25 GB/s", 1.25e9, 25e-6),
]
IN_NODE = 8
"""GPUs connected by NVLink."""


@dataclass
class Case:
    """A shipped config and the cost of its training step.

    Attributes:
        name: name for `--config`.
        batch: images per process and step in the config.
        flops: floating-point operations of a step with one image, averaged over steps.
        messages: messages of a step.
    """

    name: str
    batch: int
    flops: float
    messages: list[Message]

    def seconds(self, batch: float, tflops: float, fixed: float) -> float:
        """Return the assumed duration of a step on one GPU."""
        return fixed + batch * self.flops / (tflops * 1e12)


def link_of(processes: int, across: Link) -> Link:
    """Return the slowest link in a ring over that many GPUs."""
    return WITHIN if processes <= IN_NODE else across


def flops(model: Adversarial, batch: int) -> float:
    """Count the floating-point operations of a step, averaged over a period that contains all kinds of steps."""
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
    """Count the operations and messages of a shipped config."""
    torch.manual_seed(0)
    cli = parsed(name)
    few = min(2, cli.datamodule.batch_size)
    return Case(name, cli.datamodule.batch_size, flops(cli.model, few) / few, alternating(cli.model))


def percent(share: float) -> str:
    """Format a fraction as a percentage."""
    return f"{share:.0%}"


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(head) + " |\n" + "|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def steps(cases: list[Case], tflops: float, fixed: float) -> None:
    """Print the parts of a step."""
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
    """Print the throughput of N GPUs, with the same batch on each, divided by N times that of one."""
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
    """Print the images per GPU for which a step on 512 GPUs takes at most a ninth longer than on one."""
    rows = []
    for one in cases:
        waits = [seconds_reducing(one.messages, 512, link) for link in ACROSS]
        needed = [max(1, math.ceil((9 * wait - fixed) * tflops * 1e12 / one.flops)) for wait in waits]
        rows.append([one.name, f"{one.batch}", *(f"{images:,}" for images in needed)])
    table(["Config", "Images in the config", *(link.name for link in ACROSS)], rows)


def shared_batch(one: Case, tflops: float, fixed: float) -> None:
    """Print the speed of N GPUs, relative to one, with the same total number of images."""
    alone = one.seconds(GLOBAL_BATCH, tflops, fixed)
    rows = []
    for processes in (8, 64, 512):
        computing = one.seconds(GLOBAL_BATCH / processes, tflops, fixed)
        speeds = [
            f"{alone / (computing + seconds_reducing(one.messages, processes, link_of(processes, link))):.1f}"
            for link in ACROSS
        ]
        rows.append([f"{processes}", f"{GLOBAL_BATCH // processes}", f"{computing * 1e3:.1f} ms", *speeds])
    table(["GPUs", "Images on each", "Computing, assumed", *(link.name for link in ACROSS)], rows)


def draw(cases: list[Case], tflops: float, fixed: float, target: str) -> None:
    """Draw the efficiency over the number of GPUs, with a panel for each link between nodes."""
    figure, axes = plt.subplots(1, len(ACROSS), figsize=(11, 3.2), layout="constrained", sharey=True)
    counts = [2**power for power in range(10)]
    for axis, link in zip(axes, ACROSS, strict=True):
        for one in (one for one in cases if one.name in DRAWN):
            computing = one.seconds(one.batch, tflops, fixed)
            shares = [efficiency(one.messages, n, link_of(n, link), computing) for n in counts]
            axis.plot(counts, shares, marker="o", markersize=3, linewidth=1, label=f"{one.name}, batch {one.batch}")
        axis.axvline(IN_NODE, color="gray", linewidth=0.6, linestyle=":")
        axis.set(xscale="log", xticks=[1, 8, 64, 512], xticklabels=["1", "8", "64", "512"], ylim=(0, 1.03))
        axis.minorticks_off()
        axis.set(xlabel="GPUs", title=f"beyond 8: {link.name}")
        axis.title.set_fontsize(9)
    axes[0].set(ylabel="efficiency, expected")
    axes[0].legend(fontsize=7, loc="lower left")
    figure.savefig(target, dpi=110)


def main() -> None:
    """Print the tables and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--tflops", type=float, default=20, help="sustained TFLOP/s of a GPU")
    parser.add_argument(
        "--fixed-ms", type=float, default=5, help="milliseconds of every step for Python and kernel launches"
    )
    arguments = parser.parse_args()
    filter_warnings()
    tflops, fixed = arguments.tflops, arguments.fixed_ms / 1e3
    cases = [case(name) for name in CONFIGS]
    steps(cases, tflops, fixed)
    efficiencies(cases, tflops, fixed, 0)
    print("If bytes can be sent during half of the computation:\n")
    efficiencies(cases, tflops, fixed, 0.5)
    print("Images on each GPU for an efficiency of 90 % with 512 GPUs:\n")
    enough(cases, tflops, fixed)
    print(f"dcgan/paper, {GLOBAL_BATCH} images in total:\n")
    shared_batch(next(one for one in cases if one.name == "dcgan/paper"), tflops, fixed)
    draw(cases, tflops, fixed, arguments.target)


if __name__ == "__main__":
    main()
