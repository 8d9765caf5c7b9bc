"""What launchers' ends are compared with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cluster_runs import run_plainly
from tests.support.slurm import say


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the undisturbed run."""
    say("an undisturbed run with two processes, started by hand")
    return run_plainly(tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("cache"))
