"""Random changes of checkpoints, exported folders and safetensors files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_changed_model_runs_code_or_needs_memory_or_ends_in_a_traceback(seed: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fuzz_models", str(tmp_path), str(seed), "300"],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["failures"] == []
    assert result["megabytes"] < 500
    assert min(result["cases"][outcome] for outcome in ("read", "refused")) > 100
