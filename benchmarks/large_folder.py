"""Start, memory and throughput of a large folder of images: ``python benchmarks/large_folder.py FOLDER [--count N]``.

Writes N (200,000) images of 32 pixels in ten class folders into FOLDER/images, unless they are there, and measures in
processes of their own the data module with all images in memory, with a cache that it must build, and with that cache
at a later start: the seconds from the listing to the first batch, the private memory that it adds (what is mapped from
files is not private: the system takes it back when it needs it), the images per second of an epoch of batches of 64,
and the longest time that a step of 20 ms waits for its batch. Delete FOLDER afterwards.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE, BATCH, STEP, STEPS = 32, 64, 0.02, 500
KINDS = ("in memory", "cache, built", "cache, later")


def write_images(root: Path, count: int) -> None:
    """Write ``count`` smooth random images; 2,000 of them differ."""
    random = np.random.default_rng(0)
    contents = []
    for _ in range(2000):
        file = io.BytesIO()
        colors = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(colors).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "PNG")
        contents.append(file.getvalue())
    for index in range(count):
        folder = root / f"{index * 10 // count:02d}"
        if index * 10 % count < 10:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:06d}.png").write_bytes(contents[index % len(contents)])


def private_megabytes() -> float:
    """Private memory of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000


def measure(root: Path, cache: Path, kind: str) -> dict[str, float]:
    """The measurements of one kind, in this process."""
    from lightning_gans.datamodules import ImageFolderDataModule

    memory = 1e9 if kind == "in memory" else 0
    before, begin = private_megabytes(), time.perf_counter()
    data = ImageFolderDataModule(root, size=SIDE, batch_size=BATCH, memory_gb=memory, cache_dir=cache)
    listed = time.perf_counter() - begin
    data.setup("fit")
    batches = iter(data.train_dataloader())
    next(batches)
    found = {"listing s": listed, "start s": time.perf_counter() - begin}
    found["memory MB"] = private_megabytes() - before
    begin, images = time.perf_counter(), 0
    for batch in data.train_dataloader():
        images += len(batch.images)
    found["images / s"] = images / (time.perf_counter() - begin)
    found["memory after an epoch MB"] = private_megabytes() - before
    waits = []
    for _ in range(STEPS):
        time.sleep(STEP)
        begin = time.perf_counter()
        next(batches)
        waits.append(time.perf_counter() - begin)
    found["mean wait ms"], found["longest wait ms"] = 1e3 * sum(waits) / STEPS, 1e3 * max(waits)
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    root, cache = options.folder / "images", options.folder / "cache"
    if options.one is not None:
        print(json.dumps(measure(root, cache, options.one)))
        return
    if not root.exists():
        write_images(root, options.count)
    for kind in options.kinds:
        command = [sys.executable, __file__, str(options.folder), "--one", kind]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{kind}: " + ", ".join(f"{name} {value:,.1f}" for name, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
