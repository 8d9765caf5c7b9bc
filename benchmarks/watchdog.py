"""Measure the time of a training step with and without the watchdog, and of the watchdog itself.

    python benchmarks/watchdog.py

Models are a small dense GAN, which has the shortest step of all, and a DCGAN at 28 pixels. They train on scikit-learn's
digits with a real trainer that logs every 50 steps. The watchdog is on in every other block of steps. The ratio of
these times varies by more than the watchdog takes, so its hook is timed as well. On a GPU the hook only enqueues work,
so there the ratio is the result.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from lightning_gans.callbacks import Watchdog
from lightning_gans.datamodules import DigitsDataModule
from lightning_gans.families import Adversarial
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.variants import DCGAN, GAN

BLOCK = 50
"""Steps with the watchdog, then as many without; each block contains one measurement."""
BLOCKS = 40


class Timed(Watchdog):
    """A watchdog that records the duration of its hook."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Run the hook and record its duration."""
        start = time.perf_counter()
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        self.seconds.append(time.perf_counter() - start)


class Blocks(Callback):
    """Removes the watchdog from the trainer in every other block, and times the blocks."""

    def __init__(self, watchdog: Timed) -> None:
        self.watchdog = watchdog
        self.seconds: dict[bool, list[float]] = {True: [], False: []}
        self._on = True
        self._start = 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """End a block and begin the next one."""
        if trainer.global_step % BLOCK:
            return
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        # The first two blocks warm up.
        if trainer.global_step > 2 * BLOCK:
            self.seconds[self._on].append((now - self._start) / BLOCK)
        elif trainer.global_step == 2 * BLOCK:
            self.watchdog.seconds.clear()
        self._on = not self._on
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
        others = [callback for callback in callbacks if callback is not self.watchdog]
        trainer.callbacks = [*others, self.watchdog] if self._on else others  # type: ignore[attr-defined]  # likewise
        self._start = now


def dense() -> Adversarial:
    """Create a dense GAN with hidden layers of 128 units."""
    return GAN(
        generator=MLPGenerator(1, 28, latent_dim=32, widths=[128, 128]),
        discriminator=MLPDiscriminator(1, 28, widths=[128, 128]),
    )


def convolutional() -> Adversarial:
    """Create DCGAN with the networks of ``dcgan/digits``."""
    return DCGAN(generator=DCGANGenerator(1, 28, width=32), discriminator=DCGANDiscriminator(1, 28, width=32))


def measured(make: Callable[[], Adversarial], folder: str) -> tuple[Blocks, Timed]:
    """Train one model and return the measurements."""
    torch.manual_seed(0)
    watchdog = Timed()
    blocks = Blocks(watchdog)
    trainer = L.Trainer(
        max_steps=BLOCK * (2 * BLOCKS + 2) + 1,
        max_epochs=-1,
        limit_val_batches=0,
        log_every_n_steps=BLOCK,
        logger=ResumableCSVLogger(Path(folder)),
        callbacks=[blocks, watchdog],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(make(), DigitsDataModule(batch_size=32))
    return blocks, watchdog


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print("| Model | Step without | Step with | With / without | Hook, other steps | Hook, measuring | Fraction |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for make in (dense, convolutional):
        with TemporaryDirectory() as folder:
            blocks, watchdog = measured(make, folder)
        pairs = list(zip(blocks.seconds[True], blocks.seconds[False], strict=False))
        ratio = median(on / off for on, off in pairs)
        on, off = (median(blocks.seconds[way]) for way in (True, False))
        # Medians, because a hook seems long if another process uses the core in the meantime.
        look = median(watchdog.seconds[BLOCK - 1 :: BLOCK])
        between = median(watchdog.seconds)
        share = (between + (look - between) / BLOCK) / off
        print(
            f"| {make.__name__} | {off * 1e3:.3f} ms | {on * 1e3:.3f} ms | {ratio:.4f} | {between * 1e6:.1f} µs | "
            f"{look * 1e6:.0f} µs | {share:.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
