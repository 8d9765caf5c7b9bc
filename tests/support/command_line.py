"""Arguments that make runs of the command line short, and their scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SMALL = ["--model.generator.width", "2", "--model.discriminator.width", "2", "--data.batch_size", "256"]
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
FEW = [f"--trainer.limit_{split}_batches=2" for split in ("val", "test", "predict")]
SHORT = [*SMALL, *QUIET, "--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1"]
SHORT += ["--data.eval_batch_size", "100", *FEW]
"""``dcgan/digits`` in 14 steps, with scores of 200 images twice."""


def scores(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
