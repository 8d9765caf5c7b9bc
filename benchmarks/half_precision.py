"""Compare training in float32 with 16-mixed, which a CPU emulates: ``python benchmarks/half_precision.py --root DIR``.

Each latent variant with its penalty trains on MNIST for 300 steps in both precisions, with the networks of its MNIST
config at half the width. Prints, as a Markdown table, the loss scale in the first and the last step, the mean losses of
the last 50 steps in float32 and in half precision, and the seconds of both runs. On a CPU, float16 has the rounding and
the range that it has on a GPU, but not its speed: takes about half an hour.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import MixedPrecision

from datamodules import MNISTDataModule
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1, R1R2, Penalty
from lightning_gans.families import LatentGAN
from lightning_gans.networks import InfoGANDiscriminator, InfoGANGenerator
from lightning_gans.variants import CGAN, DCGAN, LSGAN, R3GAN, SNGAN

LAST = 50
"""Number of steps at the end whose losses are averaged."""

PENALTIES: dict[type[LatentGAN], type[Penalty] | None] = {DCGAN: R1, LSGAN: R1, R3GAN: R1R2, SNGAN: None, CGAN: R1}
"""The penalties of the MNIST configs, by variant."""


class Losses(Callback):
    """Keeps the losses of both sides and the loss scale of every step."""

    def __init__(self) -> None:
        self.losses: dict[str, list[float]] = {"g": [], "d": []}
        self.scales: list[float] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Read them from the model and the precision plugin."""
        assert isinstance(pl_module, LatentGAN)
        for name, seen in self.losses.items():
            seen.append(pl_module.losses[name].item())
        if isinstance(trainer.precision_plugin, MixedPrecision) and trainer.precision_plugin.scaler is not None:
            self.scales.append(trainer.precision_plugin.scaler.get_scale())


def model(variant: type[LatentGAN], interval: int) -> LatentGAN:
    """A variant with the networks of its MNIST config at half the width, and its optimizers."""
    torch.manual_seed(0)
    penalty = PENALTIES[variant]
    conditional: dict[str, Any] = {"num_classes": 10, "conditional": True} if variant is CGAN else {}
    return variant(
        generator=InfoGANGenerator(1, 28, width=16, dense=256, **conditional),
        discriminator=InfoGANDiscriminator(1, 28, width=16, dense=256, **conditional),
        penalty=None if penalty is None else penalty(interval=interval),
        optimizer_g=partial(GANAdam, lr=2e-3),
        optimizer_d=partial(GANAdam, lr=1e-3),
    )


def train(variant: type[LatentGAN], interval: int, steps: int, root: Path, half: bool) -> tuple[Losses, float]:
    """Train one variant; returns what was recorded, and the seconds that it took."""
    recorded = Losses()
    plugins: Any = [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))] if half else []
    with TemporaryDirectory() as folder:
        trainer = L.Trainer(
            default_root_dir=folder,
            accelerator="cpu",
            max_steps=steps,
            callbacks=[recorded],
            plugins=plugins,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
        )
        start = time.perf_counter()
        trainer.fit(model(variant, interval), MNISTDataModule(root=root))
    return recorded, time.perf_counter() - start


def main() -> None:
    """Train all variants in both precisions and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of MNIST")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--interval", type=int, default=4, help="interval of the penalties; 1 applies them every step")
    parser.add_argument("--variants", nargs="*", default=[variant.__name__ for variant in PENALTIES])
    given = parser.parse_args()
    L.seed_everything(0, verbose=False)
    print("| variant | loss scale | loss of D | loss of G | seconds |\n| --- | --- | --- | --- | --- |")
    for variant in PENALTIES:
        if variant.__name__ not in given.variants:
            continue
        full, half = (train(variant, given.interval, given.steps, given.root, half) for half in (False, True))
        losses = [
            f"{mean(full[0].losses[name][-LAST:]):.3f}, {mean(half[0].losses[name][-LAST:]):.3f}" for name in ("d", "g")
        ]
        scales = f"{half[0].scales[0]:g} to {half[0].scales[-1]:g}"
        print(f"| {variant.__name__} | {scales} | {' | '.join(losses)} | {full[1]:.0f}, {half[1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
