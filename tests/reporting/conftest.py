"""Run folders for the table of results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stamps import stamp_dict

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Write a run's folder as ``fit`` and ``test`` leave it; further keys are dotted settings."""
    monkeypatch.chdir(tmp_path)

    def call(
        name: str,
        seed: int,
        scores: dict[str, float] | None = None,
        stamp: dict[str, Any] | None = None,
        config: str = "config.yaml",
        **settings: Any,
    ) -> Path:
        folder = Path("runs", *name.split("/"))
        folder.mkdir(parents=True, exist_ok=True)
        data = {"root": f"data-{seed}", "download": bool(seed), "num_workers": seed, "batch_size": 8}
        content: dict[str, Any] = {
            "seed_everything": seed,
            "trainer": {"max_epochs": 10, "max_steps": -1, "precision": None, "enable_progress_bar": bool(seed)},
            "model": {"class_path": "lightning_gans.variants.DCGAN", "init_args": {"saturating": False}},
            "data": {"class_path": "lightning_gans.datamodules.MNISTDataModule", "init_args": data},
            "ema": {"decay": 0.999},
        }
        for key, value in settings.items():
            *path, last = key.split("__")
            node = content
            for part in path:
                node = node[part]
            node[last] = value
        (folder / config).write_text(yaml.safe_dump(content))
        measured = stamp_dict(seed=seed) | (stamp or {})
        rows = [score_row({"val/fid": 50.0}, {**measured, "split": "val", "real": 7})]
        rows += [score_row(scores, measured)] if scores else []
        (folder / "scores.jsonl").write_text("".join(rows))
        return folder

    return call


def score_row(scores: dict[str, float], stamp: dict[str, Any]) -> str:
    return json.dumps({"step": 70, "epoch": 7, "scores": scores, "stamp": stamp}) + "\n"
