"""Compare training in float32 with 16-mixed, which a CPU emulates: ``python benchmarks/half_precision.py --root DIR``.

Variants with their penalties train on MNIST for 300 steps in both precisions, with the networks of their MNIST configs
at half the width. Prints, as a Markdown table, the loss scales after the last step (they start at 65536) and the mean
losses of the last 50 steps: the range of three seeds in float32, and one seed in 16-mixed. On a CPU, float16 has the
rounding and the range that it has on a GPU, but not its speed: takes about half an hour.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import MixedPrecision

from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1, R1R2, Penalty
from lightning_gans.datamodules import MNISTDataModule
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
        self.scales: dict[str, list[float]] = {"g": [], "d": []}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Read them from the model and the precision plugin."""
        assert isinstance(pl_module, LatentGAN)
        for name, seen in self.losses.items():
            seen.append(pl_module.losses[name].item())
            if pl_module.loss_scaling is not None:
                self.scales[name].append(pl_module.loss_scaling.scalars(name)[f"loss_scale/{name}"].item())


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


def train(variant: type[LatentGAN], interval: int, steps: int, root: Path, half: bool, seed: int = 0) -> Losses:
    """Train one variant, and return what was recorded."""
    L.seed_everything(seed, verbose=False)
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
        trainer.fit(model(variant, interval), MNISTDataModule(root=root))
    return recorded


def main() -> None:
    """Train all variants in both precisions and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of MNIST")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--interval", type=int, default=4, help="interval of the penalties; 1 applies them every step")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds in float32")
    parser.add_argument("--variants", nargs="*", default=[variant.__name__ for variant in PENALTIES])
    given = parser.parse_args()
    print(
        "| variant | scale of D | scale of G | loss of D, float32 | 16-mixed | loss of G, float32 | 16-mixed |\n"
        "| --- | --: | --: | --- | --: | --- | --: |"
    )
    for variant in PENALTIES:
        if variant.__name__ not in given.variants:
            continue
        settings = variant, given.interval, given.steps, given.root
        half = train(*settings, half=True)
        full = [train(*settings, half=False, seed=seed) for seed in range(given.seeds)]
        cells = [f"{half.scales[name][-1]:g}" for name in ("d", "g")]
        for name in ("d", "g"):
            means = [mean(recorded.losses[name][-LAST:]) for recorded in full]
            cells += [f"{min(means):.3f} to {max(means):.3f}", f"{mean(half.losses[name][-LAST:]):.3f}"]
        print(f"| {variant.__name__} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
