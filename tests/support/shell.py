"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT


def shell(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``lightning-gans`` with these arguments and environment variables."""
    return subprocess.run(
        [sys.executable, "-m", "lightning_gans", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def imported_modules(*arguments: str) -> set[str]:
    """The modules that a command imports."""
    lines = shell(*arguments, PYTHONPROFILEIMPORTTIME="1").stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
