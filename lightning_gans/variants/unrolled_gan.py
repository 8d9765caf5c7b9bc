"""Unrolled GAN."""

from __future__ import annotations

import copy
from typing import Any, final

import torch
from torch import Tensor
from torch.func import functional_call

from lightning_gans.components.objectives import NonSaturating, Objective
from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.families.defaults import default
from lightning_gans.families.latent import LatentGAN
from lightning_gans.families.packing import pack
from lightning_gans.families.unrolling import updates_of
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, Discriminator, Generator
from lightning_gans.networks.constraints import SpectralNorm
from lightning_gans.networks.layers import has_batch_norm


@final
class UnrolledGAN(LatentGAN):
    r"""Unrolled GAN (Metz et al., 2017): G's loss is judged by a D that has already reacted to G.

    In G's step K updates of D by its own optimizer and loss are computed on the batch, as functions of the generated
    images (section 2.2), and G's loss is differentiated through them (section 2.4): G learns that D will follow it to
    a mode, and does not collapse to that mode. D itself is updated as usual; its weights, buffers and the state of its
    optimizer do not change in G's step.

    A penalty is part of the unrolled loss in steps in which it is due. ``clip_d`` and ``accumulate_d`` do not apply to
    the unrolled updates. They are computed in float32 and never compiled. With several processes they use the mean
    gradient of all.

    Args:
        generator: maps noise to images.
        discriminator: maps images to logits.
        objective: the adversarial losses.
        unrolled_steps: the number K of D's updates; 0 for none.
        **kwargs: see :class:`LatentGAN`.

    Raises:
        ValueError: if ``unrolled_steps`` is negative, there is an auxiliary loss, the constraint on D is not part of
            the network, or a penalty is on gradients and D has batch normalization.
    """

    def __init__(
        self,
        generator: Generator = default(DCGANGenerator),
        discriminator: Discriminator = default(DCGANDiscriminator),
        objective: Objective = default(NonSaturating),
        unrolled_steps: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, objective, **kwargs)
        at_least("unrolled_steps", unrolled_steps, 0)
        self.unrolled_steps = unrolled_steps
        if self.auxiliary is not None and unrolled_steps:
            raise ValueError(f"auxiliary is {type(self.auxiliary).__name__}, whose term is not unrolled; expected None")
        if self.constraint is not None and not isinstance(self.constraint, SpectralNorm):
            raise ValueError(
                f"constraint is {type(self.constraint).__name__}, which is no part of D's loss and network, so that it "
                "cannot be unrolled; expected SpectralNorm or None"
            )
        if self.penalty is not None and self.penalty.uses_gradients and has_batch_norm(self.discriminator):
            raise ValueError(
                f"penalty is {type(self.penalty).__name__}, on gradients, but the discriminator has batch "
                "normalization, which PyTorch cannot differentiate as often as unrolling such a penalty needs; "
                "expected a discriminator without it (batch_norm=False), or no penalty"
            )
        self._unrolled: dict[str, Tensor] | None = None

    def on_train_start(self) -> None:
        """Check D's optimizer.

        Raises:
            InputError: if its updates cannot be unrolled.
        """
        super().on_train_start()
        side = self.sides["d"]
        try:
            updates_of(self.trainer.optimizers[side.optimizer], side.parameters)
        except ValueError as error:
            raise InputError(f"model.{error}") from error

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The objective's loss with the logits of the unrolled discriminator, a scalar."""
        if not self.unrolled_steps:
            return super().generator_loss(real, fake, labels)
        with autocast_off(self.device), torch.compiler.set_stance("force_eager"):
            real, fake = at_least_float32(real), at_least_float32(fake)
            try:
                self.unroll(real, fake, labels)
                return super().generator_loss(real, fake, labels)
            finally:
                self._unrolled = None

    def unroll(self, real: Tensor, fake: Tensor, labels: Tensor) -> None:
        """Compute D's weights after its next updates, which depend on ``fake``, and judge by them from now on."""
        side = self.sides["d"]
        updates = updates_of(self.trainer.optimizers[side.optimizer], side.parameters)
        trained = {id(parameter) for parameter in side.parameters}
        named = dict(self.discriminator.named_parameters())
        names = [name for name, parameter in named.items() if id(parameter) in trained]
        others = {name: value.clone() for name, value in self.discriminator.named_buffers()}
        others |= {name: value.detach() for name, value in named.items() if name not in names}
        weights = [named[name].detach().requires_grad_(True) for name in names]
        for _ in range(self.unrolled_steps):
            self._unrolled = {**others, **dict(zip(names, weights, strict=True))}
            gradients = torch.autograd.grad(self.unrolled_loss(real, fake, labels), weights, create_graph=True)
            weights = updates(weights, gradients)
        self._unrolled = {**others, **dict(zip(names, weights, strict=True))}

    def unrolled_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """D's loss as a function of the generated images, a scalar; nothing is logged or observed."""
        real, fake = pack(real, self.packing), pack(fake, self.packing)
        # A copy, since LeCam's term moves its averages.
        penalty = copy.deepcopy(self.due_penalty())
        if penalty is not None:
            real = penalty.leaves(real, fake, self.global_step)[0]
        logits = self.pair_logits(real, fake, labels[:: self.packing])
        loss = self.objective.discriminator_loss(*logits)
        if penalty is not None:
            loss = loss + penalty.term(self.discriminator_pass(real, fake, *logits, labels))
        return loss

    def compared_logits(self, real: Tensor, labels: Tensor) -> Tensor:
        """Logits of real images; those of the unrolled discriminator depend on G."""
        return self.logits(real, labels) if self._unrolled is not None else super().compared_logits(real, labels)

    def judge(self, images: Tensor, labels: Tensor) -> Tensor:
        """The logits of the discriminator, or of the unrolled one in G's step."""
        if self._unrolled is None:
            return super().judge(images, labels)
        logits: Tensor = functional_call(self.discriminator, self._unrolled, (images, labels))
        return logits
