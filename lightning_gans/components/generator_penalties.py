"""Penalties on the generator, added to the generator's loss of any latent variant by class path.

For instance ``--model.generator_penalty PathLength --model.generator_penalty.weight 1``.

They are computed in float32, also under mixed precision, from a forward pass of their own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.schedules import Schedule, value_at
from lightning_gans.components.stateful import StatefulPart
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import normal_per_image
from lightning_gans.distributed import all_reduce_mean


class GeneratorPass(NamedTuple):
    """A forward pass of the generator, in float32.

    Attributes:
        latent: vectors (N, D), or (N, L, D) with one for each layer, by which ``images`` can be differentiated.
        images: (N, C, H, W), made from ``latent``.
        step: number of the batch in the run, from 0.
        total_steps: length of the run in batches, infinity if it has no end.
        real: as many real images (N, C, H, W) of the batch.
        features: maps images (N, C, H, W) to the discriminator's features (N, K), which it computes its logits from.
        nearby: takes a standard deviation, and returns images (N, C, H, W) generated from the same latent vectors as
            ``images`` plus normal noise of that deviation.
    """

    latent: Tensor
    images: Tensor
    step: int = 0
    total_steps: float = math.inf
    real: Tensor | None = None
    features: Callable[[Tensor], Tensor] | None = None
    nearby: Callable[[float], Tensor] | None = None


class GeneratorPenalty(StatefulPart, ABC):
    """A term of the generator's loss, applied in every ``interval``-th update of it with ``interval`` times the weight.

    Its mean over updates does not depend on the interval (lazy regularization, Karras et al., 2020, section 3.1).

    Args:
        weight: factor of the term, at least 0; or a schedule of it.
        interval: number of updates of the generator from one application to the next, at least 1.
        shrink: the pass has as many images as a batch divided by this number, at least 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, weight: float | Schedule = 1.0, interval: int = 1, shrink: int = 1) -> None:
        if not isinstance(weight, Schedule):
            at_least("weight", weight, 0)
        at_least("interval", interval, 1)
        at_least("shrink", shrink, 1)
        self.weight = weight
        self.interval = interval
        self.shrink = shrink

    def applies_at(self, update: int) -> bool:
        """Whether the loss of update number ``update`` (from 0) of the generator has the term."""
        return update % self.interval == 0

    def effective_weight(self, given: GeneratorPass) -> float:
        """The weight of one application, which stands for ``interval`` updates."""
        return value_at(self.weight, given.step, given.total_steps) * self.interval

    @abstractmethod
    def term(self, given: GeneratorPass) -> Tensor:
        """The weighted term, a scalar."""

    def scalars(self) -> dict[str, Tensor]:
        """What is logged about the penalty, scalars by name; nothing by default."""
        return {}


class PathLength(GeneratorPenalty):
    r"""Path length regularization, :math:`E(\|J_w^T y\| - a)^2` (Karras et al., 2020, eq. 4).

    A step of a fixed length in w should change the image by a fixed amount. :math:`J_w` is the derivative of the image
    by w and y an image of normal noise, divided by the root of the number of pixels as in the authors' code. With a w
    for each layer, the squared norm is the mean over layers. a is a running mean of the norms. For a generator without
    a mapping network w is the latent vector.

    a is that of the images of all processes, in the authors' PyTorch code of each process by itself. The term is part
    of the same update as the loss; the authors make an update of its own of it, for which they correct Adam's settings.

    Args:
        weight: factor of the term, at least 0; or a schedule of it.
        interval: number of updates of the generator from one application to the next, at least 1.
        shrink: the pass has as many images as a batch divided by this number, at least 1.
        decay: share of the newest mean norm in a, in (0, 1].

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, weight: float | Schedule = 2.0, interval: int = 4, shrink: int = 2, decay: float = 0.01) -> None:
        super().__init__(weight, interval, shrink)
        if not 0 < decay <= 1:
            raise ValueError(f"decay is {decay}; expected a share in (0, 1]")
        self.decay = decay
        self._mean = torch.zeros(())

    def term(self, given: GeneratorPass) -> Tensor:
        """The weighted term, a scalar; updates the running mean."""
        lengths = path_lengths(given.latent, given.images)
        # The authors' code differentiates the running mean as well.
        mean = torch.lerp(self._mean.to(lengths), all_reduce_mean(lengths.mean()), self.decay)
        self._mean = mean.detach()
        return self.effective_weight(given) * (lengths - mean).square().mean()

    def scalars(self) -> dict[str, Tensor]:
        """The running mean of path lengths."""
        return {"path_length": self._mean}

    def training_state(self) -> dict[str, float]:
        """The running mean."""
        return {"mean": self._mean.item()}

    def load_training_state(self, state: Mapping[str, float]) -> None:
        """Continue from a running mean."""
        self._mean = torch.tensor(state["mean"])


class FeatureMatching(GeneratorPenalty):
    r"""Feature matching, :math:`\|E f(x) - E f(G(z))\|^2` (Salimans et al., 2016, section 3.1).

    f are the features from which D computes its logits, and the means are those of the batches of all processes. In the
    paper this is all of G's loss; here it is added to that of the objective.

    Args:
        weight: factor of the term, at least 0; or a schedule of it.
        interval: number of updates of the generator from one application to the next, at least 1.
        shrink: the pass has as many images as a batch divided by this number, at least 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    def term(self, given: GeneratorPass) -> Tensor:
        """The weighted term, a scalar.

        Raises:
            ValueError: if ``given`` has no discriminator.
        """
        if given.real is None or given.features is None:
            raise ValueError("FeatureMatching needs a discriminator; expected a GeneratorPass with real and features")
        with torch.no_grad():
            wanted = given.features(given.real).float().mean(dim=0)
        difference = given.features(given.images).float().mean(dim=0) - wanted
        return self.effective_weight(given) * all_reduce_mean(difference).square().sum()


