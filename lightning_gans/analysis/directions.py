r"""Directions in latent space in which images change most, found without labels and without images.

Closed-form factorization (SeFa; Shen and Zhou, 2021): a generator's first layer maps z to :math:`A z + b`, so a step
:math:`\alpha n` changes its output by :math:`\alpha A n`, whatever z is. The unit vectors n for which :math:`\lVert A n
\rVert` is largest are the eigenvectors of :math:`A^\top A` (eq. 5 and 7). With a mapping network, A are the layers that
make the styles of chosen layers from w.

Rows of A have unit length here, as in the authors' code, so that no output counts more since its weights are larger.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.networks.sampling import SamplesFromNoise
from lightning_gans.networks.styles import check_layers

SPREAD_POINTS = 500
"""Points whose standard deviation along a direction is the unit of steps."""


def factorize(weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    r"""Return the eigenvectors and eigenvalues of :math:`A^\top A`, the largest first.

    Args:
        weights: the rows of A, matrices (outputs, D).

    Returns:
        Vectors (D, D) float64 of unit length, one per row, whose largest entry is positive; and eigenvalues (D,), whose
        sum is the number of rows of A that are not zero.
    """
    rows = F.normalize(torch.cat([weight.detach().cpu().double() for weight in weights]), dim=1)
    values, columns = torch.linalg.eigh(rows.T @ rows)
    vectors = columns.flip(1).T
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return vectors * largest.sign(), values.flip(0).clamp(min=0)


class Directions:
    """The directions of a model, the one along which images change most first.

    Args:
        model: the model.
        layers: numbers of the layers to move, from 0, of a generator with a mapping network; None for all.

    Attributes:
        vectors: (K, D) of unit length, in the space of z, or of w if there is a mapping network.
        shares: (K,), the eigenvalues divided by their sum.
        spread: (K,), the standard deviation of the model's points along each vector.
        layers: numbers of the layers that are moved; empty if there is no mapping network.

    Raises:
        ValueError: if the generator does not say which weights are given the latent vector, or has no such layers.
    """

    def __init__(self, model: SamplesFromNoise, layers: Sequence[int] | None = None) -> None:
        weights = model.sampled.latent_weights()
        if not weights:
            name = type(model.sampled).__name__
            raise ValueError(f"{name} does not say which weights z is given to; expected a method latent_weights")
        self.model, self.layers = model, list(range(len(weights)))
        if len(model.space.shape) == 1:
            if layers is not None:
                raise ValueError("layers is given, but the generator has no mapping network; expected None")
            self.layers = []
        elif layers is not None:
            self.layers = check_layers(layers, len(weights))
            weights = [weights[layer] for layer in self.layers]
        vectors, values = factorize(weights)
        self.vectors, self.shares = vectors.float(), (values / values.sum()).float()
        latent = model.latents(range(SPREAD_POINTS))
        points = model.points(latent, model.label_inputs(SPREAD_POINTS))
        self.spread = (points.reshape(SPREAD_POINTS, -1, vectors.shape[1])[:, 0] @ self.vectors.T).std(dim=0)

    def __len__(self) -> int:
        """The number of directions."""
        return len(self.vectors)

    def move(self, points: Tensor, amounts: Tensor) -> Tensor:
        """Move points along the directions.

        Args:
            points: points of the model's space, z (N, D) or w (N, L, D); see :meth:`.SamplesFromNoise.points`.
            amounts: (N, k) for the first k directions, in standard deviations of the model's points along each.

        Returns:
            Points of the same shape.

        Raises:
            ValueError: if there are fewer directions.
        """
        count = amounts.shape[1]
        if count > len(self):
            raise ValueError(f"amounts has {count} columns; expected at most {len(self)}, the number of directions")
        steps = (amounts.to(points) * self.spread[:count].to(points)) @ self.vectors[:count].to(points)
        if not self.layers:
            return points + steps
        moved = points.clone()
        moved[:, self.layers] += steps[:, None]
        return moved
