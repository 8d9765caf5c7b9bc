"""Auxiliary losses in the training step of variants of noise."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from lightning_gans.components.auxiliary import AuxiliaryLoss, Judgment, Origin
from lightning_gans.components.auxiliary.base import concat_rows, take_rows
from lightning_gans.families.generation import GeneratesFromNoise
from lightning_gans.networks.base import Discriminator
from lightning_gans.networks.judging import FeatureDiscriminator


class AuxiliaryTraining(GeneratesFromNoise, ABC):
    """Base class of variants whose losses may have a term from a head on the discriminator's features.

    The head's outputs are those of the pass that the logits are from: a loss with the term has no pass of its own.

    Attributes:
        discriminator: maps images to logits.
        auxiliary: the term; None if there is none.
    """

    discriminator: Discriminator
    auxiliary: AuxiliaryLoss | None = None
    _outputs: list[Any] | None = None

    def attach_auxiliary(self, auxiliary: AuxiliaryLoss | None, packing: int) -> None:
        """Use an auxiliary loss, and give the discriminator its head.

        Args:
            auxiliary: the term; None for no term.
            packing: number of images that the discriminator judges at once.

        Raises:
            ValueError: if the networks cannot be trained with it.
        """
        self.auxiliary = auxiliary
        if auxiliary is None:
            return
        name, network = f"auxiliary is {type(auxiliary).__name__}", self.discriminator
        if not isinstance(network, FeatureDiscriminator):
            raise ValueError(
                f"{name}, but the discriminator is {type(network).__name__}, which offers no features; expected a "
                "discriminator that does, such as DCGANDiscriminator"
            )
        if packing > 1:
            raise ValueError(f"{name}, which needs the features of each image, but packing is {packing}; expected 1")
        if auxiliary.needs_labels and not self.auxiliary_classes:
            raise ValueError(f"{name}, but the generator ignores labels; expected one with conditional true")
        if auxiliary.needs_labels and network.num_classes and network.features_use_labels:
            raise ValueError(
                f"{name}, but the features of {type(network).__name__} with conditional true depend on the label, "
                "which a classifier would read from them; expected conditional false, or a projection discriminator"
            )
        network.head = auxiliary.make_head(network.num_features, self.auxiliary_classes)

    @property
    def auxiliary_classes(self) -> int:
        """The number of classes that the head is made for: that of the generator."""
        return self.generator.num_classes

    def judge(self, images: Tensor, labels: Tensor) -> Tensor:
        """D's logits, (N,) or (N, K), of augmented images, or packs of images; keeps the head's outputs if asked to.

        Args:
            images: (N, C, H, W) in [-1, 1].
            labels: (N,) int64.
        """
        if self._outputs is None:
            logits: Tensor = self.discriminator(images, labels)
            return logits
        judgment: Judgment = self.discriminator(images, labels, judge=True)
        self._outputs.append(judgment.outputs)
        return judgment.logits

    @contextmanager
    def head_outputs(self) -> Iterator[list[Any]]:
        """Context in which the head's outputs of each pass of D are appended to the list that it returns.

        Without an auxiliary loss the head is not called, and the list remains empty.
        """
        outputs: list[Any] = []
        self._outputs = None if self.auxiliary is None else outputs
        try:
            yield outputs
        finally:
            self._outputs = None

    def auxiliary_term_d(self, outputs: list[Any], labels: Tensor) -> Tensor | float:
        """The weighted term of D's loss, a scalar; 0 without an auxiliary loss.

        Args:
            outputs: the head's outputs for the real images, then the generated ones, in one part or two.
            labels: (N,) int64, those of the real images.
        """
        if self.auxiliary is None:
            return 0.0
        count, both, origin = len(labels), concat_rows(outputs), self._origin(labels)
        real, fake = take_rows(both, slice(count)), take_rows(both, slice(count, None))
        term = self.auxiliary.discriminator_term(real, fake, origin)
        if self.should_log:
            for key, value in {"loss/auxiliary_d": term, **self.auxiliary.scalars(real, fake, origin)}.items():
                self.log_scalar(key, value)
        return self.auxiliary.weight_d * term

    def auxiliary_term_g(self, outputs: list[Any], labels: Tensor) -> Tensor | float:
        """The weighted term of G's loss, a scalar; 0 without an auxiliary loss.

        Args:
            outputs: the head's outputs for the generated images, in one part.
            labels: (N,) int64, the classes for which they were generated.
        """
        if self.auxiliary is None:
            return 0.0
        term = self.auxiliary.generator_term(concat_rows(outputs), self._origin(labels))
        self.log_scalar("loss/auxiliary_g", term)
        return self.auxiliary.weight_g * term

    def _origin(self, labels: Tensor) -> Origin:
        return Origin(labels, lambda: self.training_latent(len(labels)))
