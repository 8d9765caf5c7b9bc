"""Twelve steps of several variants on N processes; ``test_ddp`` starts ``python -m tests.support.equal_run``.

What N processes with batches of B images leave must be what one process with N * B leaves.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.augmentations import ADA, DiffAugment, InstanceNoise
from lightning_gans.components.generator_penalties import FeatureMatching, PathLength
from lightning_gans.components.objectives import BoundaryEquilibrium, RelativisticAverage, Softmax
from lightning_gans.components.penalties import DRAGAN, R1, Consistency, LatentConsistency, LeCam, Penalties
from lightning_gans.core.images import Size
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.networks import (
    AutoencoderDiscriminator,
    DCGANDiscriminator,
    DCGANGenerator,
    LatentUNet,
    MultiScalePatchGAN,
    PatchGAN,
    ResNetLatentEncoder,
    ResNetTranslator,
    SPADETranslator,
    UNet,
)
from lightning_gans.networks.base import PatchDiscriminator, Translator
from lightning_gans.networks.constraints import WeightClipping
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.variants import ACGAN, BEGAN, WGANGP, FastGAN, ReACGAN, SemiSupervisedGAN, UnrolledGAN
from tests.support.ddp_run import scored_run
from tests.support.tiny import TinyData, tiny_dcgan, tiny_stylegan2, tiny_trainer
from tests.support.tiny_translation import (
    tiny_bicyclegan,
    tiny_cut,
    tiny_cyclegan,
    tiny_facades,
    tiny_pix2pix,
    tiny_sharp,
)
from tests.support.variants import networks_for, plain

STEPS, CUT = 12, 7
"""Steps of a run; where one that is resumed is cut, in the middle of an epoch."""

RESUMED = ("cut", "cyclegan", "dcgan_accumulated", "dcgan_ada", "dcgan_batch_norm_r1", "pix2pix_sharp", "stylegan2")

SLOW = (
    *("acgan", "began", "bicyclegan", "cut", "dcgan_methods", "pix2pix_sharp", "pix2pix_spade", "reacgan"),
    *("semi_supervised_gan", "unrolled_gan"),
)
"""Runs of the slow tests only."""

BUCKET_CAP_MB = 0.001
"""Size of the messages with gradients: a kibibyte, less than any network has."""


def sides(lr: float) -> dict[str, Any]:
    """Optimizers whose steps are in proportion to gradients, so that a wrong factor shows; Adam divides it out.

    The rate is one at which a rounding error does not grow.
    """
    sgd = partial(torch.optim.SGD, lr=lr, momentum=0.5)
    return {"optimizer_g": sgd, "optimizer_d": sgd}


def wgan_gp() -> WGANGP:
    torch.manual_seed(0)
    return WGANGP(
        generator=DCGANGenerator(1, 28, latent_dim=3, width=2),
        discriminator=DCGANDiscriminator(1, 28, width=2, batch_norm=False),
        augmentation=DiffAugment(),
        n_critic=2,
        **sides(1e-3),
    )


def fast_gan() -> FastGAN:
    return FastGAN(**networks_for(FastGAN), **sides(1e-3))


def squared_energies() -> dict[str, Any]:
    """Networks whose losses have no kinks, at which a rounding error would change the gradient."""
    torch.manual_seed(0)
    return {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2),
        "discriminator": AutoencoderDiscriminator(1, 28, width=2, code_dim=4, power=2),
    }


def with_head(variant: type[LatentGAN]) -> LatentGAN:
    torch.manual_seed(0)
    return variant(**networks_for(variant), **sides(1e-3))


def u_net(channels_in: int, channels_out: int, size: Size) -> Translator:
    return UNet(channels_in, channels_out, size, width=2, dropout=0)


def patchgan(channels: int) -> PatchDiscriminator:
    return PatchGAN(channels, layers=1, width=2, norm=BatchNorm)


def images(batch: int) -> TinyData:
    return TinyData(length=46, batch_size=batch)


def pairs(batch: int, paired: bool) -> L.LightningDataModule:
    data = tiny_facades(paired=paired, train_size=20, batch_size=batch, size=64)
    data.flip = True
    return data


RUNS: dict[str, tuple[Callable[[], Adversarial], Callable[[int], L.LightningDataModule]]] = {
    "dcgan": (lambda: tiny_dcgan(batch_norm=False, **sides(0.02)), images),
    "acgan": (partial(with_head, ACGAN), images),
    "reacgan": (partial(with_head, ReACGAN), images),
    "semi_supervised_gan": (partial(with_head, SemiSupervisedGAN), images),
    "dcgan_accumulated": (
        lambda: tiny_dcgan(batch_norm=False, accumulate_d=2, accumulate_g=4, **sides(0.05)),
        images,
    ),
    "dcgan_batch_norm_r1": (lambda: tiny_dcgan(penalty=R1(weight=0.1, interval=2), **sides(0.02)), images),
    "dcgan_relativistic_average": (
        lambda: tiny_dcgan(batch_norm=False, objective=RelativisticAverage(), penalty=R1(weight=0.1), **sides(0.02)),
        images,
    ),
    "dcgan_ada": (
        lambda: tiny_dcgan(
            batch_norm=False,
            augmentation=ADA(p=0.3, target=0.1, interval=3, ramp_images=160),
            penalty=Penalties([R1(weight=0.1, interval=2), LeCam(start=2)]),
            **sides(0.02),
        ),
        images,
    ),
    "dcgan_methods": (
        lambda: tiny_dcgan(
            batch_norm=False,
            objective=Softmax(),
            penalty=Penalties([DRAGAN(0.1), Consistency(0.1, balanced=True), LatentConsistency(0.1)]),
            generator_penalty=FeatureMatching(),
            constraint=WeightClipping(0.1),
            augmentation=InstanceNoise(),
            **sides(0.02),
        ),
        images,
    ),
    "began": (
        lambda: BEGAN(**squared_energies(), objective=BoundaryEquilibrium(gamma=0.9, lambda_k=0.1), **sides(0.02)),
        images,
    ),
    "unrolled_gan": (
        lambda: UnrolledGAN(**plain(), penalty=R1(0.1, interval=2), unrolled_steps=2, **sides(2e-3)),
        images,
    ),
    "stylegan2": (
        lambda: tiny_stylegan2(
            penalty=R1(weight=0.1, interval=2), generator_penalty=PathLength(interval=2, decay=0.5), **sides(0.01)
        ),
        images,
    ),
    "wgan_gp": (wgan_gp, images),
    "fastgan": (fast_gan, images),
    "pix2pix": (lambda: tiny_pix2pix(u_net, patchgan, size=64, **sides(2e-4)), partial(pairs, paired=True)),
    "pix2pix_sharp": (
        lambda: tiny_sharp(partial(MultiScalePatchGAN, layers=1, width=2, norm=BatchNorm), size=64, **sides(1e-6)),
        partial(pairs, paired=True),
    ),
    "pix2pix_spade": (
        lambda: tiny_pix2pix(partial(SPADETranslator, width=2, hidden=4), patchgan, size=64, **sides(1e-7)),
        partial(pairs, paired=True),
    ),
    "cyclegan": (
        lambda: tiny_cyclegan(u_net, patchgan, size=64, pool_size=10, **sides(2e-5)),
        partial(pairs, paired=False),
    ),
    "cut": (
        lambda: tiny_cut(
            partial(ResNetTranslator, blocks=2, width=2, norm=BatchNorm),
            patchgan,
            size=64,
            accumulate_g=2,
            **sides(2e-5),
        ),
        partial(pairs, paired=False),
    ),
    "bicyclegan": (
        lambda: tiny_bicyclegan(
            partial(LatentUNet, width=2, norm=BatchNorm),
            patchgan,
            partial(ResNetLatentEncoder, width=2, norm=BatchNorm),
            size=64,
            **sides(2e-5),
        ),
        partial(pairs, paired=True),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--slow", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    all_runs(arguments.devices, arguments.batch, arguments.out, arguments.slow)
    if arguments.devices > 1:
        # Together, and not as Python ends: there one process was once aborted, while the other had gone.
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def all_runs(devices: int, batch: int, out: Path, slow: bool) -> None:
    """Train the models of RUNS, those in SLOW or the others, resume those of RESUMED, and write what each rank has."""
    if devices <= 2 and not slow:
        scored_run(devices, batch, out)
    names = [name for name in RUNS if (name in SLOW) == slow]
    for name in names:
        make, data = RUNS[name]
        folder = out / f"{name}-{devices}"
        trainer = run(folder, devices, make(), data(batch), STEPS)
        torch.save(trainer.lightning_module.state_dict(), folder / f"rank{trainer.global_rank}.pt")
    if devices > 1:
        for name in [name for name in names if name in RESUMED]:
            make, data = RUNS[name]
            folder = out / f"{name}-resumed-{devices}"
            run(folder, devices, make(), data(batch), CUT)
            torch.manual_seed(99)  # a new process
            run(folder, devices, make(), data(batch), STEPS, folder / "checkpoints" / "last.ckpt")


def run(
    folder: Path,
    devices: int,
    model: Adversarial,
    data: L.LightningDataModule,
    steps: int,
    ckpt_path: Path | None = None,
) -> L.Trainer:
    options: dict[str, Any] = {"strategy": AlternatingDDP(bucket_cap_mb=BUCKET_CAP_MB)} if devices > 1 else {}
    # A run that is not resumed saves where the other one is cut: what is being accumulated is averaged there.
    callbacks = [EMA(0.9), LastCheckpoint(every_n_steps=CUT)]
    trainer = tiny_trainer(folder, devices=devices, max_steps=steps, callbacks=callbacks, **options)
    trainer.fit(model, data, ckpt_path=ckpt_path)
    return trainer


if __name__ == "__main__":
    main()
