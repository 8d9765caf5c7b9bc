"""Time that a penalty saves by using the pass of D that the loss has made: ``python benchmarks/shared_pass.py``.

Computes training steps with a penalty at every step, in turn with the logits of the loss and with those of a second
pass of D at the same images. Prints, as a Markdown table, the CPU time in milliseconds of the gradient of D's loss and
of a whole step, with one thread, and the ratios: first those of D's loss for small networks, then those of the steps of
``r3gan/paper`` in small batches and of a DCGAN on MNIST. Takes a few minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_gans.components.objectives import NonSaturating, Objective, Relativistic
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1, R1R2, DiscriminatorPass, Penalty
from lightning_gans.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
    MLPDiscriminator,
    R3GANDiscriminator,
    R3GANGenerator,
)


class Networks(NamedTuple):
    """What a step trains; without a generator, only the gradient of D's loss is measured."""

    name: str
    discriminator: Discriminator
    generator: Generator | None
    objective: Objective
    penalty: Penalty
    batch: int
    steps: int


def discriminator_loss(networks: Networks, real: Tensor, fake: Tensor, second_pass: bool) -> Tensor:
    """D's loss with the penalty, a scalar."""
    _, discriminator, _, objective, penalty, _, _ = networks
    labels = torch.zeros(len(real), dtype=torch.long)
    leaves = penalty.leaves(real, fake)
    given = (real, fake.detach()) if second_pass else leaves
    real_logits, fake_logits = (discriminator(images, labels) for images in given)
    loss = objective.discriminator_loss(real_logits, fake_logits)
    if second_pass:
        # Only at the images that the penalty differentiates; the other logits are not used.
        real_logits = discriminator(leaves[0], labels) if penalty.differentiates_real else real_logits
        fake_logits = discriminator(leaves[1], labels) if penalty.differentiates_fake else fake_logits
    return loss + penalty.term(DiscriminatorPass(*leaves, real_logits, fake_logits, labels, discriminator))


def make_step(networks: Networks) -> Callable[[bool], None]:
    """The function to measure, of whether the penalty makes a second pass."""
    _, discriminator, generator, objective, _, batch, _ = networks
    rows, columns = discriminator.size if isinstance(discriminator.size, tuple) else (discriminator.size,) * 2
    real, fake = torch.randn(2, batch, discriminator.channels, rows, columns)
    labels = torch.zeros(batch, dtype=torch.long)
    if generator is None:
        return lambda second_pass: discriminator_loss(networks, real, fake, second_pass).backward()  # type: ignore[no-untyped-call]
    optimizer_d, optimizer_g = (GANAdam(network.parameters()) for network in (discriminator, generator))

    def step(second_pass: bool) -> None:
        images = generator(torch.randn(batch, int(generator.latent_dim)))
        for optimizer, network in ((optimizer_d, discriminator), (optimizer_g, generator)):
            if network is discriminator:
                loss = discriminator_loss(networks, real, images, second_pass)
            else:
                real_logits = None
                if objective.generator_uses_real_logits:
                    with torch.no_grad():
                        real_logits = discriminator(real, labels)
                loss = objective.generator_loss(discriminator(images, labels), real_logits)
            optimizer.zero_grad()
            loss.backward(inputs=list(network.parameters()))  # type: ignore[no-untyped-call]
            optimizer.step()

    return step


def first_quartiles(networks: Networks) -> list[float]:
    """Milliseconds of a step with a second pass and without, measured in turn."""
    step = make_step(networks)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(networks.steps):
        for second_pass, measured in seconds.items():
            start = time.process_time()
            step(second_pass)
            measured.append(time.process_time() - start)
    return [1e3 * sorted(measured)[networks.steps // 4] for measured in seconds.values()]


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| networks | penalty | second pass, ms | shared pass, ms | ratio |\n| --- | --- | --: | --: | --: |")
    measured = [
        Networks(f"loss of {type(network).__name__}", network, None, NonSaturating(), penalty, 32, 25)
        for network in (DCGANDiscriminator(1, 28, width=32), MLPDiscriminator(1, 28))
        for penalty in (R1(), R1R2())
    ]
    dcgan = DCGANDiscriminator(1, 28), DCGANGenerator(1, 28)
    r3gan = R3GANDiscriminator(3, 32), R3GANGenerator(3, 32)
    measured += [
        Networks("step of DCGAN", *dcgan, NonSaturating(), R1(), 64, 7),
        Networks("step of r3gan/paper", *r3gan, Relativistic(), R1R2(), 16, 3),
    ]
    for networks in measured:
        second, shared = first_quartiles(networks)
        names = f"{networks.name} | {type(networks.penalty).__name__}"
        print(f"| {names} | {second:.1f} | {shared:.1f} | {shared / second:.2f} |", flush=True)


if __name__ == "__main__":
    main()
