"""Whether a change of the code changes what runs compute: 20 steps of every shipped config, seed 0, on small data.

``python benchmarks/fingerprints.py record FILE`` trains each config of this checkout through the real command line and
keeps the SHA-256 of its final weights and of its logged scalars; the values themselves lie beside FILE.
``python benchmarks/fingerprints.py compare BEFORE NOW`` prints a Markdown table of both; exit status 1 if a run differs
by more than 1e-6. About 6 minutes on two cores. ``--only dcgan/mnist,r3gan/mnist --sgd`` trains those with SGD, which
tells rounding from a change: Adam moves a weight whose gradient is 0 but for rounding by the whole learning rate.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

from lightning_gans.runs.folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]

TOLERANCE = 1e-6

RUN = """
import sys
import numpy as np, torchvision
class CIFAR10:  # the original checks its files' published sums
    def __init__(self, root, train=True, download=False, **kwargs):
        self.data = np.random.default_rng(int(train)).integers(0, 256, (400, 32, 32, 3), dtype=np.uint8)
        self.targets = list(range(10)) * 40
torchvision.datasets.CIFAR10 = CIFAR10
from lightning_gans.__main__ import main
main()
"""

COMMON = [
    *("--trainer.max_steps", "20", "--trainer.log_every_n_steps", "1", "--trainer.limit_val_batches", "0"),
    *("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"),
    *(
        "--evaluation.extractor",
        "null",
        "--trainer.accelerator",
        "cpu",
        "--seed_everything",
        "0",
        "--data.num_workers",
        "0",
    ),
    *("--trainer.logger", "ResumableCSVLogger", "--trainer.logger.name", "run", "--trainer.logger.version", "0"),
]
"""Added to every command; validation is left out, since its extractors are no part of a step."""

FOLDERS = ("MNISTDataModule", "StackedMNISTDataModule")


def make_data(folder: Path) -> None:
    """Made-up data in the layouts of MNIST, an image folder and the authors' archives."""
    rng = np.random.default_rng(0)
    raw = folder / "mnist" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 600), ("t10k", 100)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        for kind, values in (("images-idx3", images), ("labels-idx1", (np.arange(count) % 10).astype(np.uint8))):
            header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
            (raw / f"{prefix}-{kind}-ubyte").write_bytes(header + values.tobytes())
    pictures = folder / "pictures"
    pictures.mkdir()
    for index in range(120):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(pictures / f"{index}.png")

    def write(path: Path, width: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (4, 8, 3), dtype=np.uint8))
        small.resize((width, 256), Image.Resampling.BICUBIC).save(path.with_suffix(".jpg"))

    for name in ("facades", "maps", "cityscapes", "edges2shoes"):
        for split in ("train", "val", "test"):
            for index in range(6):
                write(folder / "pairs" / name / split / str(index), 512)
    for name in ("horse2zebra", "maps"):
        for split in ("trainA", "trainB", "testA", "testB"):
            for index in range(60):
                write(folder / "domains" / name / split / f"n{index:08d}", 256)


def class_name(node: object, folder: Path) -> str:
    """The class of a config's entry: a name, a block with class_path, or the path of another file."""
    if isinstance(node, str) and node.endswith(".yaml"):
        node = yaml.safe_load((folder / node).read_text())
        node = node.get("data", node) if isinstance(node, dict) else node
    if isinstance(node, dict):
        node = node["class_path"]
    return str(node).rpartition(".")[2]


def arguments_for(config: Path, data: Path) -> list[str]:
    """What makes a config small."""
    module = class_name(yaml.safe_load(config.read_text())["data"], config.parent)
    small = ["--data.batch_size", "8"]
    if module in FOLDERS:
        small += ["--data.root", str(data / "mnist"), "--data.val_size", "40"]
    if module == "StackedMNISTDataModule":
        small += ["--data.train_size", "400"]
    if module == "CIFAR10DataModule":
        small += ["--data.root", str(data), "--data.val_size", "40"]
        small += ["--model.generator.width", "8", "--model.discriminator.width", "8"]
    if module == "ImageFolderDataModule":
        small += ["--data.root", str(data / "pictures"), "--data.val_size", "20"]
    if config.parent.name in ("pix2pix", "cyclegan"):
        small = ["--data.batch_size", "1", "--model.generator.width", "4", "--model.discriminator.width", "4"]
    if module == "SyntheticFacadesDataModule":
        small += ["--data.train_size", "40", "--data.val_size", "4"]
    if module == "PairedImageDataModule":
        small += ["--data.root", str(data / "pairs")]
    if module == "UnpairedImageDataModule":
        small += ["--data.root", str(data / "domains")]
    return small


