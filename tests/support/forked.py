"""Functions on several forked processes, which start at once since everything is imported already."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import start_processes

PROCESSES = 2


def on_two_processes(function: Callable[[], Any], folder: Path) -> list[Any]:
    """The results of ``function`` on two processes that Lightning joins to one run, by rank.

    Args:
        function: uses ``L.Trainer(devices=2)``, or the ranks in the environment; its result can be saved by PyTorch.
        folder: an empty folder for the results.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    start_processes(_run, args=(function, folder, port), nprocs=PROCESSES, start_method="fork")  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


def _run(rank: int, function: Callable[[], Any], folder: Path, port: int) -> None:
    os.environ.update(LOCAL_RANK=str(rank), NODE_RANK="0", RANK=str(rank), WORLD_SIZE=str(PROCESSES))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    torch.save(function(), folder / f"{rank}.pt")
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
