"""Variants that translate in one direction, with one generator and one discriminator."""

from __future__ import annotations

from abc import ABC
from typing import Any, Literal

from torch import Tensor, nn

from lightning_gans.core.batches import Pair
from lightning_gans.core.data import PairData, data_module
from lightning_gans.core.errors import InputError
from lightning_gans.families.translation import Translation
from lightning_gans.networks.base import MakeTranslator, PatchDiscriminator

Direction = Literal["a_to_b", "b_to_a"]


class OneWayTranslation(Translation, ABC):
    """Base class of variants with one generator, from the source domain to the target domain.

    Args:
        generator: class of the generator.
        direction: direction of the translation, "a_to_b" or "b_to_a".
        **kwargs: see :class:`.Translation`.

    Attributes:
        direction: direction of the translation.
        channels_source: channels of the images to translate.
        channels_target: channels of the translated images.
        generator: translates images.
        discriminator: judges images of the target domain; the variant makes it.
    """

    discriminator: PatchDiscriminator

    def __init__(self, generator: MakeTranslator, direction: Direction, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.direction = direction
        channels = (self.channels_a, self.channels_b)
        self.channels_source, self.channels_target = channels[::-1] if direction == "b_to_a" else channels
        self.generator = generator(self.channels_source, self.channels_target, self.size)

    @property
    def generators(self) -> dict[str, nn.Module]:
        """The generator, by attribute name."""
        return {"generator": self.generator}

    @property
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminator, by attribute name."""
        return {"discriminator": self.discriminator}

    @property
    def target_domain(self) -> str:
        """The domain of the translated images, "a" or "b"."""
        return "a" if self.direction == "b_to_a" else "b"

    @property
    def scored_domains(self) -> tuple[str, ...]:
        """The domain of the translated images."""
        return (self.target_domain,)

    def source_names(self, name: str) -> tuple[str, ...]:
        """As :meth:`.FineTuning.source_names`: of a model of both directions, the generator of this one is taken."""
        return (name, self.direction) if name == "generator" else (name,)

    def source_and_target(self, batch: Pair) -> tuple[Tensor, Tensor]:
        """The images of a batch to translate, and those of the target domain, each (N, C, H, W)."""
        return (batch.b, batch.a) if self.direction == "b_to_a" else (batch.a, batch.b)

    def forward(self, images: Tensor) -> Tensor:
        """Translated images (N, C, H, W) in [-1, 1] of :meth:`eval_generator`."""
        return self.translate("generator", images)


class PairedTranslation(OneWayTranslation, ABC):
    """Base class of variants with one generator that learn from pairs of an image and its true translation.

    Args:
        generator: class of the generator.
        direction: direction of the translation, "a_to_b" or "b_to_a".
        **kwargs: see :class:`OneWayTranslation`.
    """

    def setup(self, stage: str) -> None:
        """Check that networks and data match, and that the data is paired.

        Raises:
            InputError: if they do not match, or the data is not paired.
        """
        super().setup(stage)
        data = data_module(self.trainer)
        if isinstance(data, PairData) and not data.paired:
            raise InputError(
                f"data is {type(data).__name__} without pairs, which {type(self).__name__} learns from; expected pairs"
            )
