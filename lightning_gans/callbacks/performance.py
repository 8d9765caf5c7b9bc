"""Options for speed (compiled networks, CUDA graphs and TensorFloat-32), and the log of the speed."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from torch import nn

from lightning_gans.components.compat import compiled_call, set_compiled_call
from lightning_gans.core.batches import count_images
from lightning_gans.core.errors import InputError
from lightning_gans.families.adversarial import Adversarial

DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


class Compilation(Callback):
    """Compiles generators and discriminators for training: the start takes longer, the steps are faster.

    Results are equal up to rounding, including dropout's random draws. Networks are compiled for training batches only.
    The moving average, evaluation and gradient penalties, which differentiate twice, run uncompiled. Checkpoints do not
    change: a run may be resumed with or without compilation.

    Args:
        networks: whether to compile the networks with ``torch.compile``.
        cuda_graphs: whether to also launch all kernels of a network at once, as CUDA graphs; implies ``networks``.
    """

    def __init__(self, networks: bool = False, cuda_graphs: bool = False) -> None:
        self.networks = networks or cuda_graphs
        self.cuda_graphs = cuda_graphs
        self._compiled: dict[nn.Module, Callable[..., Any] | None] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let the networks be compiled at their first call, when they are on their device.

        Raises:
            InputError: if the machine lacks a compiler or Python's headers.
            ValueError: if the run cannot use CUDA graphs.
        """
        if stage != "fit" or not self.networks or not isinstance(pl_module, Adversarial):
            return
        if self.cuda_graphs:
            check_cuda_graphs(trainer, pl_module)
        check_compiler()
        self._compiled = {}
        for network in (*pl_module.generators.values(), *pl_module.discriminators.values()):
            network.compile(dynamic=False, options=self._options(network))
            self._compiled[network] = compiled_call(network)
        self._use(compiled=False)
        rank_zero_info("Networks are compiled in the first batches, which often takes a minute or more.")

    def _options(self, network: nn.Module) -> dict[str, Any]:
        """Options of the compiler. The first is the mode "reduce-overhead", which excludes other options."""
        options = {"triton.cudagraphs": self.cuda_graphs, "fallback_random": True}
        if any(isinstance(module, DROPOUT) for module in network.modules()):
            # The draws are for the same units only if the memory layout is that of the uncompiled network.
            options["layout_optimization"] = False
        return options

    def _use(self, compiled: bool) -> None:
        for network, call in self._compiled.items():
            set_compiled_call(network, call if compiled else None)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Use the compiled networks; CUDA graphs may overwrite their outputs of the last batch."""
        if self.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self._use(compiled=True)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Use the uncompiled networks: evaluation would recompile them for each batch size."""
        self._use(compiled=False)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Discard what was compiled: torch keeps up to eight versions of a function and does not compile more."""
        if self._compiled:
            self._use(compiled=False)
            self._compiled = {}
            torch.compiler.reset()


def check_compiler() -> None:
    """Check that networks can be compiled here, before the first batch fails.

    Raises:
        InputError: if there is no C++ compiler where torch looks for it, or no header of Python's.
    """
    name = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which((shlex.split(name) or [name])[0]) is None:
        raise InputError(
            f"torch.compile needs the C++ compiler {name!r}, which is not on this machine; install it, or name another "
            "one in the environment variable CXX"
        )
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        raise InputError(
            f"torch.compile needs {header}, which is not on this machine; install Python's headers (python3-dev or "
            "python3-devel)"
        )


def check_cuda_graphs(trainer: Trainer, model: Adversarial) -> None:
    """Check that a run can use CUDA graphs.

    Raises:
        ValueError: if the run is not on one CUDA device, or accumulates gradients over batches.
    """
    device = trainer.strategy.root_device.type
    if device != "cuda":
        raise ValueError(f"cuda_graphs is true, but this run is on {device!r}; expected a CUDA device")
    if trainer.world_size > 1:
        raise ValueError(
            f"cuda_graphs is true, but this run has {trainer.world_size} processes; expected one process, or networks "
            "true instead"
        )
    for name, side in model.sides.items():
        if side.accumulate > 1:
            # Graphs write the gradients of each batch to the same memory.
            raise ValueError(
                f"cuda_graphs is true, but the model's accumulate_{name} is {side.accumulate}; expected 1, or networks "
                "true instead"
            )


class TF32(Callback):
    """Whether float32 convolutions and matrix products on NVIDIA GPUs may use TensorFloat-32.

    It rounds the factors to 10 bits of mantissa and is several times faster on GPUs since Ampere. It has no effect on
    other devices.

    Args:
        allow: allow it in both, or in neither; None keeps PyTorch's default, convolutions only.
    """

    def __init__(self, allow: bool | None = None) -> None:
        self.allow = allow
        self._previous: tuple[bool, bool] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set it for the process until the stage ends."""
        if self.allow is not None:
            self._previous = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.allow

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the previous setting."""
        if self._previous is not None:
            torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = self._previous
            self._previous = None


class SpeedLog(Callback):
    """Logs learning rates, images per second and memory in the steps whose losses are logged.

    ``lr/g`` and ``lr/d`` are the learning rates of the step. ``speed/images_per_second`` counts the training images of
    all processes since the last of these steps, in the time without validations; of a translation, one of each domain
    is one image. ``memory/peak_gib`` is the most memory that torch has held on the CUDA device so far; on other devices
    the most that the process has had in all.

    Lightning's ``ThroughputMonitor`` lets the host wait for the device in every step, and its ``LearningRateMonitor``
    uses other names for rates without schedules.
    """

    def __init__(self) -> None:
        self._images = 0
        self._seconds = 0.0
        self._start: float | None = None
        self._rates: dict[str, float] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start to count."""
        self._images, self._seconds, self._start = 0, 0.0, None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Start the clock if it is not running, and keep the learning rates, which schedules change after the step."""
        if self._start is None:
            self._start = time.perf_counter()
        if isinstance(pl_module, Adversarial) and pl_module.should_log:
            groups = {name: trainer.optimizers[side.optimizer].param_groups for name, side in pl_module.sides.items()}
            self._rates = {f"lr/{name}": float(each[0]["lr"]) for name, each in groups.items()}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the images, and log."""
        self._images += count_images(batch)
        if self._rates:
            self._stop_clock()
            speed = self._images * trainer.world_size / self._seconds
            memory = peak_memory(pl_module.device) / 2**30
            pl_module.log_dict({**self._rates, "speed/images_per_second": speed, "memory/peak_gib": memory})
            self._images, self._seconds, self._rates = 0, 0.0, {}

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock until the next batch."""
        self._stop_clock()

    def _stop_clock(self) -> None:
        if self._start is not None:
            self._seconds += time.perf_counter() - self._start
            self._start = None


def peak_memory(device: torch.device) -> int:
    """The most memory so far, in bytes: of torch on a CUDA device, otherwise of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # In kilobytes, but on macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
