"""The data-to-data cross-entropy of ReACGAN (Kang et al., 2021)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.components.auxiliary.base import AuxiliaryLoss, Origin
from lightning_gans.components.auxiliary.classification import accuracy
from lightning_gans.core.randomness import rank, world_size
from lightning_gans.distributed import all_reduce_mean


class Embedded(NamedTuple):
    """What the head of :class:`DataToData` returns.

    Attributes:
        vectors: embeddings (N, E) of length 1.
        similarities: cosines (N, K) of the embeddings and the vector of each class.
    """

    vectors: Tensor
    similarities: Tensor


class EmbeddingHead(nn.Module):
    """A linear layer to embeddings, and a vector for each class, all of length 1.

    Args:
        features: length of the features.
        dim: length of an embedding.
        num_classes: number of classes.
    """

    def __init__(self, features: int, dim: int, num_classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, dim)
        self.proxies = nn.Linear(dim, num_classes, bias=False)
        nn.init.normal_(self.project.weight, 0.0, features**-0.5)
        nn.init.zeros_(self.project.bias)
        nn.init.normal_(self.proxies.weight)

    def forward(self, features: Tensor) -> Embedded:
        """Return the embeddings of features (N, F) and their similarities to the classes, in float32."""
        vectors = F.normalize(self.project(features).float(), dim=1)
        return Embedded(vectors, vectors @ F.normalize(self.proxies.weight.float(), dim=1).T)


class DataToData(AuxiliaryLoss):
    r"""Embeddings are close to the vector of their class, and far from embeddings of other classes (D2D-CE).

    The loss of an image with embedding f and label y is
    :math:`-\log \frac{e^{[f v_y - m_p]_- / \tau}}{e^{[f v_y - m_p]_- / \tau} + \sum_j e^{[f f_j - m_n]_+ / \tau}}`
    (Kang et al., 2021), where j runs over the images of the batch with other labels, :math:`m_n = 1 - m_p`,
    :math:`[x]_-` is min(x, 0) and :math:`[x]_+` is max(x, 0). Images that are far enough on the right side have no
    gradient. D's term is the mean over real images, G's that over generated ones. With several processes the images of
    all are compared.

    This is the paper's equation. The authors' code divides the sum by the exponential of its largest exponent, which is
    another loss unless that is 0.

    Args:
        weight_d: factor of the term of the discriminator's loss, at least 0; .5 in the authors' settings for CIFAR-10.
        weight_g: factor of the term of the generator's loss, at least 0; likewise.
        temperature: :math:`\tau`, positive.
        margin: the margin :math:`m_p` of similarities to the class, in [-1, 1].
        dim: length of an embedding, at least 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        weight_d: float = 0.5,
        weight_g: float = 0.5,
        temperature: float = 0.5,
        margin: float = 0.98,
        dim: int = 512,
    ) -> None:
        super().__init__(weight_d, weight_g)
        if temperature <= 0:
            raise ValueError(f"temperature is {temperature}; expected a positive number")
        if not -1 <= margin <= 1:
            raise ValueError(f"margin is {margin}; expected a cosine, -1 to 1")
        if dim < 1:
            raise ValueError(f"dim is {dim}; expected at least 1")
        self.temperature, self.margin, self.dim = temperature, margin, dim

    def make_head(self, features: int, num_classes: int) -> nn.Module:
        """A linear layer to embeddings, and a vector for each class; see :meth:`.AuxiliaryLoss.make_head`."""
        return EmbeddingHead(features, self.dim, num_classes)

    def discriminator_term(self, real: Embedded, fake: Embedded, origin: Origin) -> Tensor:
        """The loss on real images.

        Args:
            real: embeddings of the real images.
            fake: those of the generated images, which D does not learn from.
            origin: what the images were made from.
        """
        return self.loss(real, origin.labels)

    def generator_term(self, fake: Embedded, origin: Origin) -> Tensor:
        """The loss on generated images."""
        return self.loss(fake, origin.labels)

    def loss(self, embedded: Embedded, labels: Tensor) -> Tensor:
        """The mean loss of images, a scalar.

        Args:
            embedded: what the head returns for them.
            labels: (N,) int64.
        """
        own = embedded.similarities.gather(1, labels[:, None])[:, 0]
        attraction = F.relu(self.margin - own) / self.temperature
        others = rows_of_all(embedded.vectors)
        repulsion = F.relu(embedded.vectors @ others.T - (1 - self.margin)) / self.temperature
        is_other = labels[:, None] != rows_of_all(labels)[None]
        exponents = repulsion.masked_fill(~is_other, -torch.inf)
        return (attraction + torch.logsumexp(torch.cat([-attraction[:, None], exponents], dim=1), dim=1)).mean()

    def scalars(self, real: Embedded, fake: Embedded, origin: Origin) -> dict[str, Tensor]:
        """The shares of real and of generated images that are closest to the vector of their label."""
        parts = (("real", real), ("fake", fake))
        return {f"accuracy/{name}": accuracy(each.similarities, origin.labels) for name, each in parts}


def rows_of_all(rows: Tensor) -> Tensor:
    """The rows (N, ...) of all processes, (world size * N, ...), in the order of their ranks; differentiable.

    Every process must call it, with a tensor of the same shape.
    """
    if (world := world_size()) == 1:
        return rows
    mine = torch.zeros(world, device=rows.device, dtype=torch.float32)
    mine[rank()] = world
    placed = mine.view(-1, *[1] * rows.ndim) * rows
    return all_reduce_mean(placed).flatten(0, 1).to(rows.dtype)
