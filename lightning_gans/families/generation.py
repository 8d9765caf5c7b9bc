"""Images of a variant that generates them from noise: in training, in evaluation and by seed."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from lightning_gans.components.noise import Noise, latents
from lightning_gans.families.adversarial import Adversarial
from lightning_gans.networks.base import Generator
from lightning_gans.networks.sampling import SamplesFromNoise


class GeneratesFromNoise(Adversarial, SamplesFromNoise, ABC):
    """Base class of variants with one generator from noise to images.

    Attributes:
        generator: maps noise to images.
        noise: distribution of the latent vector.
    """

    generator: Generator
    noise: Noise

    @property
    def sampled(self) -> Generator:
        """The generator of evaluation, which :meth:`sample` and :meth:`interpolate` use."""
        network = self.eval_generator("generator")
        assert isinstance(network, Generator)
        return network

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Context in which that generator is in evaluation mode, as in validation, for a model that is in training."""
        network, mode = self.sampled, self.sampled.training
        network.eval()
        try:
            yield
        finally:
            network.train(mode)

    @property
    def conditional(self) -> bool:
        """Whether the networks see the labels."""
        return self.generator.num_classes > 0

    def training_latent(self, count: int, purpose: str = "latent") -> Tensor:
        """Noise (count, latent_dim) of this step and rank.

        Every rank draws the noise of the whole step and uses its own rows, so that N ranks use the same noise as one
        process with the N-fold batch.

        Args:
            count: number of latent vectors.
            purpose: each has noise of its own.
        """
        rows = slice(self.global_rank * count, (self.global_rank + 1) * count)
        return self.latent(count * self.trainer.world_size, purpose, self.global_step)[rows]

    def latent(self, count: int, *parts: int | str) -> Tensor:
        """Noise (count, latent_dim) that depends on the run's seed and ``parts`` only."""
        return self.noise.sample((count, int(self.generator.latent_dim)), self.generator_for(*parts))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of :meth:`eval_generator`, from latents (N, latent_dim) and labels (N,)."""
        images: Tensor = self.eval_generator("generator")(latent, labels)
        return images

    def generate_for(self, labels: Tensor, batch_idx: int) -> Tensor:
        """Generate an image for each label of an evaluation batch, the same in every evaluation on any number of ranks.

        Args:
            labels: (N,) int64, at least one.
            batch_idx: number of the batch on this rank.
        """
        places = self.evaluated_places(len(labels), batch_idx)
        latent = latents(self.noise, int(self.generator.latent_dim), self.run_seed, places)
        images: Tensor = self(latent.to(self.device), labels)
        return images
