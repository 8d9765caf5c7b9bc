"""The family of variants that translate images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.components.image_pool import ImagePool
from lightning_gans.components.objectives import Objective
from lightning_gans.core.batches import EvaluationOutput, Pair, as_pair
from lightning_gans.core.data import Data, ImageData, PairData, data_module, declares, network_arguments
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import Size, height_width, plain_size
from lightning_gans.core.randomness import seed_step
from lightning_gans.families.adversarial import Adversarial
from lightning_gans.families.compatibility import check_objective
from lightning_gans.families.defaults import instantiate_default
from lightning_gans.families.loaders import check_shape
from lightning_gans.families.smallest_batch import check_smallest_batch
from lightning_gans.networks.base import PatchDiscriminator, Translator
from lightning_gans.networks.layered import PatchJudgment, judge_patches
from lightning_gans.networks.norms import RunningBatchNorm

MakePatchDiscriminator = Callable[[int], PatchDiscriminator]
"""Takes the number of input channels and returns a discriminator."""


class Translation(Adversarial, ABC):
    """Base class of variants that translate images between two domains a and b, with discriminators of patches.

    The family defines evaluation, and checks that networks and data match. A variant defines the networks and the
    training step.

    Inference reads the direction of a generator from its name: a generator named ``b_to_a``, or one of a model whose
    ``direction`` is "b_to_a", translates from b to a, any other from a to b.

    Args:
        objective: the adversarial losses.
        channels_a: channels of the images of domain a. The command line sets this from the data.
        channels_b: channels of the images of domain b. The command line sets this from the data.
        size: (height, width) of the images in pixels, or one number for a square. The command line sets this from the
            data.
        test_dropout: whether dropout is active in validation, test and prediction too, as in pix2pix (Isola et al.,
            2017, section 3.3). Every score's stamp contains this.
        channels_last: whether the weights of convolutions have the memory format ``torch.channels_last``, which is
            faster on some machines; results are equal up to rounding.
        **kwargs: see :class:`Adversarial`.

    Raises:
        ValueError: if the objective is not defined for logits of patches.
    """

    data_protocol = PairData

    given_by_family = ("channels_in", "channels_out", "channels", "size")

    def __init__(
        self,
        objective: Objective,
        channels_a: int = 3,
        channels_b: int = 3,
        size: Size = 256,
        test_dropout: bool = False,
        channels_last: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.objective = instantiate_default(objective)
        check_objective(self.objective, PatchDiscriminator)
        self.channels_a, self.channels_b, self.size = channels_a, channels_b, height_width(size)
        self.test_dropout = test_dropout
        self.channels_last = channels_last

    @classmethod
    def check_data(cls, data: type) -> None:
        """Raise InputError if the data has images of one domain."""
        if declares(data, ImageData):
            raise InputError(
                f"data is {data.__name__}, whose images are of one domain; {cls.__name__} expects two, such as those "
                "of SyntheticFacadesDataModule, PairedImageDataModule or UnpairedImageDataModule"
            )

    @classmethod
    def arguments_for(cls, data: Data, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG003 (as in the base)
        """The channels and the size of the data."""
        return network_arguments(data)

    @abstractmethod
    def translations(self, batch: Pair) -> EvaluationOutput:
        """The images that evaluation compares, by the domain of the generated images; made by :meth:`translate`."""

    def adversarial_loss(self, discriminator: PatchDiscriminator, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's loss of the objective, a scalar.

        The discriminator is applied to ``real`` only if the objective uses the logits of real images.

        Args:
            discriminator: the discriminator of the domain.
            real: real images (N, C, H, W).
            fake: generated images (N, C, H, W).
        """
        wanted = None
        if self.objective.generator_uses_real_logits:
            with torch.no_grad():
                wanted = judge_patches(discriminator, real)
        return self.generator_objective(judge_patches(discriminator, fake), wanted)

    def generator_objective(self, fake: list[PatchJudgment], real: list[PatchJudgment] | None) -> Tensor:
        """The generator's loss of the objective, a scalar: the sum over the scales of the discriminator.

        Args:
            fake: what the discriminator computes for generated images, by scale.
            real: what it computes for real images; None if the objective does not use it.
        """
        others = [None] * len(fake) if real is None else [scale.logits for scale in real]
        pairs = zip(fake, others, strict=True)
        losses = [self.objective.generator_loss(scale.logits, other) for scale, other in pairs]
        return torch.stack(losses).sum()

    def discriminator_objective(self, real: list[PatchJudgment], fake: list[PatchJudgment], domain: str = "") -> Tensor:
        """Half of the discriminator's loss of the objective, a scalar: of the sum over the scales of the discriminator.

        Args:
            real: what the discriminator computes for real images, by scale.
            fake: what it computes for generated images.
            domain: ending of the names of the mean logits, which are logged.
        """
        for name, judged in (("real", real), ("fake", fake)):
            mean = torch.stack([scale.logits.mean() for scale in judged]).mean()
            self.log_scalar(f"logit/{name}{domain and '_'}{domain}", mean)
        pairs = zip(real, fake, strict=True)
        losses = [self.objective.discriminator_loss(one.logits, other.logits) for one, other in pairs]
        return torch.stack(losses).sum() / 2

    def setup(self, stage: str) -> None:
        """Check that networks and data match, and set the memory format of the weights.

        Raises:
            InputError: if the channels or the size of the data are not those of the networks.
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

    def on_train_start(self) -> None:
        """Check the smallest batch.

        Raises:
            InputError: if a network cannot be trained on it.
        """
        check_smallest_batch(self, self._meta_inputs)
        super().on_train_start()

    def _meta_inputs(self, network: nn.Module, count: int) -> tuple[Tensor] | None:
        """The arguments of a translator or discriminator for ``count`` images, on torch's meta device."""
        if not isinstance(network, Translator | PatchDiscriminator):
            return None
        channels = network.channels_in if isinstance(network, Translator) else network.channels
        return (torch.zeros(count, channels, *self.size, device="meta"),)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the image pools of all processes, of which the state dict of one process has its own part only."""
        super().on_save_checkpoint(checkpoint)
        for name, module in self.named_modules():
            if isinstance(module, ImagePool):
                checkpoint["state_dict"][f"{name}.images"] = module.of_all_processes()

    def translate(self, name: str, images: Tensor, *others: Tensor) -> Tensor:
        """Translate images with the generator of evaluation, :meth:`eval_generator`.

        Args:
            name: attribute name of the generator.
            images: (N, C, H, W) in [-1, 1]; N may be 0.
            *others: further arguments of the generator.

        Returns:
            Images (N, C', H, W) in [-1, 1] with the channels of the target domain.
        """
        network = self.eval_generator(name)
        assert isinstance(network, Translator)
        if not len(images):
            return images.new_empty(0, network.channels_out, *images.shape[2:])
        with dropout_on(network) if self.test_dropout else nullcontext():
            translated: Tensor = network(images, *others)
        return translated

    @property
    def batch_norm(self) -> str:
        """The statistics of normalization in evaluation: those of each image, unless a network has running ones."""
        return "running" if any(isinstance(layer, RunningBatchNorm) for layer in self.modules()) else "per-image"

    @property
    def dropout(self) -> str:
        """Whether dropout is active in evaluation, "on" or "off"."""
        return "on" if self.test_dropout else "off"

    def as_batch(self, batch: Any) -> Pair:
        """A batch of a data module, or of a loader of a user's own.

        Raises:
            InputError: if it is not what the networks were made for.
        """
        if (
            isinstance(batch, Pair)
            and isinstance(batch.aligned, bool)
            and batch.a.is_floating_point()
            and batch.b.is_floating_point()
            and not self.is_first_foreign_batch
        ):
            return batch
        pair = as_pair(batch)
        check_shape(pair.a, self.channels_a, self.size, "images a")
        check_shape(pair.b, self.channels_b, self.size, "images b")
        self.warn_in_first_batch(pair.a, pair.b)
        return pair

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """As :meth:`.AlternatingTraining.training_step`, with a batch from any loader."""
        super().training_step(self.as_batch(batch), batch_idx)

    def validation_step(self, batch: Pair, batch_idx: int) -> EvaluationOutput:
        """Real and translated images of each domain."""
        if self.test_dropout:
            # Every evaluation draws the same masks; training seeds each of its steps itself.
            seed_step(self.device, self.run_seed, "evaluation", self.global_rank, batch_idx)
        return self.translations(self.as_batch(batch))

    def test_step(self, batch: Pair, batch_idx: int) -> EvaluationOutput:
        """Real and translated images of each domain."""
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch: Pair, batch_idx: int) -> dict[str, Tensor]:
        """Translated images (N, C, H, W) in [-1, 1] of each domain."""
        return {domain: images.fake for domain, images in self.validation_step(batch, batch_idx).items()}


@contextmanager
def dropout_on(network: nn.Module) -> Iterator[None]:
    """Context in which the dropout layers of a network in evaluation mode are active."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Dropout) and not layer.training]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()
