"""Constraints on the weights of any network, chosen by class path.

For instance ``--model.constraint WeightClipping --model.constraint.bound 0.01`` for the discriminator, and
``--model.generator_constraint OrthogonalRegularization`` for the generator.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.errors import at_least
from lightning_gans.networks.layers import apply_spectral_norm, has_spectral_norm, stored_weight


class WeightConstraint(StoresArguments, ABC):
    """Base class of constraints: a change of the network, of its weights after each update, or a term of the loss."""

    def __init__(self) -> None:
        """Create the object."""

    def attach(self, network: nn.Module) -> None:
        """Prepare a network with its initial weights; nothing by default.

        Raises:
            ValueError: if the network does not allow the constraint.
        """

    def term(self, network: nn.Module) -> Tensor | float:
        """The weighted term of the network's loss, a scalar; 0 by default."""
        return 0.0

    def project(self, network: nn.Module) -> None:
        """Move the weights into the allowed set, after an update; nothing by default."""


class WeightClipping(WeightConstraint):
    """Clips all weights and biases to [-bound, bound] after each update (Arjovsky et al., 2017, algorithm 1).

    Args:
        bound: the paper's c, positive.

    Raises:
        ValueError: if ``bound`` is not positive.
    """

    def __init__(self, bound: float = 0.01) -> None:
        if bound <= 0:
            raise ValueError(f"bound is {bound}; expected a positive number")
        self.bound = bound

    def attach(self, network: nn.Module) -> None:
        """Clip the initial weights.

        Raises:
            ValueError: if the network has spectral normalization, which divides a common factor of the weights out.
        """
        if has_spectral_norm(network):
            raise ValueError(
                f"{type(network).__name__} has spectral normalization, which clipping does not bound; expected one of "
                "both"
            )
        self.project(network)

    @torch.no_grad()
    def project(self, network: nn.Module) -> None:
        """Clip the weights that are trained."""
        for weight in network.parameters():
            if weight.requires_grad:
                weight.clamp_(-self.bound, self.bound)


class SpectralNorm(WeightConstraint):
    """Each layer is divided by its largest singular value (Miyato et al., 2018, section 2.1 and appendix A).

    See :func:`lightning_gans.networks.layers.apply_spectral_norm`. SAGAN and BigGAN have it in G, too (Zhang et al.,
    2019, section 4.1). A trained generator is sampled, exported and loaded without it, by the normalized weights.
    """

    def attach(self, network: nn.Module) -> None:
        """Normalize the layers that are not normalized yet.

        Raises:
            ValueError: if a weight is all zero.
        """
        apply_spectral_norm(network)


class OrthogonalRegularization(WeightConstraint):
    r"""Penalty on the cosines between the filters of a layer, :math:`\beta \|W W^T \odot (1 - I)\|_F^2`.

    This is equation 3 of Brock et al. (2019), who found that G's latents can be truncated better with it. W has one row
    for each output channel; the diagonal is free, and with ``normalized`` it is pulled to 1, the orthogonality of
    Brock et al. (2017), :math:`\beta \|W W^T - I\|_F^2`.

    Args:
        weight: beta, at least 0.
        normalized: whether the filters are to have norm 1.

    Raises:
        ValueError: if ``weight`` is negative.
    """

    def __init__(self, weight: float = 1e-4, normalized: bool = False) -> None:
        at_least("weight", weight, 0)
        self.weight = weight
        self.normalized = normalized

    def term(self, network: nn.Module) -> Tensor | float:
        """The weighted sum over the layers, a scalar."""
        terms = [self._distance(filters) for filters in filters_of(network)]
        return self.weight * torch.stack(terms).sum() if terms else 0.0

    def _distance(self, filters: Tensor) -> Tensor:
        products = filters @ filters.T
        identity = torch.eye(len(filters), device=filters.device)
        wanted = identity if self.normalized else identity * products
        return (products - wanted).square().sum()


def filters_of(network: nn.Module) -> Iterator[Tensor]:
    """The weights of convolutions and linear layers with several outputs, as matrices with a row for each output."""
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        weight = stored_weight(module)
        if isinstance(module, nn.ConvTranspose2d):
            weight = weight.transpose(0, 1)
        if len(weight) > 1 and weight.requires_grad:
            yield weight.flatten(1).float()
