"""All that a test has found, in one file."""

from __future__ import annotations

import json
import time
from math import isfinite
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_gans.families.adversarial import Adversarial
from lightning_gans.runs.folder import RunFolder, writes_files
from lightning_gans.runs.provenance import current_commit, describe_machine, package_versions


class ResultsFile(Callback):
    """Writes ``results.json`` to the run's folder after a test.

    ``measurements``: scores with their stamps, as in ``scores.jsonl`` (a score that is not a number is null);
    ``config``, ``checkpoint``, ``versions``, ``commit``, ``machine``; ``test_seconds``, and ``train_seconds`` that
    training to this checkpoint took, validations included. An earlier file becomes ``results-1.json`` and so on.

    Args:
        config: the settings of this test.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self._start = 0.0
        self._known = 0

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time, and which scores are there already."""
        self._start = time.perf_counter()
        self._known = len(RunFolder.of(trainer).read_scores("skip"))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        if not trainer.is_global_zero or not writes_files(trainer):
            return
        assert isinstance(pl_module, Adversarial)
        folder = RunFolder.of(trainer)
        results = {
            "measurements": [row.as_dict() for row in folder.read_scores("skip")[self._known :]],
            "checkpoint": None if trainer.ckpt_path is None else str(trainer.ckpt_path),
            "test_seconds": round(time.perf_counter() - self._start, 3),
            "train_seconds": round(pl_module.stopwatch.seconds, 3),
            "commit": current_commit(),
            "versions": package_versions(),
            "machine": describe_machine(pl_module.device),
            "config": self.config,
        }
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.archive_results()
        folder.results.write_text(json.dumps(without_nan(results), indent=2, allow_nan=False) + "\n")


def without_nan(value: Any) -> Any:
    """Plain data with None for numbers that JSON has no words for."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
