"""The mutual information of codes and images, as InfoGAN maximizes it (Chen et al., 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.components.auxiliary.base import AuxiliaryLoss, Origin
from lightning_gans.components.noise import split_codes
from lightning_gans.core.errors import at_least

SMALLEST_LOG_STD = math.log(1e-3)
"""Bound of the logarithm of a predicted standard deviation: a density has none."""


class CodePrediction(NamedTuple):
    """The distribution Q(c|x) of the codes of images.

    Attributes:
        logits: (N, K), the logits of all categorical codes, one after the other.
        means: (N, C), the mean of each continuous code.
        log_stds: (N, C), the logarithm of the standard deviation of each.
    """

    logits: Tensor
    means: Tensor
    log_stds: Tensor


class CodeHead(nn.Module):
    """A hidden layer with batch normalization, then the distribution of each code (appendix C.1).

    Args:
        features: length of the features.
        hidden: units of the hidden layer.
        categories: number of values of each categorical code.
        continuous: number of continuous codes.
        fixed_std: whether the standard deviation of continuous codes is 1 and not predicted.
    """

    def __init__(self, features: int, hidden: int, categories: int, continuous: int, fixed_std: bool) -> None:
        super().__init__()
        self.lengths = [categories, continuous, 0 if fixed_std else continuous]
        self.layers = nn.Sequential(
            nn.Linear(features, hidden, bias=False),  # batch normalization would subtract a bias
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Linear(hidden, sum(self.lengths)),
        )

    def forward(self, features: Tensor) -> CodePrediction:
        """Return the distribution of the codes for features (N, F), in float32."""
        logits, means, log_stds = torch.split(self.layers(features).float(), self.lengths, dim=1)
        if not self.lengths[2]:
            log_stds = torch.zeros_like(means)
        return CodePrediction(logits, means, log_stds.clamp(min=SMALLEST_LOG_STD))


class MutualInformation(AuxiliaryLoss):
    r"""A lower bound of the mutual information of codes and images, which both networks maximize.

    The bound is :math:`L_I = E \log Q(c|x) + H(c)` (Chen et al., 2016, eq. 5), where c are the codes from which the
    image x was generated, and Q is computed by a head of the discriminator. The term of both losses is
    :math:`-E \log Q(c|x)`: the entropy H(c) is constant. Q is a product of a categorical distribution for each
    categorical code and of a normal one for each continuous code (appendix C).

    The codes are the last entries of the latent vector, as :class:`.CodedNoise` draws them.

    Args:
        categories: number of values of each categorical code.
        continuous: number of continuous codes.
        weight: lambda, the factor of the term in both losses, at least 0.
        continuous_weight: factor of the terms of continuous codes on top of it, at least 0.
        fixed_std: whether the normal distributions have a standard deviation of 1, as in the authors' code for MNIST;
            if not, the head predicts it.
        hidden: units of the head's hidden layer.

    Raises:
        ValueError: if an argument is out of range.
    """

    needs_labels = False

    def __init__(
        self,
        categories: Sequence[int] = (10,),
        continuous: int = 2,
        weight: float = 1.0,
        continuous_weight: float = 1.0,
        fixed_std: bool = True,
        hidden: int = 128,
    ) -> None:
        at_least("weight", weight, 0)
        super().__init__(weight, weight)
        at_least("continuous_weight", continuous_weight, 0)
        at_least("hidden", hidden, 1)
        self.categories, self.continuous = tuple(categories), continuous
        self.continuous_weight = continuous_weight
        self.fixed_std, self.hidden = fixed_std, hidden

    def make_head(self, features: int, num_classes: int) -> nn.Module:
        """A hidden layer, and the distribution of the codes; see :meth:`.AuxiliaryLoss.make_head`."""
        return CodeHead(features, self.hidden, sum(self.categories), self.continuous, self.fixed_std)

    def discriminator_term(self, real: CodePrediction, fake: CodePrediction, origin: Origin) -> Tensor:
        """The term on generated images, as in G's loss; real images have no codes."""
        return self.generator_term(fake, origin)

    def generator_term(self, fake: CodePrediction, origin: Origin) -> Tensor:
        r"""The mean of :math:`-\log Q(c|x)`, with the weight of continuous codes, a scalar."""
        categorical, continuous = self.errors(fake, origin)
        return categorical + self.continuous_weight * continuous

    def errors(self, fake: CodePrediction, origin: Origin) -> tuple[Tensor, Tensor]:
        r"""The means of :math:`-\log Q` of all categorical codes, and of all continuous ones, two scalars.

        Args:
            fake: the distribution of the codes for generated images.
            origin: what they were made from.
        """
        chosen, values = split_codes(origin.latent(), self.categories, self.continuous)
        parts = torch.split(fake.logits, list(self.categories), dim=1)
        zero = fake.logits.new_zeros(())
        categorical = sum((F.cross_entropy(part, code) for part, code in zip(parts, chosen, strict=True)), zero)
        scaled = (values - fake.means) * (-fake.log_stds).exp()
        densities = 0.5 * scaled.square() + fake.log_stds + 0.5 * math.log(2 * math.pi)
        return categorical, densities.sum(dim=1).mean()

    def scalars(self, real: CodePrediction, fake: CodePrediction, origin: Origin) -> dict[str, Tensor]:
        """The bounds of the mutual information of the categorical and of the continuous codes, in nats."""
        categorical, continuous = self.errors(fake, origin)
        entropies = sum(map(math.log, self.categories)), self.continuous * math.log(2)
        named = {"categorical": entropies[0] - categorical, "continuous": entropies[1] - continuous}
        wanted = {"categorical": bool(self.categories), "continuous": bool(self.continuous)}
        return {f"information/{name}": value for name, value in named.items() if wanted[name]}
