"""Measure how long a training step takes in bfloat16 (``--trainer.precision bf16-mixed``) on a CPU, against float32.

    OMP_NUM_THREADS=1 python benchmarks/bfloat16.py

A step is one update of D and one of G with the hinge loss, batches of 64, images of 32 x 32 in color, without the
trainer around it. Both precisions take turns over the same networks; the best CPU time of each counts. The gain depends
on the processor: only some multiply numbers in bfloat16 (on Linux, `lscpu` names avx512_bf16 or amx_bf16).
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lightning_gans.components.objectives import Hinge
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
)

BATCH, TURNS = 64, 6


class Step:
    """A training step of two networks in either precision."""

    def __init__(self, generator: Generator, discriminator: Discriminator) -> None:
        self.generator = generator.to(memory_format=torch.channels_last)
        self.discriminator = discriminator.to(memory_format=torch.channels_last)
        self.optimizers = GANAdam(generator.parameters()), GANAdam(discriminator.parameters())
        self.objective = Hinge()
        self.real = torch.rand(BATCH, 3, *generator.size) * 2 - 1
        self.labels = torch.zeros(BATCH, dtype=torch.long)

    def logits(self, images: Tensor) -> Tensor:
        """D's logits (N,) of images (N, 3, H, W)."""
        logits: Tensor = self.discriminator(images, self.labels)
        return logits

    def run(self, bfloat16: bool) -> float:
        """Take a step; returns its CPU time in seconds."""
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            fake = self.generator(torch.randn(BATCH, self.generator.latent_dim), self.labels)
            loss = self.objective.discriminator_loss(self.logits(self.real), self.logits(fake.detach()))
        self.update(self.discriminator, loss)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = self.objective.generator_loss(self.logits(fake), None)
        self.update(self.generator, loss)
        return time.process_time() - start

    def update(self, network: Generator | Discriminator, loss: Tensor) -> None:
        """Update one network with the gradient of its loss."""
        optimizer = self.optimizers[network is self.discriminator]
        optimizer.zero_grad()
        loss.backward(inputs=list(network.parameters()))  # type: ignore[no-untyped-call]
        optimizer.step()


NETWORKS: dict[str, tuple[Generator, Discriminator]] = {
    f"`{name}…`, width {width}": (generator(3, 32, width=width), discriminator(3, 32, width=width))
    for name, generator, discriminator in (
        ("DCGAN", DCGANGenerator, DCGANDiscriminator),
        ("SNGANResNet", SNGANResNetGenerator, SNGANResNetDiscriminator),
    )
    for width in (32, 64)
}


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    print("| Networks | float32, ms | bfloat16, ms | Ratio |\n| --- | --: | --: | --: |")
    for name, networks in NETWORKS.items():
        step = Step(*networks)
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(TURNS):
            for bfloat16, times in seconds.items():
                times.append(step.run(bfloat16))
        single, half = min(seconds[False]), min(seconds[True])
        print(f"| {name} | {1e3 * single:.0f} | {1e3 * half:.0f} | {half / single:.2f} |", flush=True)


if __name__ == "__main__":
    main()
