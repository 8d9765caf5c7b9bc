"""The training step in a plain, fast loop. Training with the trainer should not be much slower."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_gans.callbacks.ema import AVERAGED_BUFFERS
from lightning_gans.components.penalties import DiscriminatorPass
from lightning_gans.core.images import to_float
from lightning_gans.families import LatentGAN
from lightning_gans.variants import CycleGAN, Pix2Pix
from speed.parts import Parts


class Bare(ABC):
    """A loop over steps. Data are indexed by batch, gradients are those of one side, nothing is read from the device.

    Args:
        parts: model, data and optimizers.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.device = parts.device
        self.done = 0
        self.batch_size: int = parts.data.batch_size
        self.split: Any = parts.data.splits["train"]
        self._orders: dict[int, Tensor] = {}
        self._places: dict[int, int] = {}
        self.averages: tuple[list[Tensor], list[Tensor]] = ([], [])
        self.copies: list[tuple[Tensor, Tensor]] = []
        for theirs, ours in parts.averages:
            self.averages[0].extend(ours.parameters())
            self.averages[1].extend(theirs.parameters())
            for (key, mean), value in zip(ours.named_buffers(), theirs.buffers(), strict=True):
                if key.rpartition(".")[2] in AVERAGED_BUFFERS:
                    self.averages[0].append(mean)
                    self.averages[1].append(value)
                else:
                    self.copies.append((mean, value))

    @abstractmethod
    def alternate(self) -> None:
        """Compute the loss of each side on a batch, and update it."""

    def step(self) -> None:
        """Take one step."""
        self.alternate()
        for scheduler in self.parts.schedulers:
            scheduler.step()
        updates = self.parts.model.sides["g"].updates(self.done + 1)
        if self.parts.averages and updates > self.parts.model.sides["g"].updates(self.done):
            with torch.no_grad():
                weight = 1 - min(self.parts.decay, (1 + updates) / (10 + updates))
                torch._foreach_lerp_(self.averages[0], self.averages[1], weight)
                for ours, theirs in self.copies:
                    ours.copy_(theirs)
        self.done += 1

    def move(self, side: str, loss: Tensor) -> None:
        """Update one side with the gradient of its loss."""
        optimizer = self.parts.optimizers[side]
        optimizer.zero_grad()
        loss.backward(inputs=self.parts.parameters(side))  # type: ignore[no-untyped-call]  # torch has not annotated it
        optimizer.step()

    def indices(self, length: int) -> Tensor:
        """Return the next batch of indices of a shuffled order of ``length``."""
        start = self._places.get(length, length)
        if start + self.batch_size > length:
            start, self._orders[length] = 0, torch.randperm(length)
        self._places[length] = start + self.batch_size
        return self._orders[length][start : start + self.batch_size]


class BareLatent(Bare):
    """The loop of variants that generate from noise.

    Args:
        parts: model, data and optimizers.
        noise: returns that many latent vectors; by default they are drawn from torch's default generator.
    """

    def __init__(self, parts: Parts, noise: Callable[[int], Tensor] | None = None) -> None:
        super().__init__(parts)
        assert isinstance(parts.model, LatentGAN)
        assert parts.model.augmentation is None
        self.model = parts.model
        self.noise = noise or self._noise
        self.images: Tensor = self.split.images.to(self.device)
        self.labels: Tensor = self.split.labels.to(self.device)

    def _noise(self, count: int) -> Tensor:
        latent_dim = int(self.model.generator.latent_dim)
        return self.model.noise.sample((count, latent_dim), torch.default_generator)

    def alternate(self) -> None:
        """Update D, then G on the same images."""
        indices = self.indices(len(self.images)).to(self.device)
        real, labels = to_float(self.images.index_select(0, indices)), self.labels.index_select(0, indices)
        model = self.model
        moves = model.sides["g"].is_due(self.done)
        with torch.set_grad_enabled(moves):
            fake = model.generator(self.noise(len(real)).to(self.device), labels)
        made = fake.detach()
        penalty = model.penalty if model.penalty is not None and model.penalty.applies_at(self.done) else None
        if penalty is not None:
            real, made = penalty.leaves(real, made)
        logits = model.pair_logits(real, made, labels)
        loss = model.objective.discriminator_loss(*logits)
        if penalty is not None:
            loss = loss + penalty.term(DiscriminatorPass(real, made, *logits, labels, model.discriminator))
        self.move("d", loss)
        if moves:
            self.move("g", model.generator_loss(real.detach(), fake, labels))


class BareTranslation(Bare):
    """The loop of variants that translate images."""

    def images(self, domain: str, indices: Tensor) -> Tensor:
        """Return a batch of one domain."""
        held = self.split.a if domain == "a" else self.split.b
        return to_float(held[indices.tolist()].to(self.device))


class BarePix2Pix(BareTranslation):
    """The loop of pix2pix."""

    def alternate(self) -> None:
        """Update D, then G on the same images."""
        model = self.parts.model
        assert isinstance(model, Pix2Pix)
        indices = self.indices(len(self.split))
        source, truth = self.images("b", indices), self.images("a", indices)
        if model.direction == "a_to_b":
            source, truth = truth, source
        fake = model.generator(source)
        real_logits = model.discriminator(torch.cat([source, truth], 1))
        fake_logits = model.discriminator(torch.cat([source, fake.detach()], 1))
        self.move("d", model.objective.discriminator_loss(real_logits, fake_logits) / 2)
        adversarial = model.objective.generator_loss(model.discriminator(torch.cat([source, fake], 1)))
        self.move("g", adversarial + model.lambda_l1 * F.l1_loss(fake, truth))


class BareCycleGAN(BareTranslation):
    """The loop of CycleGAN."""

    def alternate(self) -> None:
        """Update the generators, then the discriminators on images of the pools."""
        model = self.parts.model
        assert isinstance(model, CycleGAN)
        a, b = (self.images(domain, self.indices(len(getattr(self.split, domain)))) for domain in ("a", "b"))
        fake_b, fake_a = model.a_to_b(a), model.b_to_a(b)
        adversarial = model.objective.generator_loss(model.discriminator_b(fake_b))
        adversarial = adversarial + model.objective.generator_loss(model.discriminator_a(fake_a))
        cycle = model.lambda_a * F.l1_loss(model.b_to_a(fake_b), a) + model.lambda_b * F.l1_loss(
            model.a_to_b(fake_a), b
        )
        same = model.lambda_a * F.l1_loss(model.b_to_a(a), a) + model.lambda_b * F.l1_loss(model.a_to_b(b), b)
        self.move("g", adversarial + cycle + model.lambda_identity * same)
        halves = []
        for judge, real, fake in (
            (model.discriminator_a, a, model.pool_a(fake_a)),
            (model.discriminator_b, b, model.pool_b(fake_b)),
        ):
            halves.append(model.objective.discriminator_loss(judge(real), judge(fake)) / 2)
        self.move("d", halves[0] + halves[1])


def bare(parts: Parts) -> Bare:
    """Create the loop for a model."""
    kinds: dict[type, type[Bare]] = {Pix2Pix: BarePix2Pix, CycleGAN: BareCycleGAN}
    return kinds.get(type(parts.model), BareLatent)(parts)
