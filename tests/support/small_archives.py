"""The archives of pix2pix and CycleGAN in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def small_archives(folder: Path) -> Path:
    """Unpacked archives of pix2pix and CycleGAN in their exact layouts, with a few made-up images."""
    rng = np.random.default_rng(0)

    def write(path: Path, width: int, height: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Smooth, as pictures are: noise in JPEG would be slow.
        small = Image.fromarray(rng.integers(0, 256, (4, 8, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(path, quality=90)

    layouts = {"facades": ("train", "val", "test"), "maps": ("train", "val"), "cityscapes": ("train", "val")}
    for name, splits in {**layouts, "edges2shoes": ("train", "val")}.items():
        side = 600 if name == "maps" else 256
        for split in splits:
            for index in range(1, 5):
                write(folder / "pix2pix" / name / split / f"{index}.jpg", 2 * side, side)
    for name, (first, second) in {"horse2zebra": (55, 54), "maps": (53, 53)}.items():
        for split, count in (("trainA", first), ("trainB", second), ("testA", 3), ("testB", 2)):
            for index in range(count):
                write(folder / "cyclegan" / name / split / f"n{index:08d}.jpg", 256, 256)
    return folder
