"""The family that maps images to images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.components.image_pool import ImagePool
from lightning_gans.components.objectives import Objective
from lightning_gans.core.batches import EvaluationOutput, Pair
from lightning_gans.core.data import ImageData, PairData, data_module, declares, network_arguments
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import Size, height_width, plain_size
from lightning_gans.core.randomness import seed_step
from lightning_gans.families.adversarial import Adversarial
from lightning_gans.families.defaults import instantiate_default
from lightning_gans.networks.base import PatchDiscriminator, Translator

MakePatchDiscriminator = Callable[[int], PatchDiscriminator]
"""Channels of what it is given to a discriminator."""


class Translation(Adversarial, ABC):
    """Generators that translate between two domains a and b, and discriminators that judge patches.

    The family owns what training leaves open: how a generator runs when it is evaluated, what is compared with what,
    and whether networks and data fit. A variant says what a batch does.

    What is trained is used without the variant, by the names of its generators: one named ``b_to_a``, or of a model
    whose ``direction`` is "b_to_a", goes from b to a, any other from a to b.

    Args:
        channels_a: channels of the images of domain a; the command line takes them from the data.
        channels_b: channels of the images of domain b; likewise.
        size: (height, width) of the images in pixels, or one number for a square; likewise.
        objective: the adversarial losses.
        test_dropout: keep dropout on when images are translated in validation, test and prediction, as pix2pix does
            (Isola et al., 2017, section 3.3); every score's stamp says which.
        channels_last: keep convolutions' weights in this layout: the same up to rounding, faster on some machines.
        **kwargs: see :class:`Adversarial`.
    """

    data_protocol = PairData

    given_by_family = ("channels_in", "channels_out", "channels", "size")

    def __init__(
        self,
        channels_a: int,
        channels_b: int,
        size: Size,
        objective: Objective,
        test_dropout: bool = False,
        channels_last: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.objective = instantiate_default(objective)
        self.channels_a, self.channels_b, self.size = channels_a, channels_b, height_width(size)
        self.test_dropout = test_dropout
        self.channels_last = channels_last

    @classmethod
    def check_data(cls, data: type) -> None:
        """Refuse images of one domain."""
        if declares(data, ImageData):
            raise InputError(
                f"data is {data.__name__}, whose images are of one domain; {cls.__name__} expects two, such as those "
                "of SyntheticFacadesDataModule, PairedImageDataModule or UnpairedImageDataModule"
            )

    @abstractmethod
    def translations(self, batch: Pair) -> EvaluationOutput:
        """What evaluation compares, by the domain of the generated images; see :meth:`translate`."""

    def adversarial_loss(self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """The generator's loss of the objective; D sees ``real`` only if the objective compares with it.

        Args:
            discriminator: images (N, C, H, W) to logits (N, 1, h, w).
            real: real images (N, C, H, W).
            fake: generated images (N, C, H, W).
        """
        real_logits = None
        if self.objective.generator_uses_real_logits:
            with torch.no_grad():
                real_logits = discriminator(real)
        return self.objective.generator_loss(discriminator(fake), real_logits)

    def setup(self, stage: str) -> None:
        """Check that the networks fit the data, and lay the weights out.

        Raises:
            InputError: if the images are others than the networks were made for.
        """
        super().setup(stage)
        for key, given in network_arguments(data_module(self.trainer)).items():
            expected = getattr(self, key)
            if key == "size":
                expected = plain_size(expected)
            if given != expected:
                raise InputError(f"data.{key} is {given} but model.{key} is {expected}; expected the same")
        if self.channels_last:
            self.to(memory_format=torch.channels_last)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put in the histories of all processes."""
        super().on_save_checkpoint(checkpoint)
        for name, module in self.named_modules():
            if isinstance(module, ImagePool):
                checkpoint["state_dict"][f"{name}.images"] = module.of_all_processes()

    def translate(self, name: str, images: Tensor) -> Tensor:
        """Images of the trained generator ``name``, averaged where there is an average, as in evaluation.

        Args:
            name: the generator's attribute name.
            images: (N, C, H, W) in [-1, 1]; N may be 0.
        """
        network = self.eval_generator(name)
        assert isinstance(network, Translator)
        if not len(images):
            return images.new_empty(0, network.channels_out, *images.shape[2:])
        with dropout_on(network) if self.test_dropout else nullcontext():
            translated: Tensor = network(images)
        return translated

    @property
    def batch_norm(self) -> str:
        """As the networks of this family normalise in evaluation."""
        return "per-image"

    @property
    def dropout(self) -> str:
        """Whether dropout is on in evaluation."""
        return "on" if self.test_dropout else "off"

    def validation_step(self, batch: Pair, batch_idx: int) -> EvaluationOutput:
        """Real and translated images of each domain."""
        if self.test_dropout:
            # The same masks at every call; training seeds each of its own steps.
            seed_step(self.device, self.run_seed, "evaluation", self.global_rank, batch_idx)
        return self.translations(batch)

    def test_step(self, batch: Pair, batch_idx: int) -> EvaluationOutput:
        """Real and translated images of each domain."""
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch: Pair, batch_idx: int) -> dict[str, Tensor]:
        """Translated images (N, C, H, W) in [-1, 1] of each domain."""
        return {domain: images.fake for domain, images in self.validation_step(batch, batch_idx).items()}


@contextmanager
def dropout_on(network: nn.Module) -> Iterator[None]:
    """Let a network in evaluation mode drop activations."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Dropout) and not layer.training]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()
