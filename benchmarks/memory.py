"""Peak memory of one training step of pix2pix and CycleGAN at 256 pixels, batch 1, against what the step demands.

    python benchmarks/memory.py

The demand is the sum of weights, their gradients, Adam's two averages and the largest total of tensors that autograd
keeps at one time. The peak is what the process grew by from before the model was made (on a GPU: what was allocated).
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import warnings
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from datamodules.facades import SyntheticFacadesDataModule
from lightning_gans.families import Translation
from lightning_gans.networks import PatchGAN, ResNetTranslator, UNet
from lightning_gans.networks.layers import InstanceNorm
from lightning_gans.variants import CycleGAN, Pix2Pix

MIB = 2**20
STEPS = 3


class Kept:
    """Stands for a tensor that autograd keeps."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class Saved:
    """Bytes that autograd keeps, each storage once; weights are counted elsewhere."""

    def __init__(self, weights: set[int]) -> None:
        self.weights = weights
        self.holders: dict[int, int] = {}
        self.now = self.peak = 0

    def pack(self, tensor: Tensor) -> Kept:
        """Count a tensor that autograd keeps."""
        storage = tensor.untyped_storage()
        key, size = storage.data_ptr(), storage.nbytes()
        kept = Kept(tensor)
        if key not in self.weights:
            if not self.holders.get(key):
                self.now += size
                self.peak = max(self.peak, self.now)
            self.holders[key] = self.holders.get(key, 0) + 1
            weakref.finalize(kept, self._release, key, size)
        return kept

    def _release(self, key: int, size: int) -> None:
        self.holders[key] -= 1
        if not self.holders[key]:
            self.now -= size

    @staticmethod
    def unpack(kept: Kept) -> Tensor:
        """Give it back."""
        return kept.tensor


def pix2pix() -> Translation:
    """U-Net-256 and a 70 x 70 PatchGAN."""
    return Pix2Pix(UNet, PatchGAN, channels_a=3, channels_b=3, size=256)


def cyclegan() -> Translation:
    """Two ResNets of 9 blocks and two 70 x 70 PatchGANs."""
    return CycleGAN(ResNetTranslator, partial(PatchGAN, norm=InstanceNorm), channels_a=3, channels_b=3, size=256)


def resident() -> int:
    """Bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def data_of(paired: bool) -> SyntheticFacadesDataModule:
    """A few house fronts, drawn already."""
    data = SyntheticFacadesDataModule(size=256, train_size=STEPS, val_size=2, paired=paired)
    data.setup("fit")
    return data


def quick(steps: int) -> L.Trainer:
    """A trainer that does nothing but train."""
    return L.Trainer(
        max_steps=steps,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def trained(make: Callable[[], Translation], count: bool) -> dict[str, float]:
    """A few steps; figures in MiB."""
    warnings.simplefilter("ignore")
    data, trainer = data_of(make is pix2pix), quick(STEPS)
    if not count:
        # Whatever a first run loads is not the step's.
        small = Pix2Pix(partial(UNet, width=1), partial(PatchGAN, width=1), channels_a=3, channels_b=3, size=256)
        quick(1).fit(small, data_of(True))
    before = resident()
    model = make()
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    saved = Saved({p.untyped_storage().data_ptr() for p in model.parameters()})
    if count:
        with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
            trainer.fit(model, data)
        return {"weights": weights / MIB, "saved": saved.peak / MIB}
    trainer.fit(model, data)
    on_gpu = trainer.strategy.root_device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak": (peak if on_gpu else peak - before) / MIB}


def run(queue: Any, make: Callable[[], Translation], count: bool) -> None:
    """Hand the figures to the process that asked."""
    queue.put(trained(make, count))


def measured(make: Callable[[], Translation], count: bool) -> dict[str, float]:
    """The figures of a process of its own: memory that one run leaves behind must not serve the next."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=run, args=(queue, make, count))
    process.start()
    figures: dict[str, float] = queue.get()
    process.join()
    return figures


def main() -> None:
    """Print the table."""
    # What glibc keeps of freed blocks for later is not the step's: blocks of a map's size go back at once.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(MIB)
    print("| 256 px, batch 1 | Weights | Gradients | Adam | Kept for backward | Sum | Peak | Peak / sum |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for make in (pix2pix, cyclegan):
        figures = measured(make, True) | measured(make, False)
        weights = figures["weights"]
        demand = 4 * weights + figures["saved"]
        row = [weights, weights, 2 * weights, figures["saved"], demand, figures["peak"]]
        cells = " | ".join(f"{value:.0f} MiB" for value in row)
        print(f"| {make.__name__} | {cells} | {figures['peak'] / demand:.2f} |", flush=True)


if __name__ == "__main__":
    main()