class PullingAway(GeneratorPenalty):
    r"""The pulling-away term of EBGAN-PT (Zhao et al., 2017, section 2.4), which keeps generated images apart.

    It is the mean over pairs of generated images of the squared cosine of their features, those from which D computes
    its logits: of an autoencoder the code. Pairs are of images of the same process.

    Args:
        weight: factor of the term, at least 0; or a schedule of it.
        interval: number of updates of the generator from one application to the next, at least 1.
        shrink: the pass has as many images as a batch divided by this number, at least 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, weight: float | Schedule = 0.1, interval: int = 1, shrink: int = 1) -> None:
        super().__init__(weight, interval, shrink)

    def term(self, given: GeneratorPass) -> Tensor:
        """The weighted term, a scalar.

        Raises:
            ValueError: if ``given`` has no discriminator.
        """
        if given.features is None:
            raise ValueError("PullingAway needs a discriminator; expected a GeneratorPass with features")
        features = F.normalize(given.features(given.images).float(), dim=1)
        cosines, count = features @ features.T, len(features)
        # Those of an image with itself are 1.
        pairs = (cosines.square().sum() - cosines.diagonal().square().sum()) / max(1, count * (count - 1))
        return self.effective_weight(given) * pairs


class LatentDiversity(GeneratorPenalty):
    r"""The generator's part of zCR, :math:`-\lambda E (G(z) - G(z + \Delta z))^2` (Zhao et al., 2021).

    It keeps G from ignoring small changes of z, which :class:`.LatentConsistency` asks D to ignore. The square is the
    mean over pixels.

    Args:
        weight: lambda, at least 0; or a schedule of it.
        interval: number of updates of the generator from one application to the next, at least 1.
        shrink: the pass has as many images as a batch divided by this number, at least 1.
        std: standard deviation of the normal noise :math:`\Delta z`, at least 0.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, weight: float | Schedule = 0.5, interval: int = 1, shrink: int = 1, std: float = 0.05) -> None:
        super().__init__(weight, interval, shrink)
        at_least("std", std, 0)
        self.std = std

    def term(self, given: GeneratorPass) -> Tensor:
        """The weighted term, a scalar, at most 0.

        Raises:
            ValueError: if ``given`` has no generator.
        """
        if given.nearby is None:
            raise ValueError("LatentDiversity needs a generator; expected a GeneratorPass with nearby")
        return -self.effective_weight(given) * (given.images - given.nearby(self.std)).square().mean()


def path_lengths(latent: Tensor, images: Tensor) -> Tensor:
    r"""Norms :math:`\|J_w^T y\|` for random y, a differentiable tensor (N,).

    Args:
        latent: (N, D) or (N, L, D).
        images: (N, C, H, W), made from ``latent``.
    """
    height, width = images.shape[2:]
    noise = normal_per_image(len(images), images.device, *images.shape[1:]) / math.sqrt(height * width)
    (gradients,) = torch.autograd.grad((images * noise).sum(), latent, create_graph=True)
    squares = gradients.square().sum(dim=-1).view(len(images), -1).mean(dim=1)
    # The root's derivative is infinite at 0, the gradient of a generator that ignores its input.
    return (squares + 1e-12).sqrt()
