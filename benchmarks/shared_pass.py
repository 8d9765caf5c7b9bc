"""Time that a penalty saves by using the pass of D that the loss has made: ``python benchmarks/shared_pass.py``.

Computes the gradient of D's loss with a penalty at every step, in turn with the logits of the loss and with those of a
second pass of D at the same images. Prints, as a Markdown table for two discriminators, R1 and R1R2, the CPU time of
both in milliseconds (first quartile of 25 steps, one thread) and their ratio. Takes about 15 seconds.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lightning_gans.components.objectives import NonSaturating
from lightning_gans.components.penalties import R1, R1R2, DiscriminatorPass, Penalty
from lightning_gans.networks import DCGANDiscriminator, Discriminator, MLPDiscriminator

STEPS, BATCH = 25, 32


def step(discriminator: Discriminator, penalty: Penalty, real: Tensor, fake: Tensor, second_pass: bool) -> None:
    """Compute the gradient of D's loss with the penalty."""
    labels = torch.zeros(len(real), dtype=torch.long)
    leaves = penalty.leaves(real, fake)
    real_logits, fake_logits = (discriminator(images, labels) for images in ((real, fake) if second_pass else leaves))
    loss = NonSaturating().discriminator_loss(real_logits, fake_logits)
    if second_pass:
        # Only at the images that the penalty differentiates; the other logits are not used.
        real_logits = discriminator(leaves[0], labels) if penalty.differentiates_real else real_logits
        fake_logits = discriminator(leaves[1], labels) if penalty.differentiates_fake else fake_logits
    loss = loss + penalty.term(DiscriminatorPass(*leaves, real_logits, fake_logits, labels, discriminator))
    torch.autograd.grad(loss, list(discriminator.parameters()))


def first_quartiles(discriminator: Discriminator, penalty: Penalty) -> list[float]:
    """Milliseconds of a step with a second pass and without, measured in turn."""
    real, fake = torch.randn(2, BATCH, 1, 28, 28)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(STEPS):
        for second_pass, measured in seconds.items():
            start = time.process_time()
            step(discriminator, penalty, real, fake, second_pass)
            measured.append(time.process_time() - start)
    return [1e3 * sorted(measured)[STEPS // 4] for measured in seconds.values()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| discriminator | penalty | second pass, ms | shared pass, ms | ratio |\n| --- | --- | --- | --- | --- |")
    for network in (DCGANDiscriminator(1, 28, width=32), MLPDiscriminator(1, 28)):
        for penalty in (R1(), R1R2()):
            second, shared = first_quartiles(network, penalty)
            names = f"{type(network).__name__} | {type(penalty).__name__}"
            print(f"| {names} | {second:.1f} | {shared:.1f} | {second / shared:.2f} |")
