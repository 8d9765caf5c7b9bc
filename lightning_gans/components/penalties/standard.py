"""The base class of penalties on the discriminator, gradient penalties, LeCam and sums of penalties.

Gradient penalties are computed in float32, also under mixed precision. The second derivative of batch normalization
contains the third power of the reciprocal of the standard deviation, which is 40 and more for the first feature maps of
an untrained discriminator: in float16 it overflows.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.components.objectives import image_logits
from lightning_gans.components.schedules import Schedule, value_at
from lightning_gans.components.stateful import StatefulPart
from lightning_gans.core.errors import at_least
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.core.randomness import uniform_per_image
from lightning_gans.distributed import all_reduce_mean


class DiscriminatorPass(NamedTuple):
    """The forward pass that the discriminator's loss was computed from.

    Attributes:
        real: real images (N, C, H, W), as :meth:`Penalty.leaves` returns them.
        fake: generated images (N, C, H, W), likewise.
        real_logits: logits (N,), or (N, K) of patches, of the real images.
        fake_logits: logits of the generated images, likewise.
        labels: classes (N,) of both, int64.
        discriminator: images (N, C, H, W) and labels (N,) to such logits, in float32, for a pass at other images.
        step: number of the batch in the run, from 0.
        total_steps: length of the run in batches, infinity if it has no end.
        nearby: takes a standard deviation, and returns images generated from the latent vectors of ``fake`` plus normal
            noise of that deviation, without history. None where there is no generator.
    """

    real: Tensor
    fake: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    labels: Tensor
    discriminator: Callable[[Tensor, Tensor], Tensor]
    step: int = 0
    total_steps: float = math.inf
    nearby: Callable[[float], Tensor] | None = None


def squared_gradient_norms(logits: Tensor, images: Tensor) -> Tensor:
    r""":math:`\|\nabla_x D(x)\|^2` of each image, a differentiable float32 tensor (N,).

    Args:
        logits: D's logits (N,), computed from ``images``; of logits (N, K) of patches the mean over patches is D(x).
        images: (N, C, H, W), with ``requires_grad``.
    """
    with autocast_off(images.device):
        (gradients,) = torch.autograd.grad(image_logits(logits.float()).sum(), images, create_graph=True)
        # The norm over all pixels and channels of an image; a norm along one axis would be another penalty.
        return gradients.float().flatten(1).square().sum(dim=1)


def gradient_norms(logits: Tensor, images: Tensor) -> Tensor:
    """The roots of :func:`squared_gradient_norms`, (N,)."""
    # The root's derivative is infinite at 0, the gradient of a discriminator that ignores its input.
    return (squared_gradient_norms(logits, images) + 1e-12).sqrt()


def images_between(first: Tensor, second: Tensor) -> Tensor:
    """Images drawn uniformly on the lines between two images each, without history, with ``requires_grad``.

    Args:
        first: (N, C, H, W).
        second: (N, C, H, W).
    """
    share = uniform_per_image(len(first), first.device).view(-1, 1, 1, 1)
    return (first + share * (second - first)).detach().requires_grad_(True)


class Penalty(StatefulPart, ABC):
    """A term of the discriminator's loss, applied every ``interval`` steps with ``interval`` times the weight.

    Its mean over steps does not depend on the interval (lazy regularization, Karras et al., 2020, appendix B).

    Args:
        weight: gamma or lambda of the papers, at least 0; or a schedule of it.
        interval: number of steps from one application to the next, at least 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    differentiates_real: ClassVar[bool] = False
    """Whether the term needs the gradient of the logits of real images with respect to these images."""

    differentiates_fake: ClassVar[bool] = False
    """Whether the term needs the gradient of the logits of generated images with respect to these images."""

    uses_gradients: bool = False
    """Whether the term is a function of gradients of logits with respect to images."""

    def __init__(self, weight: float | Schedule = 1.0, interval: int = 1) -> None:
        if not isinstance(weight, Schedule):
            at_least("weight", weight, 0)
        at_least("interval", interval, 1)
        self.weight = weight
        self.interval = interval

    def applies_at(self, step: int) -> bool:
        """Whether the loss of step number ``step`` (from 0) has the term."""
        return step % self.interval == 0

    def effective_weight(self, given: DiscriminatorPass) -> float:
        """The weight of one application, which stands for ``interval`` steps."""
        return value_at(self.weight, given.step, given.total_steps) * self.interval

    def leaves(self, real: Tensor, fake: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """Real and generated images in float32, without history, with ``requires_grad`` where the term differentiates.

        The discriminator's pass that :meth:`term` gets has to be at these images, and in float32 where they have
        ``requires_grad``. In step number ``step`` (from 0) the penalty applies.
        """
        return (
            at_least_float32(real.detach()).requires_grad_(self.differentiates_real),
            at_least_float32(fake.detach()).requires_grad_(self.differentiates_fake),
        )

    @abstractmethod
    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""


class R1(Penalty):
    r"""Gradient penalty on real images, :math:`\frac{\gamma}{2} E\|\nabla D(x)\|^2` (Mescheder et al., 2018, eq. 9)."""

    uses_gradients = True
    differentiates_real = True

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""
        return self.effective_weight(given) / 2 * squared_gradient_norms(given.real_logits, given.real).mean()


class R2(Penalty):
    r"""Gradient penalty on generated images (Mescheder et al., 2018, eq. 10).

    :math:`\frac{\gamma}{2} E\|\nabla D(G(z))\|^2`.
    """

    uses_gradients = True
    differentiates_fake = True

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""
        return self.effective_weight(given) / 2 * squared_gradient_norms(given.fake_logits, given.fake).mean()


class R1R2(Penalty):
    """Gradient penalties on real and on generated images, as in R3GAN (Huang et al., 2024, eq. 3)."""

    uses_gradients = True
    differentiates_real = True
    differentiates_fake = True

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted sum of both terms, a scalar."""
        real = squared_gradient_norms(given.real_logits, given.real).mean()
        fake = squared_gradient_norms(given.fake_logits, given.fake).mean()
        return self.effective_weight(given) / 2 * (real + fake)


class GradientPenalty(Penalty):
    r"""Gradient penalty of WGAN-GP, :math:`\lambda E (\|\nabla D(\hat x)\| - 1)^2` (Gulrajani et al., 2017, eq. 3).

    :math:`\hat x` is drawn uniformly on the line from a real to a generated image, for each pair. This takes a forward
    pass of its own.

    Args:
        weight: lambda; or a schedule of it.
        interval: number of steps from one application to the next, at least 1.
        one_sided: whether norms less than 1 are allowed, :math:`E \max(0, \|\nabla D(\hat x)\| - 1)^2` (section 4;
            WGAN-LP, Petzka et al., 2018).

    Raises:
        ValueError: if an argument is out of range.
    """

    uses_gradients = True

    def __init__(self, weight: float | Schedule = 1.0, interval: int = 1, one_sided: bool = False) -> None:
        super().__init__(weight, interval)
        self.one_sided = one_sided

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""
        images = images_between(given.real, given.fake)
        excess = gradient_norms(given.discriminator(images, given.labels), images) - 1
        if self.one_sided:
            excess = F.relu(excess)
        return self.effective_weight(given) * excess.square().mean()


class LeCam(Penalty):
    r"""LeCam regularization (Tseng et al., 2021, section 3), for few images.

    The term is :math:`\lambda (E \max(0, D(x) - \alpha_F)^2 + E \max(0, \alpha_R - D(G(z)))^2)`, where
    :math:`\alpha_R` and :math:`\alpha_F` are moving averages of the discriminator's mean logits of real images and of
    generated ones. It pulls the logits of real images down to the average of generated ones, and those of generated
    images up to that of real ones, so that they do not drift apart when the discriminator learns the training images by
    heart. With several processes the averages are of the images of all. They are part of the checkpoint.

    This is the authors' code; the paper's equation has the squares of both differences, whatever their sign. Beside a
    gradient penalty it is a term of :class:`Penalties`.

    Args:
        weight: lambda; or a schedule of it. The authors have .3 for BigGAN with the hinge loss on CIFAR, 1e-6 for
            StyleGAN2 there.
        decay: share of the averages that remains in each batch, in [0, 1). The paper and the code for StyleGAN2 have
            .99, that for BigGAN .9.
        start: number of the step (from 0) after which the term is added; until then the averages are the means of the
            newest batch.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, weight: float | Schedule = 0.3, decay: float = 0.99, start: int = 1000) -> None:
        super().__init__(weight)
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; expected at least 0 and less than 1")
        at_least("start", start, 0)
        self.decay = decay
        self.start = start
        self._averages: Tensor | None = None

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar; the averages are updated first, as in the authors' code."""
        real, fake = given.real_logits.float(), given.fake_logits.float()
        means = all_reduce_mean(torch.stack([real.mean(), fake.mean()]).detach())
        if self._averages is not None and given.step >= self.start:
            means = torch.lerp(means, self._averages.to(means.device), self.decay)
        self._averages = means
        if given.step <= self.start:
            return real.new_zeros(())
        distances = F.relu(real - means[1]).square().mean() + F.relu(means[0] - fake).square().mean()
        return self.effective_weight(given) * distances

    def training_state(self) -> dict[str, float]:
        """The averages of the logits of real and of generated images; empty before the first step."""
        return {} if self._averages is None else dict(zip(("real", "fake"), self._averages.tolist(), strict=True))

    def load_training_state(self, state: Mapping[str, float]) -> None:
        """Continue from averages."""
        self._averages = torch.tensor([state["real"], state["fake"]])


