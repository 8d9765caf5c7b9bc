"""The family of variants that generate images from noise."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.components.augmentations import Augmentation
from lightning_gans.components.auxiliary import AuxiliaryLoss
from lightning_gans.components.compat import compiled_call
from lightning_gans.components.generator_penalties import GeneratorPenalty
from lightning_gans.components.noise import Noise, NormalNoise
from lightning_gans.components.objectives import NonSaturating, Objective, top_logits
from lightning_gans.components.penalties import DiscriminatorPass, Penalty
from lightning_gans.components.schedules import Schedule, value_at
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput, Labelled, as_labelled
from lightning_gans.core.data import Data, ImageData, InMemoryData, PairData, data_module, declares, network_arguments
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import HALF_RANGE, plain_size
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.families.auxiliary import AuxiliaryTraining
from lightning_gans.families.compatibility import check_objective, check_penalty
from lightning_gans.families.defaults import MNIST_SHAPE, default, default_of, instantiate_default
from lightning_gans.families.loaders import check_labels, check_shape
from lightning_gans.families.packing import check_networks, pack, packed_shape, unpack
from lightning_gans.families.pass_scalars import pass_scalars
from lightning_gans.families.regularized import RegularizedTraining
from lightning_gans.families.smallest_batch import check_smallest_batch, latent_inputs
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.constraints import WeightConstraint
from lightning_gans.networks.layers import has_spectral_norm


class LatentGAN(RegularizedTraining, AuxiliaryTraining, ABC):
    """Base class of variants with one generator from noise to images and one discriminator.

    In each batch the discriminator is updated first, then the generator against the updated discriminator. Both updates
    use the same generated images, from one forward pass (Goodfellow et al., 2014, algorithm 1, with one noise batch).

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        noise: distribution of the latent vector.
        penalty: a term added to the discriminator's loss, such as :class:`lightning_gans.components.penalties.R1`.
        generator_penalty: a term added to the generator's loss, such as
            :class:`lightning_gans.components.generator_penalties.PathLength`.
        auxiliary: terms of both losses from a head on the discriminator's features, such as
            :class:`lightning_gans.components.auxiliary.Classification`.
        constraint: a constraint on the discriminator's weights, such as
            :class:`lightning_gans.networks.constraints.WeightClipping`.
        generator_constraint: a constraint on the generator's weights, such as
            :class:`lightning_gans.networks.constraints.OrthogonalRegularization`.
        top_k: share of the generated images of each process's batch that the generator's loss uses, in (0, 1], those
            with the highest logits; or a schedule of it (Sinha et al., 2020).
        augmentation: augments the images that the discriminator is given, such as
            :class:`lightning_gans.components.augmentations.DiffAugment`.
        packing: number of images that the discriminator judges at once, by one logit (Lin et al., 2018). They are
            consecutive images of a batch, real or generated, concatenated along their channels after augmentation: the
            discriminator has ``packing`` times the channels of the images. A penalty's gradient is that with respect to
            a pack. Only for networks that ignore labels.
        channels_last: whether the weights of convolutions have the memory format ``torch.channels_last``, which is
            faster on most machines; results are equal up to rounding.
        **kwargs: see :class:`Adversarial`.

    Raises:
        ValueError: if the networks' channels, sizes or numbers of classes do not fit each other, ``packing`` is not
            possible, or the objective or the penalty is not defined for the discriminator's logits.
    """

    data_protocol = ImageData

    @abstractmethod  # a variant states its objective and its networks
    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        objective: Objective = default(NonSaturating),
        noise: Noise = default(NormalNoise),
        penalty: Penalty | None = None,
        generator_penalty: GeneratorPenalty | None = None,
        auxiliary: AuxiliaryLoss | None = None,
        constraint: WeightConstraint | None = None,
        generator_constraint: WeightConstraint | None = None,
        top_k: float | Schedule = 1.0,
        augmentation: Augmentation | None = None,
        packing: int = 1,
        channels_last: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        generator = instantiate_default(generator)
        discriminator = instantiate_default(discriminator, packed_shape(MNIST_SHAPE, packing))
        auxiliary = instantiate_default(auxiliary)
        check_networks(generator, discriminator, packing, classifies=auxiliary is not None and auxiliary.needs_labels)
        self.generator = generator
        self.discriminator = discriminator
        self.attach_auxiliary(auxiliary, packing)
        self.objective = instantiate_default(objective)
        self.noise = instantiate_default(noise)
        self.penalty = instantiate_default(penalty)
        check_objective(self.objective, discriminator)
        check_penalty(self.penalty, discriminator)
        self.constraint = instantiate_default(constraint)
        self.generator_constraint = instantiate_default(generator_constraint)
        for each, network in ((self.constraint, discriminator), (self.generator_constraint, generator)):
            if each is not None:
                each.attach(network)
        if not isinstance(top_k, Schedule) and not 0 < top_k <= 1:
            raise ValueError(f"top_k is {top_k}; expected a share in (0, 1], or a schedule of it")
        self.top_k = top_k
        self.generator_penalty = instantiate_default(generator_penalty)
        self.augmentation = augmentation
        self.packing = packing
        if channels_last:
            # Convolutions use the memory format of their weights; dense layers have none.
            for network in (generator, discriminator):
                network.to(memory_format=torch.channels_last)

    @classmethod
    def arguments_for(cls, data: Data, given: Mapping[str, Any]) -> dict[str, Any]:
        """The variant's default networks, with the channels, size and classes of the data."""
        parameters, shape = inspect.signature(cls).parameters, network_arguments(data)
        packed = packed_shape(shape, given.get("packing", default_of(cls, "packing")))
        shapes = {"generator": shape, "discriminator": packed}
        return {name: instantiate_default(parameters[name].default, shapes[name]) for name in cls.networks}

    @property
    def generators(self) -> dict[str, nn.Module]:
        """The generator, by attribute name."""
        return {"generator": self.generator}

    @property
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminator, by attribute name."""
        return {"discriminator": self.discriminator}

    @classmethod
    def check_data(cls, data: type) -> None:
        """Raise InputError if the data has images of two domains."""
        if declares(data, PairData):
            raise InputError(
                f"data is {data.__name__}, whose images are of two domains; {cls.__name__} expects one domain, such as "
                "that of ImageFolderDataModule"
            )

    def setup(self, stage: str) -> None:
        """Check that networks and data match.

        Raises:
            InputError: if the channels, the size or the number of classes differ, or the generator starts from the mean
                training image and the data module does not have its images in memory.
        """
        super().setup(stage)
        in_memory = isinstance(data_module(self.trainer), InMemoryData)
        if stage == "fit" and self.generator.needs_mean_image and self.start_from is None and not in_memory:
            raise InputError(
                "model.generator starts from the mean training image; expected a data module that has its images in "
                "memory, such as MNISTDataModule"
            )
        for key, given in network_arguments(data_module(self.trainer)).items():
            expected = getattr(self.generator, key)
            if key == "size":
                expected = plain_size(expected)
            ignored = key == "num_classes" and not self.conditional
            if given != expected and not ignored:
                raise InputError(f"data.{key} is {given} but model.generator.{key} is {expected}; expected the same")

    def on_train_start(self) -> None:
        """Check the smallest batch; give the mean training image to a generator that starts from it in a new run.

        A run that starts from the weights of a trained model does not use the mean image.

        Raises:
            InputError: if a network cannot be trained on the smallest batch, or a batch cannot be divided into packs.
        """
        check_smallest_batch(self, partial(latent_inputs, packing=self.packing), self.packing)
        super().on_train_start()
        data = data_module(self.trainer)
        uses_mean = self.generator.needs_mean_image and self.start_from is None
        if self.global_step == 0 and uses_mean and isinstance(data, InMemoryData):
            images = data.split_tensors("train").images
            # In parts: torch converts all it sums to float64 first, eight times the memory of the images.
            sums = torch.stack([part.sum(dim=0, dtype=torch.float64) for part in torch.split(images, 1000)])
            mean = sums.sum(dim=0) / (HALF_RANGE[images.dtype] * len(images)) - 1
            for network in (self.generator, *self.ema.values()):
                assert isinstance(network, Generator)
                network.use_mean_image(mean)

    def as_batch(self, batch: Any) -> Labelled:
        """A batch of a data module, or of a loader of a user's own.

        Raises:
            InputError: if it is not what the networks were made for.
        """
        if isinstance(batch, Labelled) and batch.images.is_floating_point() and not self.is_first_foreign_batch:
            return batch
        labelled = as_labelled(batch, needs_labels=self.conditional)
        generator = self.generator
        check_shape(labelled.images, generator.channels, generator.size)
        if self.warn_in_first_batch(labelled.images) and self.conditional:
            check_labels(labelled.labels, generator.num_classes)
        return labelled

    def adversarial_step(self, batch: Labelled) -> None:
        """Update the discriminator, then the generator, with the same generated images."""
        batch = self.as_batch(batch)
        if self.augmentation is not None:
            self.augmentation.adapt(self.global_step, self.total_steps)
        with torch.set_grad_enabled(self.is_due("g")):
            fake = self.generator(self.training_latent(len(batch.labels)), batch.labels)
        self.optimize("d", self.discriminator_loss(batch.images, fake.detach(), batch.labels))
        if self.is_due("g"):
            with self.sides["d"].frozen():
                loss = self.generator_loss(batch.images, fake, batch.labels)
            self.optimize("g", loss + self.generator_term(batch.images, batch.labels))

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The objective's loss, the auxiliary term and, in steps in which it is due, the penalty; a scalar."""
        # From here on, images are packs. D ignores the labels of packs of several images.
        real, fake = pack(real, self.packing), pack(fake, self.packing)
        penalty = self.due_penalty()
        if penalty is not None:
            real, fake = penalty.leaves(real, fake, self.global_step)
        with self.head_outputs() as outputs:
            logits = self.pair_logits(real, fake, labels[:: self.packing])
        loss = self.objective.discriminator_loss(*logits) + self.auxiliary_term_d(outputs, labels)
        self.observe(real, fake, *logits)
        if penalty is not None:
            loss = loss + penalty.term(self.discriminator_pass(real, fake, *logits, labels))
        return loss

    def due_penalty(self) -> Penalty | None:
        """The penalty on the discriminator, in steps in which it is due."""
        return self.penalty if self.penalty is not None and self.penalty.applies_at(self.global_step) else None

    def observe(self, real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Let the augmentation and the objective adapt to the logits of a batch, and log what describes it."""
        if self.augmentation is not None:
            self.augmentation.observe(real_logits.detach(), len(real) * self.packing)
        self.objective.observe(real_logits.detach(), fake_logits.detach())
        if self.should_log:
            images = unpack(real, self.packing), unpack(fake, self.packing)
            scalars = pass_scalars(*images, real_logits, fake_logits, self.augmentation) | self.objective.scalars()
            for key, value in scalars.items():
                self.log_scalar(key, value)

    def discriminator_pass(
        self, real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor, labels: Tensor
    ) -> DiscriminatorPass:
        """What a penalty is given: a pass over real and generated packs, and the labels of their images."""
        return DiscriminatorPass(
            real,
            fake,
            real_logits,
            fake_logits,
            labels[:: self.packing],
            self.differentiable_logits,
            self.global_step,
            self.total_steps,
            lambda std: pack(self.generated_near(labels, std), self.packing),
        )

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The objective's loss and the auxiliary term; D sees ``real`` only if the objective compares with it."""
        real, fake, labels = pack(real, self.packing), pack(fake, self.packing), labels[:: self.packing]
        real_logits = self.compared_logits(real, labels) if self.objective.generator_uses_real_logits else None
        with self.head_outputs() as outputs:
            fake_logits = self.logits(fake, labels)
        share = value_at(self.top_k, self.global_step, self.total_steps)
        loss = self.objective.generator_loss(*top_logits(fake_logits, real_logits, share))
        return loss + self.auxiliary_term_g(outputs, labels)

    @torch.no_grad()
    def compared_logits(self, real: Tensor, labels: Tensor) -> Tensor:
        """Logits of real images, or packs, that G's loss compares with; G does not change them."""
        return self.logits(real, labels)

    def logits(self, images: Tensor, labels: Tensor, eager: bool = False) -> Tensor:
        """D's logits, (N,) or (N, K), of images, or packs of images, which are augmented first.

        Args:
            images: (N, C, H, W) in [-1, 1], where C is D's number of channels.
            labels: (N,) int64.
            eager: whether to call the discriminator itself where it is compiled.
        """
        with torch.compiler.set_stance("force_eager") if eager else nullcontext():
            return self.judge(self.augmented(images), labels)

    def pair_logits(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """D's logits, (N,) or (N, K), of real and of generated images, or packs of images, (N, C, H, W).

        One pass computes both where the discriminator is ``joint_batch_safe`` and no gradient with respect to the
        images is needed; a penalty on one kind of images would differentiate with respect to the other kind as well.
        """
        differentiated = real.requires_grad or fake.requires_grad
        if self.discriminator.joint_batch_safe and not differentiated:
            both = torch.cat([self.augmented(real), self.augmented(fake)])
            real_logits, fake_logits = torch.chunk(self.judge(both, labels.repeat(2)), 2)
            return real_logits, fake_logits
        # A compiled pass changes buffers in a way that autograd takes for a change of what the other pass computed: the
        # backward pass would fail for running statistics of an eager pass, and for vectors of a power iteration.
        has_buffers = next(self.discriminator.buffers(), None) is not None
        is_compiled = compiled_call(self.discriminator) is not None
        eager = (differentiated and has_buffers) or (is_compiled and has_spectral_norm(self.discriminator))
        real_logits, fake_logits = (
            self.differentiable_logits(images, labels)
            if images.requires_grad
            else self.logits(images, labels, eager=eager)
            for images in (real, fake)
        )
        return real_logits, fake_logits

    def differentiable_logits(self, images: Tensor, labels: Tensor) -> Tensor:
        """As :meth:`logits`, but in float32, since second derivatives may overflow in float16, and never compiled.

        Gradients of compiled networks cannot be differentiated again.
        """
        with autocast_off(images.device):
            return self.logits(at_least_float32(images), labels, eager=True)

    def validation_step(self, batch: Labelled, batch_idx: int) -> EvaluationOutput:
        """Real and generated images under the name ``images``."""
        batch = self.as_batch(batch)
        labels = batch.labels if self.conditional else None
        return {"images": EvaluationImages(batch.images, self._generated(batch, batch_idx), labels, batch.labels)}

    def test_step(self, batch: Labelled, batch_idx: int) -> EvaluationOutput:
        """Real and generated images under the name ``images``."""
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch: Labelled, batch_idx: int) -> Tensor:
        """Generated images (N, C, H, W) in [-1, 1], one for each image of the batch."""
        return self._generated(self.as_batch(batch), batch_idx)

    def _generated(self, batch: Labelled, batch_idx: int) -> Tensor:
        """As many images as the batch has; the last batch of a rank may be empty."""
        return self.generate_for(batch.labels, batch_idx) if len(batch.labels) else batch.images
