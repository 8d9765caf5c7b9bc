"""Consistency of the discriminator: images that are nearly the same have nearly the same logits."""

from __future__ import annotations

from torch import Tensor

from lightning_gans.components.augmentations import Augmentation, DiffAugment
from lightning_gans.components.penalties.standard import DiscriminatorPass, Penalty
from lightning_gans.components.schedules import Schedule
from lightning_gans.core.errors import at_least


class Consistency(Penalty):
    r"""Consistency regularization, :math:`\lambda E (D(x) - D(T(x)))^2` (Zhang et al., 2020, CR-GAN).

    T is a random augmentation that keeps what an image shows. With ``balanced``, the same term of generated images is
    added (Zhao et al., 2021, bCR), without which G may learn to generate augmented images. Unlike with
    ``model.augmentation``, D and G also see images that are not augmented. Each kind of images takes a forward pass of
    its own.

    Args:
        weight: lambda; or a schedule of it.
        interval: number of steps from one application to the next, at least 1.
        balanced: whether generated images are augmented too.
        augmentation: T; None for translations by up to an eighth of the side.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        weight: float | Schedule = 10.0,
        interval: int = 1,
        balanced: bool = False,
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__(weight, interval)
        self.balanced = balanced
        self.augmentation = augmentation or DiffAugment(color=False, cutout=0.0)

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar."""
        total = self._distance(given, given.real, given.real_logits)
        if self.balanced:
            total = total + self._distance(given, given.fake, given.fake_logits)
        return self.effective_weight(given) * total

    def _distance(self, given: DiscriminatorPass, images: Tensor, logits: Tensor) -> Tensor:
        augmented = given.discriminator(self.augmentation(images.detach()), given.labels)
        return (logits.float() - augmented.float()).square().mean()


class LatentConsistency(Penalty):
    r"""The discriminator's part of zCR, :math:`\lambda E (D(G(z)) - D(G(z + \Delta z)))^2` (Zhao et al., 2021).

    :math:`\Delta z` is normal noise. The generator's part is
    :class:`lightning_gans.components.generator_penalties.LatentDiversity`. With :class:`Consistency` that is
    ``balanced`` it is ICR; both are terms of :class:`.Penalties`. This takes a forward pass of each network of its own.

    Args:
        weight: lambda; or a schedule of it.
        interval: number of steps from one application to the next, at least 1.
        std: standard deviation of :math:`\Delta z`, at least 0.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, weight: float | Schedule = 5.0, interval: int = 1, std: float = 0.05) -> None:
        super().__init__(weight, interval)
        at_least("std", std, 0)
        self.std = std

    def term(self, given: DiscriminatorPass) -> Tensor:
        """The weighted term, a scalar.

        Raises:
            ValueError: if ``given`` has no generator.
        """
        if given.nearby is None:
            raise ValueError("LatentConsistency needs a generator; expected a DiscriminatorPass with nearby")
        moved = given.discriminator(given.nearby(self.std), given.labels)
        return self.effective_weight(given) * (given.fake_logits.float() - moved.float()).square().mean()
