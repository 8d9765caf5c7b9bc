"""Semi-supervised GAN."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, final

import torch
from torch import Tensor

from lightning_gans.components.auxiliary import Judgment
from lightning_gans.components.auxiliary.classification import accuracy, cross_entropy
from lightning_gans.components.generator_penalties import FeatureMatching, GeneratorPenalty
from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.core.batches import EvaluationOutput, Labelled
from lightning_gans.core.data import ImageData, data_module
from lightning_gans.core.errors import at_least
from lightning_gans.core.images import to_float, with_bits_of_pixels
from lightning_gans.families.defaults import default, instantiate_default
from lightning_gans.families.labelled import choose_labelled, labelled_source
from lightning_gans.families.latent import LatentGAN
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, Discriminator, Generator
from lightning_gans.networks.judging import FeatureDiscriminator


@final
class SemiSupervisedGAN(LatentGAN):
    r"""Semi-supervised GAN (Salimans et al., 2016, section 5; Odena, 2016): D is a classifier that few labels train.

    D returns a logit :math:`l_k(x)` for each of the K classes. Generated images would be a further class with the logit
    0, so that :math:`D(x) = Z(x) / (Z(x) + 1)` with :math:`Z(x) = \sum_k \exp l_k(x)`: the logit that an objective and
    penalties are given is :math:`\log Z(x)`. D's loss is

    .. math:: -E_{x,y} \log p(y \mid x, y \le K) + \lambda_u L_D,

    where the first mean is over images with a label, and :math:`L_D` is the objective's loss of all images with the
    penalty. G's loss is feature matching alone; :math:`\lambda_a` times that of the objective can be added.

    The :math:`l_k` are the logits that a projection discriminator gives the image with each label, so every such
    network can be used. ``labelled`` images of the training split, equally many of each class, are chosen by the seed;
    no other label is used in training. Each step draws a batch of them with replacement, as large as that of the other
    images; the data module does not mirror or shift them. With ``lambda_unsupervised`` 0, D is the supervised baseline:
    the same network, labelled images and batches without unlabelled images.

    Validation and test measure the share of real images that D classifies wrongly, ``classifier/error``. With batch
    normalization in D it is measured with statistics of real and generated images.

    Args:
        generator: maps noise to images; ignores labels.
        discriminator: maps images to logits; projects labels.
        objective: the adversarial losses.
        generator_penalty: the whole of G's loss if ``lambda_adversarial`` is 0.
        labelled: number of training images with a label, a multiple of the number of classes.
        lambda_unsupervised: the factor :math:`\lambda_u`, at least 0.
        lambda_adversarial: the factor :math:`\lambda_a`, at least 0.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if a number is out of range, the discriminator does not project labels, the generator uses them,
            there is an auxiliary loss, or nothing trains G in some of its updates.
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator),
        discriminator: Discriminator = default(DCGANDiscriminator, conditional=True, batch_norm=False, init="he"),
        objective: Objective = default(NonSaturating),
        generator_penalty: GeneratorPenalty | None = default(FeatureMatching),
        labelled: int = 100,
        lambda_unsupervised: float = 1.0,
        lambda_adversarial: float = 0.0,
        **kwargs: Any,
    ) -> None:
        at_least("labelled", labelled, 1)
        at_least("lambda_unsupervised", lambda_unsupervised, 0)
        at_least("lambda_adversarial", lambda_adversarial, 0)
        discriminator = instantiate_default(discriminator)
        name = type(discriminator).__name__
        if not isinstance(discriminator, FeatureDiscriminator) or discriminator.features_use_labels:
            raise ValueError(
                f"discriminator is {name}, which does not project labels; expected one that does, such as "
                "DCGANDiscriminator"
            )
        if not discriminator.num_classes:
            raise ValueError(
                f"discriminator is {name} with conditional false, which has no logits of classes; expected "
                "conditional true"
            )
        if kwargs.get("auxiliary") is not None:
            raise ValueError(
                f"auxiliary is {type(kwargs['auxiliary']).__name__}, but the discriminator's head is its classifier; "
                "expected None"
            )
        discriminator.classifies = True
        super().__init__(generator, discriminator, objective, generator_penalty=generator_penalty, **kwargs)
        if self.generator.num_classes:
            raise ValueError(
                "generator.conditional is true, but the labels of most images are not known; expected false"
            )
        if not lambda_adversarial and (self.generator_penalty is None or self.generator_penalty.interval > 1):
            raise ValueError(
                "lambda_adversarial is 0, and no generator_penalty trains the generator in each of its updates; "
                "expected a generator_penalty with interval 1, or a positive lambda_adversarial"
            )
        self.num_labelled = labelled
        self.lambda_unsupervised, self.lambda_adversarial = lambda_unsupervised, lambda_adversarial
        self._labelled: Labelled | None = None

    def setup(self, stage: str) -> None:
        """Check the data, before training also that there are enough images of each class.

        Raises:
            InputError: if the data do not fit the networks, or labelled images cannot be chosen among them.
        """
        super().setup(stage)
        if stage == "fit":
            self.labelled_indices()

    def labelled_indices(self) -> Tensor:
        """Indices (n,) int64 of the training images with a label; the same in every run with this seed and data.

        Raises:
            InputError: if there are not as many images, or the data are not in memory.
        """
        labels = self._training_split().labels
        return choose_labelled(labels, self.discriminator.num_classes, self.num_labelled, self.run_seed)

    def _training_split(self) -> Labelled:
        data = labelled_source(data_module(self.trainer), self.discriminator.num_classes, type(self).__name__)
        return data.split_tensors("train")

    def on_train_start(self) -> None:
        """Take the labelled images from the data."""
        super().on_train_start()
        rows = self.labelled_indices()
        self._labelled = Labelled(*(part[rows].to(self.device) for part in self._training_split()))

    def labelled_batch(self, count: int) -> Labelled:
        """Images (count, C, H, W) in [-1, 1] with a label, and these labels, that this step and rank draws.

        Every rank draws for all and uses its own rows, as in :meth:`.GeneratesFromNoise.training_latent`.
        """
        assert self._labelled is not None
        images, labels = self._labelled
        shape, generator = (count * self.trainer.world_size,), self.generator_for("labelled batch", self.global_step)
        drawn = torch.randint(len(labels), shape, generator=generator, device=self.device)
        rows = drawn[self.global_rank * count : (self.global_rank + 1) * count]
        return Labelled(to_float(with_bits_of_pixels(lambda pixels: pixels[rows], images)), labels[rows])

    def supervised_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy of D's classes and the labels of augmented images, a scalar.

        Args:
            images: (N, C, H, W) in [-1, 1].
            labels: (N,) int64.
        """
        # Not compiled where D has buffers: see `pair_logits`.
        has_buffers = next(self.discriminator.buffers(), None) is not None
        with torch.compiler.set_stance("force_eager") if has_buffers else nullcontext():
            judgment: Judgment = self.discriminator(self.augmented(images), labels, judge=True)
        loss = cross_entropy(judgment.outputs, labels)
        if self.should_log:
            self.log_scalar("loss/supervised", loss)
            self.log_scalar("accuracy/labelled", accuracy(judgment.outputs, labels))
        return loss

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy of labelled images, and the weighted loss of the objective with the penalty; a scalar."""
        unsupervised = super().discriminator_loss(real, fake, labels)
        supervised = self.supervised_loss(*self.labelled_batch(len(real)))
        return supervised + self.lambda_unsupervised * unsupervised if self.lambda_unsupervised else supervised

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The weighted loss of the objective, a scalar; the penalty on the generator is added to it."""
        if not self.lambda_adversarial:
            return fake.new_zeros(())
        return self.lambda_adversarial * super().generator_loss(real, fake, labels)

    @torch.no_grad()
    def classify(self, images: Tensor) -> Tensor:
        """The most probable classes (N,) int64 of images (N, C, H, W) in [-1, 1]; N may be 0."""
        if not len(images):
            return torch.empty(0, dtype=torch.long, device=images.device)
        with torch.compiler.set_stance("force_eager"):
            judgment: Judgment = self.discriminator(images, judge=True)
        classes: Tensor = judgment.outputs.argmax(dim=1)
        return classes

    def validation_step(self, batch: Labelled, batch_idx: int) -> EvaluationOutput:
        """Real and generated images under the name ``images``, and the classes that D gives the real ones."""
        batch = self.as_batch(batch)
        output, data = super().validation_step(batch, batch_idx), data_module(self.trainer)
        if not isinstance(data, ImageData) or data.num_classes != self.discriminator.num_classes:
            return output
        predicted = self.classify(batch.images)
        return {name: images._replace(predicted=predicted) for name, images in output.items()}
