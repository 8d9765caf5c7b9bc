"""The machine that a run trains on, and training steps that are tried there before the settings are chosen."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_gans.cli.library_errors import quiet
from lightning_gans.cli.photos.parts import Attempt, Cost, Device
from lightning_gans.components.augmentations import DiffAugment
from lightning_gans.components.penalties import R1R2
from lightning_gans.core.errors import InputError
from lightning_gans.core.machine import free_memory
from lightning_gans.networks import CompactDiscriminator, CompactGenerator
from lightning_gans.variants import R3GAN

INTERVAL = 4
"""Steps from one with the recipe's penalty to the next, of which the first one has it."""

WARM_UP = 2
"""First steps, one with the penalty and one without it, which also prepare the device; they are not timed."""

TIMED = 2 * INTERVAL
"""Steps that are timed after them."""

SMALL_BATCH = 16
"""Images in a batch whose memory is measured on a CPU, where it grows with the number of images."""

LONG_STEP = 10.0
"""Seconds of a first step from which on times are estimated from those of a small batch."""

ENOUGH_SECONDS = 15.0
"""After so many seconds as many steps are enough as go from one penalty to the next, after the warm-up."""

RESERVE = 1.5
"""How many times what autograd keeps a step may take on a CPU, with the buffers of its operations."""

ADAM = 4
"""Copies of the weights in training: themselves, gradients and Adam's two averages."""


class Timer(L.Callback):
    """Measures steps, and ends training early where they are slow.

    Attributes:
        seconds: time of each step.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._start = 0.0

    def on_train_batch_start(self, trainer: L.Trainer, model: L.LightningModule, batch: Any, index: int) -> None:
        """Start a step."""
        self._start = now(trainer)

    def on_train_batch_end(
        self, trainer: L.Trainer, model: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """End a step."""
        self.seconds.append(now(trainer) - self._start)
        if len(self.seconds) >= WARM_UP + INTERVAL and sum(self.seconds) > ENOUGH_SECONDS:
            trainer.should_stop = True

    def mean(self) -> float:
        """Mean time of a step in seconds, after the warm-up: of every :data:`INTERVAL` steps one has the penalty."""
        timed = list(enumerate(self.seconds))[WARM_UP:]
        penalized = median(seconds for step, seconds in timed if step % INTERVAL == 0)
        plain = median(seconds for step, seconds in timed if step % INTERVAL)
        return (penalized + (INTERVAL - 1) * plain) / INTERVAL


def now(trainer: L.Trainer) -> float:
    """The time in seconds, when the device has done its work."""
    if trainer.strategy.root_device.type == "cuda":
        torch.cuda.synchronize()
    elif trainer.strategy.root_device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


class KeptMemory:
    """The largest number of bytes that autograd keeps at one time, each storage once.

    Attributes:
        peak: in bytes.
    """

    def __init__(self) -> None:
        self.peak = self._now = 0
        self._holders: dict[int, int] = {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Context in which they are counted."""
        with torch.autograd.graph.saved_tensors_hooks(self._pack, lambda kept: kept.tensor):
            yield

    def _pack(self, tensor: Tensor) -> KeptTensor:
        kept = KeptTensor(tensor)
        storage = tensor.untyped_storage()
        key, size = storage.data_ptr(), storage.nbytes()
        self._holders[key] = self._holders.get(key, 0) + 1
        if self._holders[key] == 1:
            self._now += size
            self.peak = max(self.peak, self._now)
        weakref.finalize(kept, self._release, key, size)
        return kept

    def _release(self, key: int, size: int) -> None:
        self._holders[key] -= 1
        if not self._holders[key]:
            self._now -= size


