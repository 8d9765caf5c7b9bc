"""Compiled networks."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from lightning_gans.core.errors import InputError
from lightning_gans.families.adversarial import Adversarial


class Compilation(Callback):
    """Compiles generators and discriminators for training: a start that takes longer, then faster steps.

    What is computed stays the same up to rounding, dropout's draws included. Networks are compiled for training batches
    only. Averages, evaluation and gradient penalties, which differentiate twice, run as without it. Checkpoints are the
    same, so that a run may go on with it or without.

    Args:
        networks: compile them by ``torch.compile``.
        cuda_graphs: also launch all kernels of a network at once, as CUDA graphs; implies ``networks``.
    """

    def __init__(self, networks: bool = False, cuda_graphs: bool = False) -> None:
        self.networks = networks or cuda_graphs
        self.cuda_graphs = cuda_graphs
        self._compiled: dict[nn.Module, Callable[..., Any] | None] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Have the networks compiled when they are first called, by when they are on their device.

        Raises:
            InputError: if the machine lacks something, or the run is one that CUDA graphs are not for.
        """
        if stage != "fit" or not self.networks or not isinstance(pl_module, Adversarial):
            return
        if self.cuda_graphs:
            check_graphs(trainer, pl_module)
        check_compiler()
        self._compiled = {}
        for network in (*pl_module.generators.values(), *pl_module.discriminators.values()):
            network.compile(dynamic=False, options=self._options(network))
            self._compiled[network] = network._compiled_call_impl
        self._use(compiled=False)
        rank_zero_info("The first batches take longer, often a minute or more: networks are compiled in them.")

    def _options(self, network: nn.Module) -> dict[str, Any]:
        """For the compiler; its mode "reduce-overhead" would be the same as the first, but a mode excludes others."""
        options = {"triton.cudagraphs": self.cuda_graphs, "fallback_random": True}
        if any(isinstance(module, _DropoutNd) for module in network.modules()):
            # The same draws are for the same units only if these lie in memory as they do without compilation.
            options["layout_optimization"] = False
        return options

    def _use(self, compiled: bool) -> None:
        for network, call in self._compiled.items():
            network._compiled_call_impl = call if compiled else None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Use the compiled networks; let graphs overwrite what they gave in the last batch."""
        if self.cuda_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self._use(compiled=True)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Use the networks as they are: evaluation would compile them anew for each size of its batches."""
        self._use(compiled=False)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget what was compiled: torch keeps eight versions of a function, then gives up on others."""
        if self._compiled:
            self._use(compiled=False)
            self._compiled = {}
            torch.compiler.reset()


def check_compiler() -> None:
    """Refuse to start where the first batch would fail.

    Raises:
        InputError: if there is no C++ compiler where torch looks for it, or no header of Python's.
    """
    name = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which((shlex.split(name) or [name])[0]) is None:
        raise InputError(
            f"compile needs the C++ compiler {name!r}, which is not on this machine; expected it, or the name of "
            "another in the environment variable CXX"
        )
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        raise InputError(
            f"compile needs {header}, which is not on this machine; expected Python's headers (python3-dev or "
            "python3-devel)"
        )


def check_graphs(trainer: Trainer, model: Adversarial) -> None:
    """Refuse what CUDA graphs cannot do.

    Raises:
        InputError: if the run is not on one CUDA device, or keeps gradients from one batch to the next.
    """
    device = trainer.strategy.root_device.type
    if device != "cuda":
        raise InputError(f"compile.cuda_graphs is true, but this run is on {device!r}; expected a CUDA device")
    if trainer.world_size > 1:
        raise InputError(
            f"compile.cuda_graphs is true, but this run has {trainer.world_size} processes; expected one, or "
            "compile.networks alone"
        )
    for name, side in model.sides.items():
        if side.accumulate > 1:
            # Graphs write each batch's gradients to the same place.
            raise InputError(
                f"compile.cuda_graphs is true, but model.accumulate_{name} is {side.accumulate}; expected 1, or "
                "compile.networks alone"
            )
