"""Measure how much longer a training step takes with an augmentation, on a CPU.

    OMP_NUM_THREADS=1 python benchmarks/augmentations.py

A step is one update of D and one of G, of DCGAN's default networks, with batches of 64 images in color, without the
trainer around it. The augmentations take turns over the same networks; the best CPU time of each counts. Ratios are to
the step without an augmentation. ADA's time depends on its p: images of which nothing is drawn are left out, and those
that are not rotated by an arbitrary angle take less.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lightning_gans.components.augmentations import ADA, Augmentation, DiffAugment
from lightning_gans.components.objectives import NonSaturating
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator

SIZES, BATCH, TURNS = (32, 64), 64, 6

AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "DiffAugment": DiffAugment(),
    **{f"ADA, p {p}": ADA(p, target=None) for p in (0.0, 0.2, 0.5, 0.8)},
    "ADA, p 0.5, all groups": ADA(0.5, target=None, filtering=1.0, noise=1.0, cutout=1.0),
}


class Step:
    """A training step with any of the augmentations."""

    def __init__(self, size: int) -> None:
        self.generator = DCGANGenerator(3, size).to(memory_format=torch.channels_last)
        self.discriminator = DCGANDiscriminator(3, size).to(memory_format=torch.channels_last)
        self.optimizers = GANAdam(self.generator.parameters()), GANAdam(self.discriminator.parameters())
        self.objective = NonSaturating()
        self.real = torch.rand(BATCH, 3, size, size) * 2 - 1

    def logits(self, images: Tensor, augment: Augmentation | None) -> Tensor:
        """D's logits (N,) of images (N, 3, H, W), which are augmented first."""
        logits: Tensor = self.discriminator(images if augment is None else augment(images))
        return logits

    def run(self, augment: Augmentation | None) -> float:
        """Take a step; returns its CPU time in seconds."""
        torch.manual_seed(0)  # equal draws in all turns
        start = time.process_time()
        fake = self.generator(torch.randn(BATCH, int(self.generator.latent_dim)))
        logits = self.logits(self.real, augment), self.logits(fake.detach(), augment)
        self.update(self.discriminator, self.objective.discriminator_loss(*logits))
        self.update(self.generator, self.objective.generator_loss(self.logits(fake, augment), None))
        return time.process_time() - start

    def update(self, network: DCGANGenerator | DCGANDiscriminator, loss: Tensor) -> None:
        """Update one network with the gradient of its loss."""
        optimizer = self.optimizers[network is self.discriminator]
        optimizer.zero_grad()
        loss.backward(inputs=list(network.parameters()))  # type: ignore[no-untyped-call]
        optimizer.step()


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    print("| Augmentation | Size | Step, ms | Ratio |\n| --- | --: | --: | --: |")
    for size in SIZES:
        step = Step(size)
        seconds: dict[str, list[float]] = {name: [] for name in AUGMENTATIONS}
        for _ in range(TURNS):
            for name, augment in AUGMENTATIONS.items():
                seconds[name].append(step.run(augment))
        for name, measured in seconds.items():
            best = min(measured)
            print(f"| {name} | {size} | {1e3 * best:.0f} | {best / min(seconds['none']):.2f} |", flush=True)


if __name__ == "__main__":
    main()