class Penalties(Penalty):
    """The sum of several penalties, each with a weight and an interval of its own.

    For instance, in a config, ``penalty: {class_path: Penalties, init_args: {terms: [R1, LeCam]}}``.

    Args:
        terms: the penalties, at least one.

    Raises:
        ValueError: if there is none.
    """

    def __init__(self, terms: list[Penalty]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("terms is []; expected at least one penalty")
        self.terms = terms
        self.uses_gradients = any(term.uses_gradients for term in terms)

    def applies_at(self, step: int) -> bool:
        """Whether the loss of step number ``step`` (from 0) has one of the terms."""
        return bool(self._due(step))

    def leaves(self, real: Tensor, fake: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """As :meth:`Penalty.leaves`, with ``requires_grad`` where one of the step's terms differentiates."""
        pairs = [term.leaves(real, fake, step) for term in self._due(step)]
        real, fake = pairs[0]
        return (
            real.requires_grad_(any(pair[0].requires_grad for pair in pairs)),
            fake.requires_grad_(any(pair[1].requires_grad for pair in pairs)),
        )

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The sum of the step's weighted terms, a scalar."""
        return torch.stack([term.term(given) for term in self._due(given.step)]).sum()

    def training_state(self) -> dict[str, float]:
        """The states of the terms, with their places before the names."""
        states = enumerate(term.training_state() for term in self.terms)
        return {f"{place}.{name}": value for place, state in states for name, value in state.items()}

    def load_training_state(self, state: Mapping[str, float]) -> None:
        """Continue from the states of the terms; one that has none starts anew."""
        for place, term in enumerate(self.terms):
            prefix = f"{place}."
            if own := {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}:
                term.load_training_state(own)

    def _due(self, step: int) -> list[Penalty]:
        return [term for term in self.terms if term.applies_at(step)]
