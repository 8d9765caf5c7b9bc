"""Run folders as ``fit`` writes them, of tiny networks with random weights."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.support import checkpoint_files

STEPS = (5, 10, 15)


def latent_run(folder: Path, conditional: bool = True) -> Path:
    """One of a model from noise."""
    checkpoint_files.latent(folder / "checkpoints" / "best.ckpt", conditional)
    return with_logs(folder, [""])


def translation_run(folder: Path) -> Path:
    """One of a CycleGAN, from gray to colors and back, at 32 pixels."""
    checkpoint_files.both_ways(folder / "checkpoints" / "best.ckpt")
    return with_logs(folder, ["-a", "-b"])


PALETTE = {"sky": (170, 0, 255), "wall": (0, 0, 255), "roof": (255, 0, 0)}


def named_run(folder: Path) -> Path:
    """One of a CycleGAN between gray photos and label maps, with examples of both."""
    names = {"domains": {"a": "photo", "b": "labels"}, "palettes": {"b": PALETTE}, "data_name": "houses"}
    checkpoint_files.both_ways(folder / "checkpoints" / "best.ckpt", **names)
    with_logs(folder, ["-a", "-b"])
    for number in (1, 2):
        Image.new("L", (32, 32), 60 * number).save(folder / "samples" / f"example-a-{number}.png")
        Image.new("RGB", (32, 32), list(PALETTE.values())[number]).save(folder / "samples" / f"example-b-{number}.png")
    return folder


def with_logs(folder: Path, domains: list[str]) -> Path:
    """A folder with curves, scores, and grids that differ."""
    rows = [f"{step - 1},{step // 5},{1 / step},{step / 3}" for step in STEPS]
    (folder / "metrics.csv").write_text("\n".join(["step,epoch,loss/d,loss/g", *rows, "19,"]) + "\n")
    row = {"step": 15, "epoch": 3, "scores": {"test/fid": 4.25}, "stamp": checkpoint_files.STAMP}
    (folder / "scores.jsonl").write_text(json.dumps(row) + '\n{"step": 1')
    (folder / "samples").mkdir()
    for epoch, step in enumerate(STEPS, start=1):
        for index, domain in enumerate(domains):
            picture = Image.new("RGB", (40, 30), (80 * epoch, 100 * index, 0))
            picture.save(folder / "samples" / f"epoch-{epoch:03d}-step-{step:07d}{domain}.png")
    (folder / "samples" / "test-epoch-003-step-0000015.png").write_bytes(b"")
    return folder
