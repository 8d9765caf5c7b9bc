"""BicycleGAN."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.components.noise import NormalNoise, latents
from lightning_gans.components.objectives import LeastSquares, Objective
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput, Pair
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import normal_per_image
from lightning_gans.families.defaults import default
from lightning_gans.families.one_way import Direction, PairedTranslation
from lightning_gans.families.sides import frozen
from lightning_gans.families.translation import MakePatchDiscriminator
from lightning_gans.networks import BicyclePatchGAN, LatentUNet, ResNetLatentEncoder
from lightning_gans.networks.base import MakeTranslator, PatchDiscriminator
from lightning_gans.networks.latent_encoder import LatentCodes, MakeLatentEncoder
from lightning_gans.networks.latent_translator import LatentTranslator
from lightning_gans.networks.layered import judge_patches


@final
class BicycleGAN(PairedTranslation):
    r"""BicycleGAN (Zhu et al., 2017): many answers to one image, learned from pairs that show one answer each.

    Two cycles make a latent code z and an answer B belong together. cVAE-GAN, :math:`B \to z \to \hat B`: an
    encoder E finds the code of the true image, from which G should make it again, and the codes should be distributed
    normally. cLR-GAN, :math:`z \to \hat B \to \hat z`: E should find a drawn code in the answer that G makes from it;
    this trains G alone, since E would otherwise agree with G on a hidden way to write the code.

    As in the authors' code D judges answers without their source, and there are two: one of answers by E's codes, one
    of those by drawn codes. They are updated first, with half of their loss, as in pix2pix; in the authors' code last.
    G and E have one Adam each of equal settings there, and one optimizer here, which is the same, since Adam treats
    each weight by itself. Both cycles use all images of a batch; the authors' code divides it into halves, translates
    the first one in both cycles, and gives the true images of the other to the second D.

    Evaluation and prediction draw a code for each image, which depends on the run's seed and the image's number alone.

    Args:
        generator: class of the generator, a translator that takes latent codes.
        encoder: class of the encoder E.
        discriminator: class of the discriminators.
        direction: direction of the translation, "a_to_b" or "b_to_a".
        lambda_image: the weight of the L1 loss of :math:`\hat B`, which is the mean over values in [-1, 1].
        lambda_latent: the weight of the L1 loss of :math:`\hat z`, which is the mean over its entries.
        lambda_kl: the weight of the divergence of E's codes from the normal distribution, the sum over entries.
        shared_discriminator: whether one discriminator judges the answers of both cycles.
        conditional: whether the discriminators are also given the source image, as in pix2pix.
        objective: the adversarial losses.
        **kwargs: see :class:`.OneWayTranslation`.

    Raises:
        ValueError: if a weight is negative, or the generator takes no latent codes.

    Attributes:
        encoder: E, which is used in training only.
        discriminator: judges answers by drawn codes.
        discriminator_vae: judges answers by E's codes; None if ``discriminator`` judges both.
    """

    networks = ("generator", "encoder", "discriminator")

    def __init__(
        self,
        generator: MakeTranslator = LatentUNet,
        encoder: MakeLatentEncoder = ResNetLatentEncoder,
        discriminator: MakePatchDiscriminator = BicyclePatchGAN,
        direction: Direction = "a_to_b",
        lambda_image: float = 10.0,
        lambda_latent: float = 0.5,
        lambda_kl: float = 0.01,
        shared_discriminator: bool = False,
        conditional: bool = False,
        objective: Objective = default(LeastSquares),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, direction, objective=objective, **kwargs)
        at_least("lambda_image", lambda_image, 0)
        at_least("lambda_latent", lambda_latent, 0)
        at_least("lambda_kl", lambda_kl, 0)
        if not isinstance(self.generator, LatentTranslator):
            raise ValueError(
                f"generator is {type(self.generator).__name__}, which takes no latent codes; expected a translator "
                "that does, such as LatentUNet"
            )
        self.lambda_image, self.lambda_latent, self.lambda_kl = lambda_image, lambda_latent, lambda_kl
        self.conditional = conditional
        self.latent_dim = self.generator.latent_dim
        self.encoder = encoder(self.channels_target, self.size, self.latent_dim)
        judged = self.channels_target + (self.channels_source if conditional else 0)
        self.discriminator = discriminator(judged)
        self.discriminator_vae = None if shared_discriminator else discriminator(judged)
        self._evaluated_batch = 0

    @property
    def generator_heads(self) -> dict[str, nn.Module]:
        """The encoder, by attribute name."""
        return {"encoder": self.encoder}

    @property
    def discriminators(self) -> dict[str, nn.Module]:
        """The discriminators, by attribute name."""
        both = {"discriminator": self.discriminator, "discriminator_vae": self.discriminator_vae}
        return {name: network for name, network in both.items() if network is not None}

    @property
    def judges(self) -> tuple[PatchDiscriminator, PatchDiscriminator]:
        """The discriminators of answers by E's codes and of answers by drawn codes."""
        return self.discriminator_vae or self.discriminator, self.discriminator

    def adversarial_step(self, batch: Pair) -> None:
        """Update the discriminators, then the generator with the encoder, with the same translated images."""
        source, truth = self.source_and_target(batch)
        drawn, noise = (normal_per_image(len(source), self.device, self.latent_dim) for _ in range(2))
        with torch.set_grad_enabled(self.is_due("g")):
            codes: LatentCodes = self.encoder(truth)
            answers = self.generator(torch.cat([source, source]), torch.cat([codes.sample(noise), drawn]))
            rebuilt, random = answers.chunk(2)
        self.optimize("d", self.discriminators_loss(source, truth, rebuilt.detach(), random.detach()))
        if self.is_due("g"):
            with self.sides["d"].frozen():
                adversarial = self.generator_loss(source, truth, rebuilt, random)
            self.optimize("g", adversarial + self.cycle_loss(truth, codes, rebuilt, drawn, random))

    def judged(self, source: Tensor, images: Tensor) -> Tensor:
        """What a discriminator is given of images (N, C, H, W): these, after their sources if it is conditional."""
        return torch.cat([source, images], dim=1) if self.conditional else images

    def discriminators_loss(self, source: Tensor, truth: Tensor, rebuilt: Tensor, random: Tensor) -> Tensor:
        """The sum of half of the losses of both discriminators.

        Args:
            source: images to translate.
            truth: their true translations.
            rebuilt: the answers by E's codes.
            random: the answers by drawn codes.
        """
        real, losses = self.judged(source, truth), []
        for name, judge, fake in zip(("vae", ""), self.judges, (rebuilt, random), strict=True):
            judgments = judge_patches(judge, real), judge_patches(judge, self.judged(source, fake))
            losses.append(self.discriminator_objective(*judgments, name))
        return torch.stack(losses).sum()

    def generator_loss(self, source: Tensor, truth: Tensor, rebuilt: Tensor, random: Tensor) -> Tensor:
        """The sum of the adversarial losses of the answers of both cycles; see :meth:`discriminators_loss`."""
        real = self.judged(source, truth)
        pairs = zip(self.judges, (rebuilt, random), strict=True)
        losses = [self.adversarial_loss(judge, real, self.judged(source, fake)) for judge, fake in pairs]
        return torch.stack(losses).sum()

    def cycle_loss(self, truth: Tensor, codes: LatentCodes, rebuilt: Tensor, drawn: Tensor, random: Tensor) -> Tensor:
        r""":math:`\lambda |B - \hat B|_1 + \lambda_{latent} |z - \hat z|_1 + \lambda_{KL} D_{KL}`.

        The latent code :math:`\hat z` is the mean that E finds, and E has no gradient by this term.

        Args:
            truth: the true images B.
            codes: what E finds in them.
            rebuilt: the answers to their sources by these codes.
            drawn: drawn codes z.
            random: the answers to the same sources by the drawn codes.
        """
        distance, divergence = F.l1_loss(rebuilt, truth), codes.divergence().mean()
        self.log_scalar("loss/l1", distance)
        self.log_scalar("loss/kl", divergence)
        loss = self.lambda_image * distance + self.lambda_kl * divergence
        if self.lambda_latent:
            with frozen(self.encoder.parameters()):
                latent = F.l1_loss(self.encoder(random).mean, drawn)
            self.log_scalar("loss/latent", latent)
            loss = loss + self.lambda_latent * latent
        return loss

    def forward(self, images: Tensor, latent: Tensor | None = None) -> Tensor:
        """Translated images (N, C, H, W) in [-1, 1] of :meth:`eval_generator`.

        Args:
            images: (N, C, H, W) in [-1, 1].
            latent: latent codes (N, latent_dim); None for the mean of their distribution, which is 0.
        """
        return self.translate("generator", images, *(() if latent is None else (latent,)))

    def validation_step(self, batch: Pair, batch_idx: int) -> EvaluationOutput:
        """Real and translated images; each image of the split has a latent code of its own, the same every time."""
        self._evaluated_batch = batch_idx
        return super().validation_step(batch, batch_idx)

    def translations(self, batch: Pair) -> EvaluationOutput:
        """Translated images of the target domain, with their sources and ground truth, which is one answer of many."""
        source, truth = self.source_and_target(batch)
        places = self.evaluated_places(len(source), self._evaluated_batch)
        latent = latents(NormalNoise(), self.latent_dim, self.run_seed, places).to(self.device)
        return {self.target_domain: EvaluationImages(truth, self(source, latent), source=source, truth=truth)}