class KeptTensor:
    """A tensor that autograd keeps."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class SmallStep(NamedTuple):
    """A first step of few images.

    Attributes:
        memory: bytes that it takes.
        seconds: its time.
    """

    memory: int
    seconds: float


class StepTrial:
    """Tries training steps of the recipe on random images; see :data:`.Trial`.

    On a GPU the step itself is computed, and running out of memory is caught. On a CPU a process that takes too much is
    killed: there a step of at most 16 images is computed, and what autograd keeps of it, weights, gradients and Adam's
    averages give an estimate, which is compared with the memory that is free. If it fits, steps are timed, with the
    batch itself unless that would take long.

    Args:
        device: the machine.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self._computed: dict[Attempt, SmallStep] = {}

    def __call__(self, attempt: Attempt) -> Cost | None:
        """What a step takes; None if there is too little memory for it.

        Raises:
            InputError: if the networks cannot be made as asked.
        """
        if self.device.kind != "cpu":
            return self._on_gpu(attempt)
        small = attempt._replace(batch_size=min(attempt.batch_size, SMALL_BATCH))
        if small not in self._computed:
            self._computed[small] = self._compute(small)
        found = self._computed[small]
        times = attempt.batch_size / small.batch_size
        weights = self._weights(attempt)
        memory = round(weights + (found.memory - weights) * times)
        if memory > self.device.memory:
            return None
        timed = attempt if found.seconds * times <= LONG_STEP else small
        seconds = self._time(timed) * attempt.batch_size / timed.batch_size
        return Cost(memory, seconds, small.batch_size)

    def _weights(self, attempt: Attempt) -> int:
        with torch.device("meta"):
            model = make_model(attempt)
        return ADAM * sum(each.numel() * each.element_size() for each in model.parameters())

    def _compute(self, attempt: Attempt) -> SmallStep:
        kept, timer = KeptMemory(), Timer()
        with kept.counting():
            train(attempt, "cpu", 1, timer)
        return SmallStep(round(self._weights(attempt) + RESERVE * kept.peak), timer.seconds[0])

    def _time(self, attempt: Attempt) -> float:
        timer = Timer()
        train(attempt, "cpu", WARM_UP + TIMED, timer)
        return timer.mean()

    def _on_gpu(self, attempt: Attempt) -> Cost | None:
        timer, cuda = Timer(), self.device.kind == "cuda"
        try:
            if cuda:
                torch.cuda.reset_peak_memory_stats()
            train(attempt, self.device.kind, WARM_UP + TIMED, timer)
            memory = torch.cuda.max_memory_reserved() if cuda else torch.mps.driver_allocated_memory()
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and "out of memory" not in str(error).lower():
                raise
            return None
        finally:
            (torch.cuda if cuda else torch.mps).empty_cache()
        return Cost(memory, timer.mean(), attempt.batch_size) if memory <= self.device.memory else None


def make_model(attempt: Attempt) -> R3GAN:
    """The networks and the penalty of the recipe ``photos``.

    Raises:
        InputError: if the networks cannot be made as asked.
    """
    classes: dict[str, Any] = {"num_classes": attempt.num_classes or None, "conditional": attempt.num_classes > 0}
    shape = attempt.channels, attempt.size
    try:
        generator = CompactGenerator(*shape, width=attempt.widths[0], **classes)
        discriminator = CompactDiscriminator(*shape, width=attempt.widths[1], **classes)
    except ValueError as error:
        widths = f"model.generator.width is {attempt.widths[0]} and model.discriminator.width {attempt.widths[1]}"
        raise InputError(f"{widths}, where {error}") from error
    return R3GAN(
        generator,
        discriminator,
        penalty=R1R2(weight=0.05, interval=INTERVAL),
        augmentation=DiffAugment() if attempt.augmented else None,
        channels_last=True,
    )


def train(attempt: Attempt, accelerator: str, steps: int, *callbacks: L.Callback) -> None:
    """Train on random images for a few steps, without a trace in files or in the random numbers of the process."""
    with torch.random.fork_rng(devices=[]), quiet():
        images = torch.rand(attempt.batch_size, attempt.channels, *attempt.size).mul(2).sub(1)
        batch = images, torch.arange(attempt.batch_size) % max(attempt.num_classes, 1)
        trainer = L.Trainer(
            accelerator=accelerator,
            devices=1,
            max_steps=steps,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=list(callbacks),
            plugins=[LightningEnvironment()],  # also where a scheduler has started several processes
        )
        batches: Any = [batch] * steps
        trainer.fit(make_model(attempt), DataLoader(batches, batch_size=None))


def find_device(accelerator: str, processes: int) -> Device:
    """The machine that a run trains on.

    Args:
        accelerator: the trainer's, such as "auto", "cpu" or "gpu".
        processes: number of processes that share the memory of a CPU.
    """
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return Device("cuda", torch.cuda.get_device_name(), free)
    if accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        return Device("mps", "this GPU", torch.mps.recommended_max_memory())
    return Device("cpu", "this CPU", free_memory() // max(processes, 1))
