"""Objectives on energies: the logit of a discriminator is minus an energy, such as an autoencoder's error."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.objectives.standard import Objective, negative_mean_logit
from lightning_gans.core.errors import at_least
from lightning_gans.distributed import all_reduce_mean


class EnergyBased(Objective):
    """D gives low energy to real images, and to generated ones an energy of at least a margin (Zhao et al., 2017).

    Args:
        margin: the energy m above which generated images no longer count; positive.

    Raises:
        ValueError: if ``margin`` is not positive.
    """

    logits = "energies"

    def __init__(self, margin: float = 1.0) -> None:
        if margin <= 0:
            raise ValueError(f"margin is {margin}; expected a positive number")
        self.margin = margin

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        r""":math:`E U(x) + E \max(0, m - U(G(z)))` with the energy U (eq. 1)."""
        return -real_logits.float().mean() + F.relu(self.margin + fake_logits.float()).mean()

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """:math:`E U(G(z))` (eq. 2)."""
        return negative_mean_logit(fake_logits)


class BoundaryEquilibrium(Objective):
    r"""D's energies of real and of generated images are kept at a fixed ratio (Berthelot et al., 2017, BEGAN).

    The energy of generated images is subtracted with a weight :math:`k_t` from 0 to 1 that starts at 0. After each
    batch :math:`k_{t+1} = k_t + \lambda_k (\gamma U(x) - U(G(z)))` with the batch's mean energies (section 3.4). The
    measure of convergence :math:`M = U(x) + |\gamma U(x) - U(G(z))|` (section 3.4.1) is logged with k. With several
    processes the mean energies are those of the batches of all. k is part of the checkpoint.

    Args:
        gamma: the diversity ratio :math:`E U(G(z)) / E U(x)` that is aimed at, in (0, 1]; less of it gives better but
            less diverse images.
        lambda_k: learning rate of k, positive.

    Raises:
        ValueError: if an argument is out of range.
    """

    logits = "energies"

    def __init__(self, gamma: float = 0.5, lambda_k: float = 0.001) -> None:
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma is {gamma}; expected a ratio in (0, 1]")
        if lambda_k <= 0:
            raise ValueError(f"lambda_k is {lambda_k}; expected a positive number")
        self.gamma, self.lambda_k = gamma, lambda_k
        self._k = torch.zeros(())
        self._measure: Tensor | None = None

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """:math:`E U(x) - k_t E U(G(z))`."""
        return self._k.to(fake_logits.device) * fake_logits.float().mean() - real_logits.float().mean()

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """:math:`E U(G(z))`."""
        return negative_mean_logit(fake_logits)

    def observe(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Move k, and compute the measure of convergence."""
        means = torch.stack([real_logits.float().mean(), fake_logits.float().mean()])
        real, fake = all_reduce_mean(-means)
        balance = self.gamma * real - fake
        self._k = (self._k.to(balance.device) + self.lambda_k * balance).clamp(0, 1)
        self._measure = real + balance.abs()

    def scalars(self) -> dict[str, Tensor]:
        """The weight k, and the measure of convergence of the latest batch."""
        return {"equilibrium/k": self._k} | ({} if self._measure is None else {"equilibrium/measure": self._measure})

    def training_state(self) -> dict[str, float]:
        """The weight k."""
        return {"k": self._k.item()}

    def load_training_state(self, state: Mapping[str, float]) -> None:
        """Continue from k."""
        at_least("k", state["k"], 0)
        self._k, self._measure = torch.tensor(state["k"]), None
