"""What a process that was killed leaves behind: no lock, and no worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from lightning_gans.callbacks.run_folder import lock_folder
from lightning_gans.core.files import Lock
from lightning_gans.datamodules import base
from lightning_gans.datamodules.folder_lock import FolderLock
from lightning_gans.runs.folder import RunFolder

fork = multiprocessing.get_context("fork")


def cache_lock(path: Path) -> FolderLock:
    lock = FolderLock(path / "lock", lambda: None)
    assert lock.acquire_at_once()
    return lock


def run_lock(path: Path) -> Any:
    return lock_folder(RunFolder(path))


@pytest.mark.parametrize("acquire", [cache_lock, run_lock])
def test_workers_do_not_hold_the_locks_of_their_process(tmp_path: Path, acquire: Callable[[Path], Lock]) -> None:
    begun, ended = fork.Event(), fork.Event()

    def work() -> None:
        begun.set()
        ended.wait()

    with closing(acquire(tmp_path)):
        worker = fork.Process(target=work)
        worker.start()
        begun.wait()
    try:
        acquire(tmp_path).close()
    finally:
        ended.set()
        worker.join()


def start_after_the_kill(worker: int) -> None:
    main = multiprocessing.parent_process()
    assert main is not None
    while os.getppid() == main.pid:
        time.sleep(0.01)
    base.start_worker(worker)


def start_a_worker_and_die(pipe: Connection) -> None:
    images: Any = DataLoader(torch.zeros(4), num_workers=1, worker_init_fn=start_after_the_kill)  # type: ignore[arg-type]
    iterator = iter(images)
    pipe.send(iterator._workers[0].pid)
    os.kill(os.getpid(), signal.SIGKILL)


def is_running(process: int) -> bool:
    """Whether a process is there, and is no zombie that nobody waits for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_worker_that_starts_when_its_process_was_killed_ends() -> None:
    ours, theirs = fork.Pipe()
    main = fork.Process(target=start_a_worker_and_die, args=(theirs,))
    main.start()
    worker = ours.recv()
    main.join()
    until = time.monotonic() + 30
    while is_running(worker) and time.monotonic() < until:
        time.sleep(0.05)
    if is_running(worker):
        os.kill(worker, signal.SIGKILL)
        pytest.fail("the worker lives on")
