"""Runs that compiled networks and plain ones must agree in.

Two processes of one with batch normalization are started as ``python -m tests.support.compiled_runs``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch import Callback
from torch import Tensor

from lightning_gans.callbacks import EMA, Compilation
from lightning_gans.components.augmentations import DiffAugment
from lightning_gans.components.generator_penalties import PathLength
from lightning_gans.components.penalties import R1
from lightning_gans.core.images import Size
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial
from lightning_gans.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MaxoutDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
    PatchGAN,
    UNet,
)
from lightning_gans.networks.base import PatchDiscriminator, Translator
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.variants import GAN, SNGAN, WGANGP, FastGAN, SemiSupervisedGAN, StyleGAN2
from tests.support.tiny import TinyData, tiny_dcgan, tiny_stylegan2, tiny_trainer, weights
from tests.support.tiny_translation import (
    tiny_bicyclegan,
    tiny_cut,
    tiny_cyclegan,
    tiny_facades,
    tiny_pix2pix,
    tiny_sharp,
)
from tests.support.variants import networks_for


def sides(lr_g: float = 0.02, lr_d: float = 0.02) -> dict[str, Any]:
    """Optimizers whose steps are in proportion to gradients, so that a wrong factor shows; Adam divides it out.

    The rates are ones at which a rounding error does not grow.
    """
    sgd = partial(torch.optim.SGD, momentum=0.5)
    return {"optimizer_g": partial(sgd, lr=lr_g), "optimizer_d": partial(sgd, lr=lr_d)}


def mlp() -> GAN:
    torch.manual_seed(0)
    return GAN(generator=MLPGenerator(1, 28, latent_dim=3), discriminator=MLPDiscriminator(1, 28), **sides())


def maxout() -> GAN:
    torch.manual_seed(0)
    dropping = MaxoutDiscriminator(1, 28, width=16, init_bound=0.1)
    return GAN(generator=MLPGenerator(1, 28, latent_dim=3), discriminator=dropping, **sides())


def dcgan() -> Adversarial:
    return tiny_dcgan(penalty=R1(weight=0.1, interval=2), **sides())


def sngan() -> SNGAN:
    torch.manual_seed(0)
    return SNGAN(
        generator=DCGANGenerator(1, 28, latent_dim=3, width=4),
        discriminator=DCGANDiscriminator(1, 28, width=4, batch_norm=False),
        **sides(2e-3, 2e-3),
    )


def wgan_gp() -> WGANGP:
    torch.manual_seed(0)
    return WGANGP(
        generator=DCGANGenerator(1, 28, latent_dim=3, width=4),
        discriminator=DCGANDiscriminator(1, 28, width=4, batch_norm=False),
        augmentation=DiffAugment(),
        n_critic=2,
        **sides(1e-3, 1e-3),
    )


def semi_supervised_gan() -> SemiSupervisedGAN:
    return SemiSupervisedGAN(**networks_for(SemiSupervisedGAN), penalty=R1(weight=0.1, interval=2), **sides(2e-3, 2e-3))


def stylegan2() -> StyleGAN2:
    return tiny_stylegan2(generator_penalty=PathLength(interval=2), **sides(0.01, 0.01))


def fast_gan() -> FastGAN:
    return FastGAN(**networks_for(FastGAN), **sides(1e-3, 1e-3))


def u_net(channels_in: int, channels_out: int, size: Size) -> Translator:
    return UNet(channels_in, channels_out, size, width=2)


def patchgan(channels: int) -> PatchDiscriminator:
    return PatchGAN(channels, layers=1, width=2, norm=BatchNorm)


RUNS: dict[str, tuple[Callable[[], Adversarial], Callable[[], L.LightningDataModule]]] = {
    "mlp": (mlp, TinyData),
    "maxout": (maxout, TinyData),
    "dcgan": (dcgan, TinyData),
    "sngan": (sngan, TinyData),
    "wgan_gp": (wgan_gp, TinyData),
    "semi_supervised_gan": (semi_supervised_gan, TinyData),
    "stylegan2": (stylegan2, TinyData),
    "fastgan": (fast_gan, TinyData),
    "pix2pix": (lambda: tiny_pix2pix(u_net, patchgan, size=64, **sides(2e-4, 2e-3)), partial(tiny_facades, size=64)),
    "pix2pix_sharp": (lambda: tiny_sharp(size=32, **sides(2e-5, 2e-3)), partial(tiny_facades, size=32)),
    # Larger than the tiny ones, in whose maps a rounding error decides more than one kink of a loss.
    "cyclegan": (
        lambda: tiny_cyclegan(pool_size=4, size=32, **sides(2e-5, 2e-3)),
        partial(tiny_facades, size=32, paired=False),
    ),
    "cut": (
        lambda: tiny_cut(size=32, **sides(2e-5, 2e-3)),
        partial(tiny_facades, size=32, paired=False),
    ),
    # The encoder of such small weights moves by its divergence alone.
    "bicyclegan": (
        lambda: tiny_bicyclegan(lambda_kl=1000.0, size=32, **sides(2e-4, 2e-3)),
        partial(tiny_facades, size=32),
    ),
}


class Ran(NamedTuple):
    """What a run leaves."""

    start: dict[str, Tensor]
    end: dict[str, Tensor]
    losses: list[float]


class Losses(Callback):
    """Keeps the losses of every step."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.seen += [loss.item() for loss in pl_module.losses.values()]


def ran(name: str, folder: Path, steps: int, compilation: Compilation | None, **kwargs: Any) -> Ran:
    """A run, with compiled networks or without."""
    make, data = RUNS[name]
    model, losses = make(), Losses()
    start = weights(model)
    callbacks = [EMA(0.9), losses, *([] if compilation is None else [compilation])]
    tiny_trainer(folder, **{"max_steps": steps, "limit_val_batches": 0, "callbacks": callbacks, **kwargs}).fit(
        model, data()
    )
    return Ran(start, weights(model), losses.seen)


def assert_agree(plain: Ran, compiled: Ran, share: float) -> None:
    """Losses are the same to the share ``share``, and all that a run has moved to that share of the move."""
    torch.testing.assert_close(compiled.losses, plain.losses, rtol=share, atol=1e-6)
    assert compiled.end.keys() == plain.end.keys()
    moved = set()
    for key, value in plain.end.items():
        # An average starts as its generator, a history empty.
        start = plain.start.get(key.removeprefix("ema."), value)
        move = (value - start).abs().amax().item() if value.shape == start.shape else 1.0
        torch.testing.assert_close(compiled.end[key], value, rtol=0, atol=share * move + 1e-7)
        if move > 1e-5:
            moved.add(key.partition(".")[0])
    fixed = ("pool", "perceptual")
    assert moved >= {key.partition(".")[0] for key in plain.start if not key.startswith(fixed)} | {"ema"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    out: Path = parser.parse_args().out
    torch.set_num_threads(1)
    runs = [
        ran("dcgan", out, 6, compilation, devices=2, strategy=AlternatingDDP())
        for compilation in (None, Compilation(networks=True))
    ]
    assert_agree(runs[0], runs[1], 1e-3)
    print("two processes agree")


if __name__ == "__main__":
    main()