def train(config: Path, data: Path, folder: Path, sgd: bool) -> None:
    """Train one config for 20 steps."""
    optimizers = [f"--model.optimizer_{side}{end}" for side in "gd" for end in ("=SGD", ".lr=0.001")] if sgd else []
    settings = [*COMMON, *optimizers, "--trainer.logger.save_dir", str(folder), *arguments_for(config, data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", RUN, "fit", "--config", str(config), *settings]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(f"{config.parent.name}/{config.stem}: {done.stderr[-2000:]}")


def read(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, list[float]]]:
    """The final weights and the logged scalars of a run."""
    run = RunFolder(folder / "run" / "version_0")
    state = torch.load(run.last_checkpoint, weights_only=True)["state_dict"]
    scalars: dict[str, list[float]] = {}
    with run.metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("step", "epoch", "images_per_second"):
                    scalars.setdefault(name, []).append(float(value))
    return state, scalars


def digest(values: bytes) -> str:
    """The first 12 digits of a SHA-256."""
    return hashlib.sha256(values).hexdigest()[:12]


def record(path: Path, only: list[str], sgd: bool) -> int:
    """Train configs, all if ``only`` is empty, and write their weights and scalars."""
    folders = sorted((ROOT / "configs").glob("*/*.yaml"))
    configs = [config for config in folders if "model" in (yaml.safe_load(config.read_text()) or {})]
    configs = [config for config in configs if config.parent.name not in ("sweeps", "data")]
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        data = Path(name)
        make_data(data)
        runs = {f"{config.parent.name}/{config.stem}": config for config in configs}
        runs = {run: config for run, config in runs.items() if not only or run in only}
        for run in runs:
            (data / "runs" / run).mkdir(parents=True)
        list(pool.map(lambda run: train(runs[run], data, data / "runs" / run, sgd), runs))
        results = {run: read(data / "runs" / run) for run in runs}
    torch.save({run: state for run, (state, _) in results.items()}, path.with_suffix(".pt"))
    table = {
        run: {
            "weights": digest(b"".join(value.contiguous().numpy().tobytes() for value in state.values())),
            "logs": digest(json.dumps(list(scalars.values())).encode()),
            "scalars": scalars,
        }
        for run, (state, scalars) in results.items()
    }
    path.write_text(json.dumps(table, indent=1))
    print(f"{len(table)} runs: {path}")
    return 0


BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
"""Statistics of batch normalization, which are compared apart from the weights."""


def largest_difference(before: dict[str, torch.Tensor], now: dict[str, torch.Tensor], buffers: bool) -> float:
    """The largest difference of weights, or of statistics; by name, or by place where names have changed."""
    if before.keys() != now.keys() and len(before) == len(now):
        now = dict(zip(before, now.values(), strict=True))
    if before.keys() != now.keys() or any(before[name].shape != now[name].shape for name in before):
        return float("inf")
    names = [name for name in before if name.endswith(BUFFERS) == buffers and before[name].numel()]
    return max((float((before[name].double() - now[name].double()).abs().max()) for name in names), default=0.0)


def compare(before_path: Path, now_path: Path) -> int:
    """Print both records beside each other; 1 if they differ."""
    before, now = (json.loads(path.read_text()) for path in (before_path, now_path))
    weights = [torch.load(path.with_suffix(".pt"), weights_only=True) for path in (before_path, now_path)]
    failed = False
    print("| config | weights before | now | largest difference | of batch norm statistics | logged scalars |")
    print("| --- | --- | --- | --- | --- | --- |")
    for run, was in before.items():
        if run not in now:
            print(f"| {run} | {was['weights']} | - | not there now | | |")
            continue
        given = now[run]
        difference, statistics = (largest_difference(weights[0][run], weights[1][run], kind) for kind in (False, True))
        lists = [given["scalars"].get(name) for name in was["scalars"]]
        renamed = [name for name, values in zip(was["scalars"], lists, strict=True) if values is None]
        gap = max((abs(a - b) for name, values in zip(was["scalars"], lists, strict=True) if values is not None
                   for a, b in zip(was["scalars"][name], values, strict=False)), default=0.0)  # fmt: skip
        logs = f"differ by {gap:.1e}" if gap else "equal"
        logs += f"; gone: {', '.join(renamed)}" if renamed else ""
        failed |= difference > TOLERANCE
        print(f"| {run} | {was['weights']} | {given['weights']} | {difference:.1e} | {statistics:.1e} | {logs} |")
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="configs, separated by commas")
    parser.add_argument("--sgd", action="store_true", help="train with SGD")
    given = parser.parse_args()
    if given.action == "compare":
        sys.exit(compare(*given.files))
    sys.exit(record(given.files[0], given.only, given.sgd))
