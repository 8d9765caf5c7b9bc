r"""Adversarial losses: functions of logits, and pairs of them for discriminator and generator.

In the minimax losses :math:`D(x) = \sigma(\text{logit})`. The sigmoid is part of the loss, which keeps the loss finite
for large logits. Where a paper's D has a linear output, the logit is that output. Logits may have any shape, such as
(N,) or (N, 1, H, W) of patches. Each loss is a mean over all of them, a float32 scalar.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.stateful import StatefulPart
from lightning_gans.core.randomness import uniform_per_image, world_size
from lightning_gans.distributed import all_reduce_mean


def minimax(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""D's loss :math:`-\log D(x) - \log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1), :math:`2 \log 2` at D = ½."""
    return F.softplus(-real_logits.float()).mean() + F.softplus(fake_logits.float()).mean()


def saturating(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`\log(1 - D(G(z)))` (Goodfellow et al., 2014, eq. 1): flat where D(G(z)) is near 0."""
    return -F.softplus(fake_logits.float()).mean()


def non_saturating(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`-\log D(G(z))` (Goodfellow et al., 2014, section 3): its gradient is strongest there."""
    return F.softplus(-fake_logits.float()).mean()


def mean_squared_error(logits: Tensor, target: float) -> Tensor:
    r""":math:`E (D - \text{target})^2` on D's linear output (Mao et al., 2017, eq. 2, without its factor ½)."""
    return (logits.float() - target).square().mean()


def wasserstein(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""The critic's loss :math:`E f(G(z)) - E f(x)` (Arjovsky et al., 2017, eq. 3): minus the estimated distance."""
    return fake_logits.float().mean() - real_logits.float().mean()


def hinge(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""D's loss :math:`E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z)))` (Miyato et al., 2018, eq. 16)."""
    return F.relu(1 - real_logits.float()).mean() + F.relu(1 + fake_logits.float()).mean()


def negative_mean_logit(fake_logits: Tensor) -> Tensor:
    r"""G's loss :math:`-E f(G(z))` (Arjovsky et al., 2017, section 3; Miyato et al., 2018, eq. 17)."""
    return -fake_logits.float().mean()


def relativistic(better_logits: Tensor, worse_logits: Tensor) -> Tensor:
    r""":math:`-E \log \sigma(D(\text{better}) - D(\text{worse}))`, images paired in order (Huang et al., 2024, eq. 2).

    D's loss takes the real images as the better ones, G's loss the generated ones; :math:`\log 2` where both logits are
    equal.
    """
    return F.softplus(worse_logits.float() - better_logits.float()).mean()


def image_logits(logits: Tensor) -> Tensor:
    """Return one logit for each image, (N,): the mean over the patches of logits (N, K), or logits (N,) themselves."""
    return logits.flatten(1).mean(dim=1) if logits.dim() > 1 else logits


def top_logits(fake_logits: Tensor, real_logits: Tensor | None, share: float) -> tuple[Tensor, Tensor | None]:
    """The logits of the generated images, or packs of images, with the highest logits (Sinha et al., 2020).

    Args:
        fake_logits: logits (N,), or (N, K) of patches, of which the mean counts.
        real_logits: logits of as many real images, of which those at the same places are returned; or None.
        share: share of the images in (0, 1]; at least one is returned.
    """
    if share >= 1:
        return fake_logits, real_logits
    chosen = image_logits(fake_logits).topk(max(1, round(share * len(fake_logits)))).indices
    return fake_logits[chosen], None if real_logits is None else real_logits[chosen]


class Objective(StatefulPart, ABC):
    """The losses of discriminator and generator as functions of logits; computing a loss does not change the object."""

    generator_uses_real_logits: ClassVar[bool] = False
    """Whether :meth:`generator_loss` needs the logits of real images. Families compute them only then."""

    logits: ClassVar[Literal["any", "differences", "energies"]] = "any"
    """The discriminators that the losses are defined for.

    "any" needs logits of both signs. "differences" depends on differences of logits only, so that all of them may be
    negative. "energies" needs logits that are at most 0, minus an energy, as those of an autoencoder.
    """

    def __init__(self) -> None:
        """Create the object."""

    @abstractmethod
    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The loss that the discriminator minimizes, a scalar."""

    @abstractmethod
    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The loss that the generator minimizes, a scalar.

        Args:
            fake_logits: logits of generated images, differentiable with respect to the generator.
            real_logits: logits of real images, without a gradient; needed if :attr:`generator_uses_real_logits`.

        Raises:
            ValueError: if ``real_logits`` is None but needed.
        """

    def observe(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Note the logits of one batch, after its loss is computed; most objectives have no state.

        Args:
            real_logits: logits of the batch's real images, without history.
            fake_logits: logits of its generated images, likewise.
        """

    def scalars(self) -> dict[str, Tensor]:
        """What is logged about the state, scalars by name; nothing by default."""
        return {}


class NonSaturating(Objective):
    """Minimax loss for D and the non-saturating loss for G (Goodfellow et al., 2014, eq. 1 and section 3)."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`-E \log D(x) - E \log(1 - D(G(z)))`."""
        return minimax(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`-E \log D(G(z))`."""
        return non_saturating(fake_logits)


class Saturating(Objective):
    """The minimax game for both networks (Goodfellow et al., 2014, eq. 1)."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`-E \log D(x) - E \log(1 - D(G(z)))`."""
        return minimax(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`E \log(1 - D(G(z)))`."""
        return saturating(fake_logits)


class LeastSquares(Objective):
    r"""Least squares (Mao et al., 2017, eq. 2), by default without the factor ½ (Zhu et al., 2017, section 4).

    With :math:`b - c = 1` and :math:`b - a = 2`, such as (a, b, c) = (-1, 1, 0), the generator minimizes the Pearson
    :math:`\chi^2` divergence (section 3.2.2). The default 0-1-1 is the paper's binary coding (section 3.2.3).

    Args:
        a: D's target for generated images.
        b: D's target for real images.
        c: G's target for D's output on generated images.
        scale: factor of each mean square: ½ in LSGAN, 1 in CycleGAN, whose other weights assume this.
    """

    def __init__(self, a: float = 0.0, b: float = 1.0, c: float = 1.0, scale: float = 1.0) -> None:
        self.a, self.b, self.c = a, b, c
        self.scale = scale

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`s \left(E(D(x) - b)^2 + E(D(G(z)) - a)^2\right)` with the scale s."""
        real, fake = mean_squared_error(real_logits, self.b), mean_squared_error(fake_logits, self.a)
        return self.scale * (real + fake)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`s E(D(G(z)) - c)^2` with the scale s."""
        return self.scale * mean_squared_error(fake_logits, self.c)


class Wasserstein(Objective):
    """The critic estimates the Wasserstein distance (Arjovsky et al., 2017, eq. 3); it needs a Lipschitz constraint."""

    logits = "differences"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """:math:`E f(G(z)) - E f(x)`."""
        return wasserstein(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """:math:`-E f(G(z))`."""
        return negative_mean_logit(fake_logits)


class Hinge(Objective):
    """Hinge loss (Lim and Ye, 2017; Miyato et al., 2018, eq. 16 and 17)."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`E \max(0, 1 - D(x)) + E \max(0, 1 + D(G(z)))`."""
        return hinge(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """:math:`-E D(G(z))`."""
        return negative_mean_logit(fake_logits)


class SmoothedHinge(Objective):
    r"""Hinge loss whose margin in D's loss is drawn for each logit, as in the code of FastGAN (Liu et al., 2021).

    It keeps D from separating a few training images by as much as it can: one-sided label smoothing for the hinge.

    Args:
        smoothing: margins are uniformly distributed between 1 minus this number and 1.

    Raises:
        ValueError: if ``smoothing`` is outside [0, 1].
    """

    def __init__(self, smoothing: float = 0.2) -> None:
        if not 0 <= smoothing <= 1:
            raise ValueError(f"smoothing is {smoothing}; expected 0 to 1")
        self.smoothing = smoothing

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`E \max(0, m - D(x)) + E \max(0, m' + D(G(z)))` with the margins m and m'."""
        real, fake = real_logits.float(), fake_logits.float()
        return F.relu(self._margins(real) - real).mean() + F.relu(self._margins(fake) + fake).mean()

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """:math:`-E D(G(z))`."""
        return negative_mean_logit(fake_logits)

    def _margins(self, logits: Tensor) -> Tensor:
        drawn = uniform_per_image(len(logits), logits.device, *logits.shape[1:])
        return 1 - self.smoothing * drawn


class Relativistic(Objective):
    """Each real image is compared with the generated one at its place in the batch (Huang et al., 2024, eq. 2)."""

    generator_uses_real_logits = True
    logits = "differences"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`-E \log \sigma(D(x) - D(G(z)))`."""
        return relativistic(real_logits, fake_logits)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`-E \log \sigma(D(G(z)) - D(x))`."""
        return relativistic(fake_logits, given(real_logits))


class RelativisticAverage(Objective):
    r"""Each image is compared with the mean of the other kind (Jolicoeur-Martineau, 2019, RaSGAN).

    The authors' code has half of each loss. With several processes the mean is that of the batches of all processes, so
    N processes compute what one process computes with the N-fold batch.
    """

    generator_uses_real_logits = True
    logits = "differences"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`-E \log \sigma(D(x) - E D(G(z))) - E \log(1 - \sigma(D(G(z)) - E D(x)))`."""
        real, fake = real_logits.float(), fake_logits.float()
        return minimax(real - mean_logit(fake), fake - mean_logit(real))

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        r""":math:`-E \log \sigma(D(G(z)) - E D(x)) - E \log(1 - \sigma(D(x) - E D(G(z))))`."""
        return self.discriminator_loss(fake_logits, given(real_logits))


def mean_logit(logits: Tensor) -> Tensor:
    """The mean over the logits of all processes, a differentiable float32 scalar."""
    mean = logits.float().mean()
    return mean if world_size() == 1 else all_reduce_mean(mean)


def given(real_logits: Tensor | None) -> Tensor:
    """The logits of real images, without which a loss cannot be computed.

    Raises:
        ValueError: if there are none.
    """
    if real_logits is None:
        raise ValueError("real_logits is None; expected the logits of real images, which this objective compares with")
    return real_logits
