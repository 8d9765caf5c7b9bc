"""What every test starts from: one thread, a cache of its own, no seed left over."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import torch

from tests.support.paths import SHARED_DATA

torch.set_num_threads(1)
if not torch.cuda.is_available():
    # The first backward pass starts a thread for each device, and a process with such threads cannot be forked. Before
    # the tests there are none; exports and other tests bring devices that are not real.
    torch.autograd.backward(torch.zeros(1, requires_grad=True).sum())
# In the background of a shell, as a job of CI may be, Ctrl-C is ignored, and what is started there inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a CUDA device where there is none."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    cache = str(tmp_path_factory.mktemp("cache"))
    # Restored afterwards: a rank that one test's trainer leaves behind must not reach the next test's processes.
    with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": cache, "PL_GLOBAL_SEED": "0"}):
        torch.manual_seed(0)
        yield
    # The command line sets both.
    torch.set_flush_denormal(False)
    torch.backends.cudnn.benchmark = False


@pytest.fixture
def mnist_root() -> Path:
    if not (SHARED_DATA / "MNIST" / "raw").is_dir():
        pytest.skip("the real MNIST is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def deterministic_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes back what a deterministic trainer sets for the whole process."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    yield
    torch.use_deterministic_algorithms(mode=False)


@pytest.fixture(autouse=True)
def _wandb_ends() -> Iterator[None]:
    """W&B's own process ends with the test: it would write relative paths below the folder in which it was started."""
    yield
    if "wandb" in sys.modules:
        sys.modules["wandb"].teardown()


@pytest.fixture(scope="session")
def built_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models as they ship, and the checkpoints beside their folder; no test changes them."""
    from tests.support.shipped import write_models

    return write_models(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def models(built_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of these models, which are the ones that ship with the package; the test runs beside it."""
    from lightning_gans.core import shipped_models

    shutil.copytree(built_models.parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped_models, "models_folder", lambda: tmp_path / "models")
    return tmp_path / "models"
