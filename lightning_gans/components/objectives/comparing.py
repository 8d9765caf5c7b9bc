r"""Objectives that compare each image with all images of the other kind in a batch.

They depend on differences of logits only. With several processes the batch is that of all processes, so that N
processes compute what one process computes with the N-fold batch.
"""

from __future__ import annotations

from torch import Tensor

from lightning_gans.components.objectives.standard import Objective, given, hinge, mean_logit, mean_squared_error
from lightning_gans.core.randomness import world_size
from lightning_gans.distributed import all_reduce_max, all_reduce_mean


class RelativisticAverageLeastSquares(Objective):
    r"""Least squares of differences from the mean of the other kind (Jolicoeur-Martineau, 2019, RaLSGAN).

    The targets are 1 for the better and -1 for the worse images; see the paper's appendix of loss functions.
    """

    generator_uses_real_logits = True
    logits = "differences"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`E (D(x) - E D(G(z)) - 1)^2 + E (D(G(z)) - E D(x) + 1)^2`."""
        real, fake = relative_logits(real_logits, fake_logits)
        return mean_squared_error(real, 1) + mean_squared_error(fake, -1)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`E (D(G(z)) - E D(x) - 1)^2 + E (D(x) - E D(G(z)) + 1)^2`."""
        return self.discriminator_loss(fake_logits, given(real_logits))


class RelativisticAverageHinge(Objective):
    """Hinge loss of differences from the mean of the other kind (Jolicoeur-Martineau, 2019, RaHingeGAN).

    See the paper's appendix of loss functions; the authors' code has half of each loss.
    """

    generator_uses_real_logits = True
    logits = "differences"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`E \max(0, 1 - (D(x) - E D(G(z)))) + E \max(0, 1 + D(G(z)) - E D(x))`."""
        return hinge(*relative_logits(real_logits, fake_logits))

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`E \max(0, 1 - (D(G(z)) - E D(x))) + E \max(0, 1 + D(x) - E D(G(z)))`."""
        return self.discriminator_loss(fake_logits, given(real_logits))


class Softmax(Objective):
    r"""A softmax over all images of a batch, real and generated (Lin, 2017, Softmax GAN).

    With :math:`Z = \sum_x e^{D(x)} + \sum_z e^{D(G(z))}`, D wants all of the probability on the real images, equally
    distributed, and G wants it equally distributed over the whole batch. The paper's D is minus the logit.
    """

    generator_uses_real_logits = True
    logits = "differences"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`\log Z - E D(x)`."""
        return log_partition(real_logits, fake_logits) - real_logits.float().mean()

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`\log Z` minus the mean logit of real and generated images."""
        real = given(real_logits)
        total = real.float().sum() + fake_logits.float().sum()
        return log_partition(real, fake_logits) - total / (real.numel() + fake_logits.numel())


def relative_logits(real_logits: Tensor, fake_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Float32 logits of both kinds minus the mean logit of the other kind, of the same shapes."""
    real, fake = real_logits.float(), fake_logits.float()
    return real - mean_logit(fake), fake - mean_logit(real)


def log_partition(*logits: Tensor) -> Tensor:
    r""":math:`\log \sum e^v` over all values v of tensors of any shapes and of all processes, a float32 scalar."""
    values = [each.float().flatten() for each in logits]
    own = values[0].logsumexp(0)
    for more in values[1:]:
        own = own.logaddexp(more.logsumexp(0))
    if world_size() == 1:
        return own
    largest = all_reduce_max(own.detach())
    return largest + (all_reduce_mean((own - largest).exp()) * world_size()).log()
