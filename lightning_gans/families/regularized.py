"""What a variant of noise adds to its losses: penalties on either network, and constraints on their weights."""

from __future__ import annotations

from abc import ABC

import torch
from torch import Tensor

from lightning_gans.components.augmentations import Augmentation
from lightning_gans.components.generator_penalties import GeneratorPass, GeneratorPenalty
from lightning_gans.components.penalties import Penalty
from lightning_gans.core.precision import autocast_off
from lightning_gans.core.randomness import normal_per_image
from lightning_gans.families.features import features_of
from lightning_gans.families.generation import GeneratesFromNoise
from lightning_gans.families.packing import pack, unpack
from lightning_gans.networks.base import Discriminator
from lightning_gans.networks.constraints import WeightConstraint


class RegularizedTraining(GeneratesFromNoise, ABC):
    """Base class of variants of noise whose networks may be penalized and constrained.

    Attributes:
        discriminator: maps images to logits.
        penalty: a term of the discriminator's loss, or None.
        generator_penalty: a term of the generator's loss, or None.
        constraint: a constraint on the discriminator's weights, or None.
        generator_constraint: a constraint on the generator's weights, or None.
        augmentation: augments the images that the discriminator is given, or None.
        packing: number of images that the discriminator judges at once.
    """

    discriminator: Discriminator
    penalty: Penalty | None
    generator_penalty: GeneratorPenalty | None
    constraint: WeightConstraint | None
    generator_constraint: WeightConstraint | None
    augmentation: Augmentation | None
    packing: int

    def optimize(self, name: str, loss: Tensor, more: bool = False) -> None:
        """As :meth:`.AlternatingTraining.optimize`, with the constraint on the side's weights."""
        constraint, network = (
            (self.constraint, self.discriminator) if name == "d" else (self.generator_constraint, self.generator)
        )
        if constraint is None or more:
            return super().optimize(name, loss, more)
        super().optimize(name, loss + constraint.term(network))
        return constraint.project(network)

    def generator_term(self, real: Tensor, labels: Tensor) -> Tensor | float:
        """The penalty on the generator, a scalar, in updates in which it is due; 0 in others.

        Args:
            real: real images (N, C, H, W).
            labels: (N,) int64.
        """
        term: Tensor | float = 0.0
        penalty = self.generator_penalty
        if penalty is None:
            return term
        if penalty.applies_at(self.sides["g"].update_index(self.global_step)):
            real, labels = real[:: penalty.shrink], labels[:: penalty.shrink]
            latent = self.training_latent(len(labels), "generator_penalty")
            # As in `differentiable_logits`.
            with autocast_off(self.device), torch.compiler.set_stance("force_eager"):
                vectors, images = self.generator.differentiable_pass(latent, labels)
                given = GeneratorPass(
                    vectors,
                    images,
                    self.global_step,
                    self.total_steps,
                    real,
                    lambda given: self.features(given, labels),
                    lambda std: self.generator(moved(latent.detach(), std), labels),
                )
                term = penalty.term(given)
        for key, value in penalty.scalars().items():
            self.log_scalar(key, value)
        return term

    def features(self, images: Tensor, labels: Tensor) -> Tensor:
        """The discriminator's features (M, K) of augmented images, or packs of images; those of no whole pack are left.

        Args:
            images: (N, C, H, W).
            labels: (N,) int64.
        """
        whole = len(images) - len(images) % self.packing
        packs, labels = pack(images[:whole], self.packing), labels[: whole : self.packing]
        return features_of(self.discriminator, self.augmented(packs), labels)

    def augmented(self, packs: Tensor) -> Tensor:
        """Packs of augmented images, (N, C, H, W)."""
        if self.augmentation is None:
            return packs
        return pack(self.augmentation(unpack(packs, self.packing)), self.packing)

    @torch.no_grad()
    def generated_near(self, labels: Tensor, std: float) -> Tensor:
        """Images (N, C, H, W) from the latent vectors of this step plus normal noise, without history.

        Args:
            labels: (N,) int64.
            std: standard deviation of the noise.
        """
        images: Tensor = self.generator(moved(self.training_latent(len(labels)), std), labels)
        return images


def moved(latent: Tensor, std: float) -> Tensor:
    """Latent vectors (N, D) plus normal noise of a standard deviation."""
    return latent + std * normal_per_image(len(latent), latent.device, latent.shape[1])
