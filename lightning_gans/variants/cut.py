"""CUT and FastCUT."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from lightning_gans.components.contrastive import draw_places, patch_nce
from lightning_gans.components.objectives import LeastSquares, Objective
from lightning_gans.core.batches import EvaluationImages, EvaluationOutput, Pair
from lightning_gans.core.errors import at_least
from lightning_gans.core.precision import autocast_off
from lightning_gans.core.randomness import shared_generator
from lightning_gans.families.defaults import default
from lightning_gans.families.one_way import Direction, OneWayTranslation
from lightning_gans.families.translation import MakePatchDiscriminator
from lightning_gans.networks import CUTPatchGAN, CUTTranslator
from lightning_gans.networks.base import MakeTranslator
from lightning_gans.networks.cut import PatchEmbedding
from lightning_gans.networks.encoding import EncodingTranslator
from lightning_gans.networks.layered import judge_patches


@final
class CUT(OneWayTranslation):
    r"""CUT (Park et al., 2020): translation in one direction without pairs, by comparing patches.

    A patch of the translation should be more similar to the patch of the source at the same place than to other patches
    of the source. Patches are compared in the features of G's own encoder, by MLPs H that are trained with it:
    :math:`L_{GAN}(G, D) + \lambda_X L_{PatchNCE}(G, H, X) + \lambda_Y L_{PatchNCE}(G, H, Y)` (eq. 5). The last term is
    of images of the target domain, which G should not change. As in the authors' code D is updated first, with half of
    its loss; then G and the MLPs, with one Adam each of equal settings there and by one optimizer here, which is the
    same, since Adam treats each weight by itself.

    FastCUT has a larger weight, no identity term, and flip equivariance: ``lambda_nce`` 10, ``identity`` false and
    ``flip_equivariance`` true.

    Args:
        generator: class of the generator, a translator that returns features, such as ``CUTTranslator``.
        discriminator: class of the discriminator.
        direction: direction of the translation, "a_to_b" or "b_to_a".
        lambda_nce: the weight :math:`\lambda` of the contrastive loss, which is the mean over layers, places and
            images. With ``identity`` it is the mean of both terms, as in the authors' code, so that
            :math:`\lambda_X` and :math:`\lambda_Y` are half of it.
        identity: whether the contrastive loss has the term of the target domain.
        flip_equivariance: whether images are mirrored, with probability ½ in each step, before they are translated; the
            features of the translation are mirrored back and compared with those of the original.
        temperature: the number :math:`\tau` that similarities are divided by.
        places: number of places at which each layer's features are compared, all of them if there are fewer.
        embedding_width: units of both layers of each MLP.
        objective: the adversarial losses.
        **kwargs: see :class:`.OneWayTranslation`.

    Raises:
        ValueError: if a number is out of range, the channels of the domains differ, or the generator returns no
            features.
    """

    def __init__(
        self,
        generator: MakeTranslator = CUTTranslator,
        discriminator: MakePatchDiscriminator = CUTPatchGAN,
        direction: Direction = "a_to_b",
        lambda_nce: float = 1.0,
        identity: bool = True,
        flip_equivariance: bool = False,
        temperature: float = 0.07,
        places: int = 256,
        embedding_width: int = 256,
        objective: Objective = default(LeastSquares),
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, direction, objective=objective, **kwargs)
        at_least("lambda_nce", lambda_nce, 0)
        at_least("places", places, 2)
        at_least("embedding_width", embedding_width, 1)
        if temperature <= 0:
            raise ValueError(f"temperature is {temperature}; expected a positive number")
        if self.channels_a != self.channels_b:
            raise ValueError(
                f"channels_a is {self.channels_a} but channels_b is {self.channels_b}; expected the same, since CUT "
                "gives images of both domains to the generator"
            )
        if not isinstance(self.generator, EncodingTranslator):
            raise ValueError(
                f"generator is {type(self.generator).__name__}, which returns no features; expected a translator that "
                "does, such as CUTTranslator or ResNetTranslator"
            )
        self.lambda_nce, self.identity, self.flip_equivariance = lambda_nce, identity, flip_equivariance
        self.temperature, self.places = temperature, places
        self.discriminator = discriminator(self.channels_target)
        self.embedding = PatchEmbedding(self.generator.encoded_channels, embedding_width)

    @property
    def generator_heads(self) -> dict[str, nn.Module]:
        """The MLPs, by attribute name."""
        return {"embedding": self.embedding}

    def adversarial_step(self, batch: Pair) -> None:
        """Update the discriminator, then the generator with the MLPs, with the same translated images."""
        source, target = self.source_and_target(batch)
        flipped = self.flip_equivariance and draw_flip()
        with torch.set_grad_enabled(self.is_due("g")):
            fake, keys = self.translate_with_keys(source, flipped)
        self.optimize("d", self.discriminator_loss(target, fake.detach()))
        if self.is_due("g"):
            with self.sides["d"].frozen():
                adversarial = self.adversarial_loss(self.discriminator, target, fake)
            weight = self.lambda_nce / 2 if self.identity else self.lambda_nce
            contrastive = self.contrastive_loss(keys, fake, flipped).mean()
            self.log_scalar("loss/nce", contrastive)
            self.optimize("g", adversarial + weight * contrastive, more=self.identity)
            if self.identity:
                same, keys = self.translate_with_keys(target, flipped)
                contrastive = self.contrastive_loss(keys, same, flipped).mean()
                self.log_scalar("loss/nce_identity", contrastive)
                self.optimize("g", weight * contrastive)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        r""":math:`\frac12 (E(D(y) - 1)^2 + E D(G(x))^2)` as in the authors' code, or half of another loss."""
        judged = judge_patches(self.discriminator, real), judge_patches(self.discriminator, fake)
        return self.discriminator_objective(*judged)

    def translate_with_keys(self, images: Tensor, flipped: bool) -> tuple[Tensor, list[Tensor]]:
        """Translate images (N, C, H, W), mirrored if asked for; return also the images' own features.

        Of mirrored images the features are not those of the translating pass, which would have to be mirrored back: a
        network need not be equivariant. The features have no gradient.
        """
        if flipped:
            with torch.no_grad():
                keys = self.generator(images, encode=True)
            return self.generator(images.flip(3)), keys
        translated, keys = self.generator(images, encode="too")
        return translated, [maps.detach() for maps in keys]

    def contrastive_loss(self, key_maps: list[Tensor], translated: Tensor, flipped: bool = False) -> Tensor:
        """The contrastive loss of each image, (N,), which is the mean over layers and places (eq. 4).

        The keys have no gradient.

        Args:
            key_maps: the features of the images.
            translated: the translations of the images, (N, C, H, W) in [-1, 1].
            flipped: whether the images were mirrored before they were translated.
        """
        query_maps = self.generator(translated, encode=True)
        if flipped:
            query_maps = [maps.flip(3) for maps in query_maps]
        places = [draw_places(maps[0, 0].numel(), self.places, maps.device) for maps in key_maps]
        queries = self.embedding(query_maps, places)
        with torch.no_grad():
            keys = self.embedding(key_maps, places)
        with autocast_off(self.device):
            layers = [patch_nce(query, key, self.temperature) for query, key in zip(queries, keys, strict=True)]
        return torch.stack(layers).mean(dim=0)

    def translations(self, batch: Pair) -> EvaluationOutput:
        """Translated images of the target domain, with their sources and, for paired data, ground truth."""
        source, target = self.source_and_target(batch)
        truth = target if batch.aligned else None
        return {self.target_domain: EvaluationImages(target, self(source), source=source, truth=truth)}


def draw_flip() -> bool:
    """Draw true with probability ½, the same on all ranks."""
    return bool(torch.rand((), generator=shared_generator(torch.device("cpu"))) < 0.5)
