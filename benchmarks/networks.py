"""Measure a training step of networks from noise beside DCGAN's of the same size, on one core.

    OMP_NUM_THREADS=1 python benchmarks/networks.py                           # step times, about three minutes
    OMP_NUM_THREADS=1 python benchmarks/networks.py --memory --sizes 256 512  # peak memory of 20 steps

A step updates D and G once, without a penalty and with R1 and R2, and the networks are narrow. The networks of a size
take turns, and the best CPU time of each counts. With ``--memory`` every row has its own process, which takes 20 steps
with R1 and R2; the peak is compared with the sum of weights, gradients, Adam's two averages and the largest total of
tensors that autograd keeps at one time.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from memory import MIB, Saved, apart, growth
from torch import Tensor
from torch.optim import Optimizer

from lightning_gans.components.objectives import NonSaturating
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1R2, DiscriminatorPass
from lightning_gans.networks import (
    CompactDiscriminator,
    CompactGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    FastGANDiscriminator,
    FastGANGenerator,
    Generator,
    R3GANDiscriminator,
    R3GANGenerator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)

YARDSTICK = "DCGAN, width 16"

Pair = tuple[Callable[[int, int], Generator], Callable[[int, int], Discriminator]]
"""The classes of G and D, called with channels and size."""

NETWORKS: dict[str, Pair] = {
    YARDSTICK: (partial(DCGANGenerator, width=16), partial(DCGANDiscriminator, width=16)),
    "R3GAN, width 16": (partial(R3GANGenerator, width=16), partial(R3GANDiscriminator, width=16)),
    "R3GAN, width 16, 1 block": (
        partial(R3GANGenerator, width=16, blocks=1),
        partial(R3GANDiscriminator, width=16, blocks=1),
    ),
    "SNGANResNet, width 16": (
        partial(SNGANResNetGenerator, width=16),
        partial(SNGANResNetDiscriminator, width=16),
    ),
    "Compact, width 16": (partial(CompactGenerator, width=16), partial(CompactDiscriminator, width=16)),
    "FastGAN, width 16": (partial(FastGANGenerator, width=16), partial(FastGANDiscriminator, width=16)),
    "StyleGAN2, width 16": (
        partial(StyleGAN2Generator, width=16, widest=256, mapping_layers=2),
        partial(StyleGAN2Discriminator, width=16, widest=256),
    ),
}
"""The rows for every size."""


class Step(NamedTuple):
    """What one step needs.

    Attributes:
        generator: G.
        discriminator: D.
        optimizers: those of G and of D.
        images: a batch of images.
    """

    generator: Generator
    discriminator: Discriminator
    optimizers: tuple[Optimizer, Optimizer]
    images: Tensor

    def take(self, penalized: bool) -> None:
        """Update D, with R1 and R2 if the step is penalized, and then G."""
        objective, penalty = NonSaturating(), R1R2(weight=1.0)
        made = self.generator(torch.randn(len(self.images), int(self.generator.latent_dim)))
        real, fake = self.images, made.detach()
        if penalized:
            real, fake = penalty.leaves(real, fake)
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
        loss = objective.discriminator_loss(real_logits, fake_logits)
        if penalized:
            labels = torch.zeros(len(real), dtype=torch.long)
            given = DiscriminatorPass(real, fake, real_logits, fake_logits, labels, self.discriminator)
            loss = loss + penalty.term(given)
        self._move(1, loss, self.discriminator)
        self._move(0, objective.generator_loss(self.discriminator(made), None), self.generator)

    def _move(self, side: int, loss: Tensor, network: torch.nn.Module) -> None:
        self.optimizers[side].zero_grad()
        loss.backward(inputs=list(network.parameters()))  # type: ignore[no-untyped-call]
        self.optimizers[side].step()


def made(name: str, size: int, batch: int) -> Step:
    """Create the networks of a row, their optimizers and a batch of random images."""
    torch.manual_seed(0)
    make_generator, make_discriminator = NETWORKS[name]
    generator, discriminator = make_generator(3, size), make_discriminator(3, size)
    optimizers = GANAdam(generator.parameters()), GANAdam(discriminator.parameters())
    return Step(generator, discriminator, optimizers, 2 * torch.rand(batch, 3, size, size) - 1)


def step_times(size: int, batch: int, turns: int) -> None:
    """Print the rows of a size: millions of parameters of both networks, and the times of a step."""
    steps = {name: made(name, size, batch) for name in NETWORKS}
    best = dict.fromkeys([(name, penalized) for name in steps for penalized in (False, True)], float("inf"))
    for turn in range(turns + 1):
        for (name, penalized), seconds in best.items():
            start = time.process_time()
            steps[name].take(penalized)
            if turn:  # the first one warms up
                best[name, penalized] = min(seconds, time.process_time() - start)
    for name, step in steps.items():
        count = sum(p.numel() for network in step[:2] for p in network.parameters()) / 1e6
        cells = [f"{1e3 * best[name, p]:.0f} | {best[name, p] / best[YARDSTICK, p]:.1f}" for p in (False, True)]
        print(f"| {size} | {name} | {count:.2f} | {' | '.join(cells)} |", flush=True)


def train(name: str, size: int, batch: int, steps: int, count: bool) -> dict[str, float]:
    """Take steps with R1 and R2, and return the measurements in MiB."""
    if not count:
        made(YARDSTICK, 16, 2).take(penalized=True)  # what a first step loads is not part of the memory
    with growth() as grown:
        step = made(name, size, batch)
        parameters = [p for network in step[:2] for p in network.parameters()]
        saved = Saved({p.untyped_storage().data_ptr() for p in parameters})
        if count:
            with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
                step.take(penalized=True)
        else:
            for _ in range(steps):
                step.take(penalized=True)
    weights = sum(p.numel() * p.element_size() for p in parameters)
    return {"weights": weights / MIB, "saved": saved.peak / MIB} if count else {"peak": grown[0] / MIB}


def peak_memory(names: Sequence[str], size: int, batch: int, steps: int) -> None:
    """Print the rows of a size: the parts of the memory that steps need, and the peak."""
    for name in names:
        measure = partial(train, name, size, batch, steps)
        figures = apart(partial(measure, count=True)) | apart(partial(measure, count=False))
        weights, saved = figures["weights"], figures["saved"]
        demand = 4 * weights + saved
        cells = " | ".join(f"{value:.0f}" for value in (weights, weights, 2 * weights, saved, demand, figures["peak"]))
        print(f"| {size} | {name} | {cells} | {figures['peak'] / demand:.2f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/networks.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memory", action="store_true", help="peak memory in place of step times")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256], help="height and width of the images")
    parser.add_argument("--batch", type=int, default=4, help="images per step")
    parser.add_argument("--turns", type=int, default=3, help="measured steps of each row")
    parser.add_argument("--steps", type=int, default=20, help="steps of a row of --memory")
    parser.add_argument(
        "--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS), help="rows of --memory", metavar="NAME"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.memory:
        # Make glibc return freed blocks of a feature map's size at once, because kept ones are not part of the step.
        os.environ["MALLOC_MMAP_THRESHOLD_"] = str(MIB)
        print("| px | Networks | Weights, MiB | Gradients | Adam | Kept for backward | Sum | Peak | Peak / sum |")
        print("| --: | --- | --: | --: | --: | --: | --: | --: | --: |")
    else:
        print("| px | Networks | Millions of parameters | Step, ms | DCGAN = 1 | Step with R1 and R2, ms | DCGAN = 1 |")
        print("| --: | --- | --: | --: | --: | --: | --: |")
    for size in given.sizes:
        if given.memory:
            peak_memory(given.networks, size, given.batch, given.steps)
        else:
            step_times(size, given.batch, given.turns)


if __name__ == "__main__":
    main()
