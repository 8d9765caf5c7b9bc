"""The folder of a tested run of a conditional GAN with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.support import checkpoint_files

CONFIG = {
    "seed_everything": 0,
    "trainer": {"max_epochs": 3, "max_steps": -1, "logger": {"init_args": {"save_dir": "/home/me/runs"}}},
    "model": {"class_path": "lightning_gans.variants.CGAN", "init_args": {"n_critic": 1, "weights": "/home/me/w"}},
    "data": {
        "class_path": "lightning_gans.datamodules.MNISTDataModule",
        "init_args": {"root": "secret-place", "size": 28},
    },
}


def score_row(value: float, **stamp: Any) -> dict[str, Any]:
    """A row of scores of a conditional GAN."""
    split = stamp.get("split", "test")
    return {
        "step": stamp.pop("step", 7),
        "epoch": 2,
        "scores": {f"{split}/fid": value, f"{split}/class_fid_3": 99.5},
        "stamp": {**checkpoint_files.STAMP, "split": "test", **stamp},
    }


def scored_run(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    """The folder of a tested run, whose score file ends with an incomplete line."""
    folder = tmp_path / "gan-mnist" / "version_0"
    checkpoint_files.latent(folder / "checkpoints" / "best.ckpt", conditional=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    lines = [json.dumps(row) for row in rows]
    (folder / "scores.jsonl").write_text("\n".join([*lines, '{"step": 7, "sco']))
    return folder
