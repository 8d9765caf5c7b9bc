"""Runs several implementations of a step alternately, each in its own process, so that a disturbance slows all."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from lightning_gans.cli.parser import ProcessSettings
from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.core.errors import InputError
from lightning_gans.training import filter_warnings
from speed.bare import bare
from speed.common import common
from speed.limit import Limit
from speed.parts import Parts, fit_arguments, parts

MIB = 2**20
WARM_UP = 2
"""Turns that are not measured."""


@dataclass(frozen=True)
class Way:
    """An implementation of a step.

    Attributes:
        kind: "ours" (the trainer), "bare", "common", "limit", or "feeding" (only loading batches).
        arguments: arguments of ``lightning-gans fit``.
        turn: steps of a turn.
    """

    kind: str
    arguments: tuple[str, ...]
    turn: int


@dataclass
class Measured:
    """Measurements of a way.

    Attributes:
        turns: seconds of each turn.
        start: seconds from the start of its process to its first step.
        memory: largest growth of its process during steps in MiB; on a GPU, of the allocated memory.
        flops: floating-point operations of a turn; 0 if they are not counted.
        images: images per step.
    """

    turns: list[float] = field(default_factory=list)
    start: float = 0.0
    memory: float = 0.0
    flops: int = 0
    images: int = 0


# In the process of a way.


class Conductor:
    """Waits for a turn, and reports its duration.

    Args:
        connection: connection to the main process.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._resident = 0.0

    def ready(self, device: torch.device, **facts: int) -> None:
        """Report that everything is built, with these facts."""
        self.device = device
        self.synchronize()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            Path("/proc/self/clear_refs").write_text("5")  # restarts the peak
            self._resident = resident("VmRSS")
        self._connection.send(facts)

    def wait(self) -> None:
        """Wait for a turn, which begins when this returns."""
        while self._connection.recv() == "memory":
            on_device = torch.cuda.max_memory_allocated(self.device) / MIB if self.device.type == "cuda" else None
            self._connection.send(resident("VmHWM") - self._resident if on_device is None else on_device)
        self._start = time.perf_counter()

    def over(self) -> None:
        """Report the end of the turn."""
        self.synchronize()
        self._connection.send(time.perf_counter() - self._start)

    def synchronize(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def resident(key: str) -> float:
    """Return the current (VmRSS) or largest (VmHWM) memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


class Turns(Callback):
    """Divides a trainer's epoch into turns, from the start of one step to the start of another."""

    def __init__(self, conductor: Conductor, turn: int) -> None:
        self.conductor = conductor
        self.turn = turn

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """End a turn and wait for the next one."""
        if trainer.global_step % self.turn:
            return
        if trainer.global_step:
            self.conductor.over()
        else:
            self.conductor.ready(pl_module.device, images=trainer.datamodule.batch_size)  # type: ignore[attr-defined]
        self.conductor.wait()


def through_the_trainer(way: Way, conductor: Conductor, folder: str) -> None:
    """Train like ``lightning-gans fit``, with all its callbacks and loggers."""

    class WithTurns(LightningGANsCLI):
        def instantiate_trainer(self, **kwargs: Any) -> Trainer:
            trainer = super().instantiate_trainer(**kwargs)
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
            callbacks.insert(0, Turns(conductor, way.turn))
            return trainer

    build(fit_arguments(way.arguments, folder), WithTurns)


def in_a_loop(way: Way, conductor: Conductor, folder: str) -> None:
    """Take turns without a trainer."""
    built = parts(way.arguments, folder)
    turn, flops = turn_of(way, built, folder)
    conductor.ready(built.device, flops=flops, images=built.data.batch_size)
    while True:
        conductor.wait()
        turn()
        conductor.over()


def turn_of(way: Way, built: Parts, folder: str) -> tuple[Callable[[], None], int]:
    """Return a function that takes a turn, and its floating-point operations."""
    if way.kind == "feeding":
        return partial(feed, iter(forever(built.data)), built, way.turn), 0
    loop = common(built, folder) if way.kind == "common" else bare(built)

    def turn() -> None:
        for _ in range(way.turn):
            loop.step()

    if way.kind != "limit":
        return turn, 0
    limit = Limit(turn)
    return limit.turn, limit.flops


def forever(data: Any) -> Iterator[Any]:
    """Yield training batches as the trainer gets them."""
    loader = data.train_dataloader()
    while True:
        yield from loader


def feed(batches: Iterator[Any], built: Parts, count: int) -> None:
    """Load ``count`` batches as the trainer does, without using them."""
    for _ in range(count):
        batch = move_data_to_device(next(batches), built.device)
        built.data.on_after_batch_transfer(batch, 0)


def perform(way: Way, connection: Connection, folder: str, threads: int) -> None:
    """Run a way in its process until the process is killed."""
    log = os.open(Path(folder) / "output.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    torch.set_num_threads(threads)
    if way.kind == "common":
        # Importing Lightning has set it, to the cost of each optimizer's steps; these suites do not import it.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    else:
        # As configs/base.yaml does, and whoever writes a fast loop.
        ProcessSettings(flush_denormals=True, skip_nvml_check=True).apply()
    warnings.simplefilter("ignore")
    filter_warnings()
    try:
        (through_the_trainer if way.kind == "ours" else in_a_loop)(way, Conductor(connection), folder)
    except InputError as error:
        connection.send(f"lightning-gans: error: {error}")
    except Exception:
        connection.send(traceback.format_exc())


# In the main process.


class Performer:
    """The process of a way.

    Args:
        way: the way to run.
        threads: number of torch's threads.
    """

    def __init__(self, way: Way, threads: int) -> None:
        self.measured = Measured()
        self._folder = TemporaryDirectory()
        self._connection, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        start = time.perf_counter()
        self._process = spawn.Process(target=perform, args=(way, theirs, self._folder.name, threads), daemon=True)
        self._process.start()
        facts = self._answer()
        self.measured.start = time.perf_counter() - start
        self.measured.flops, self.measured.images = facts.get("flops", 0), facts["images"]

    def _answer(self) -> Any:
        while not self._connection.poll(1):
            if not self._process.is_alive():
                sys.exit((Path(self._folder.name) / "output.txt").read_text()[-2000:])
        answer = self._connection.recv()
        if isinstance(answer, str):
            self.close()
            sys.exit(answer)
        return answer

    def turn(self, counts: bool) -> None:
        """Let the process take a turn."""
        self._connection.send("go")
        seconds = self._answer()
        if counts:
            self.measured.turns.append(seconds)

    def close(self) -> None:
        """Ask for the memory of the process and end it."""
        if self._process.is_alive() and self.measured.turns:
            self._connection.send("memory")
            self.measured.memory = self._answer()
        self._process.kill()
        self._process.join()
        self._folder.cleanup()


def by_turns(ways: dict[str, Way], rounds: int, threads: int) -> dict[str, Measured]:
    """Let all ways take equally many turns; each round begins with another way."""
    # One after the other, because each start is timed.
    performers = {name: Performer(way, threads) for name, way in ways.items()}
    names = list(performers)
    for number in range(WARM_UP + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            performers[name].turn(counts=number >= WARM_UP)
    for performer in performers.values():
        performer.close()
    return {name: performer.measured for name, performer in performers.items()}
