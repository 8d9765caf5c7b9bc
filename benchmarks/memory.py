"""Measure peak memory and time of a training step of pix2pix, CycleGAN, CUT and FastCUT at 256 pixels, batch 1.

    python benchmarks/memory.py

The peak is compared with the sum of weights, gradients, Adam's two averages and the largest total of tensors that
autograd keeps at one time. The peak is the growth of the process since before the model was created (on a GPU: the
allocated memory). The time of the steps after the first one is given relative to CycleGAN's: CPU time, or on a GPU
elapsed time.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.families import Translation
from lightning_gans.networks import InstanceNormPatchGAN, PatchGAN, ResNetTranslator, UNet
from lightning_gans.variants import CUT, CycleGAN, Pix2Pix

MIB = 2**20
STEPS = 3


class Kept:
    """A handle of a tensor that autograd keeps."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class Saved:
    """Counts the bytes that autograd keeps, each storage once, without weights."""

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
        """Return the tensor."""
        return kept.tensor


def pix2pix() -> Translation:
    """Create pix2pix with a U-Net-256 and a 70 x 70 PatchGAN."""
    return Pix2Pix(UNet, PatchGAN, channels_a=3, channels_b=3, size=256)


def cyclegan() -> Translation:
    """Create CycleGAN with two ResNets of 9 blocks and two 70 x 70 PatchGANs."""
    return CycleGAN(ResNetTranslator, InstanceNormPatchGAN, channels_a=3, channels_b=3, size=256)


def cut() -> Translation:
    """Create CUT with an antialiased ResNet of 9 blocks and an antialiased PatchGAN."""
    return CUT(channels_a=3, channels_b=3, size=256)


def fast_cut() -> Translation:
    """Create FastCUT with the same networks."""
    return CUT(lambda_nce=10.0, identity=False, flip_equivariance=True, channels_a=3, channels_b=3, size=256)


def plain_cut() -> Translation:
    """Create CUT with CycleGAN's networks."""
    return CUT(ResNetTranslator, InstanceNormPatchGAN, channels_a=3, channels_b=3, size=256)


class Timed(L.Callback):
    """Measures the mean time of the steps after the first one, in seconds.

    Attributes:
        ends: the time at the end of each step.
    """

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """Note the time."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter() if torch.cuda.is_available() else time.process_time())

    @property
    def mean(self) -> float:
        """The mean time of a step."""
        return (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1)


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def data_of(paired: bool) -> SyntheticFacadesDataModule:
    """Create a data module with a few house fronts in memory."""
    data = SyntheticFacadesDataModule(size=256, train_size=STEPS, val_size=2, paired=paired)
    data.setup("fit")
    return data


def quick(steps: int, *callbacks: L.Callback) -> L.Trainer:
    """Create a trainer without validation, logging, checkpoints and progress bar."""
    return L.Trainer(
        max_steps=steps,
        callbacks=list(callbacks),
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def growth() -> Iterator[list[float]]:
    """Context that measures the peak of the memory within it over that before it, in bytes; it is in the list then.

    On a GPU it is the peak of the allocated memory.
    """
    on_gpu, found = torch.cuda.is_available(), list[float]()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if on_gpu else resident()
    yield found
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found.append(peak - before)


def trained(make: Callable[[], Translation], count: bool) -> dict[str, float]:
    """Train a few steps and return the measurements in MiB and seconds."""
    warnings.simplefilter("ignore")
    timed = Timed()
    data, trainer = data_of(make is pix2pix), quick(STEPS, timed)
    if not count:
        # Memory of what a first run loads is not part of the step.
        small = Pix2Pix(partial(UNet, width=1), partial(PatchGAN, width=1), channels_a=3, channels_b=3, size=256)
        quick(1).fit(small, data_of(True))
    with growth() as grown:
        model = make()
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        saved = Saved({p.untyped_storage().data_ptr() for p in model.parameters()})
        if count:
            with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
                trainer.fit(model, data)
        else:
            trainer.fit(model, data)
    if count:
        return {"weights": weights / MIB, "saved": saved.peak / MIB}
    return {"peak": grown[0] / MIB, "seconds": timed.mean}


def run(queue: Any, measure: Callable[[], dict[str, float]]) -> None:
    """Put the measurements into the queue of the parent process."""
    queue.put(measure())


def apart(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Measure in a separate process, so that a run cannot reuse memory of an earlier one."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=run, args=(queue, measure))
    process.start()
    figures: dict[str, float] = queue.get()
    process.join()
    return figures


def main() -> None:
    """Print the table."""
    # Make glibc return freed blocks of a feature map's size at once, because kept ones are not part of the step.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(MIB)
    print("| 256 px, batch 1 | Weights | Gradients | Adam | Kept for backward | Sum | Peak | Peak / sum | Time |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    unit = None
    for make in (cyclegan, plain_cut, cut, fast_cut, pix2pix):
        figures = apart(partial(trained, make, True)) | apart(partial(trained, make, False))
        weights = figures["weights"]
        demand = 4 * weights + figures["saved"]
        row = [weights, weights, 2 * weights, figures["saved"], demand, figures["peak"]]
        cells = " | ".join(f"{value:.0f} MiB" for value in row)
        unit = unit or figures["seconds"]
        print(
            f"| {make.__name__} | {cells} | {figures['peak'] / demand:.2f} | {figures['seconds'] / unit:.2f} |",
            flush=True,
        )
    print(f"\nA step of CycleGAN took {unit:.1f} s.")


if __name__ == "__main__":
    main()
