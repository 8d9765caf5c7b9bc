"""How many files a reader visits who follows one training batch: ``python benchmarks/files_of_a_batch.py [CONFIG]``.

Trains CONFIG (dcgan/mnist by default) for a few batches on made-up digits through the real command line, and follows
the calls of one batch between files of this project. A change is a call into another file than that of the call before.
Prints the files of the batch and the number of changes, and the changes inside ``training_step``.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

import lightning_gans
from lightning_gans.__main__ import main

PACKAGE = Path(lightning_gans.__file__).parent
sys.path.insert(0, str(Path(__file__).parent))

BATCH = 50
"""The batch that is followed: one whose scalars are logged, without first-time set-up."""


class Followed:
    """The calls of one batch, by file."""

    def __init__(self) -> None:
        self.batch: list[str] = []
        self.step: list[str] = []
        self._depth = 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """A call or a return anywhere, as :func:`sys.setprofile` reports it."""
        path = frame.f_code.co_filename
        if event not in ("call", "return") or not path.startswith(f"{PACKAGE}/"):
            return
        inside = frame.f_code.co_name == "training_step"
        if event == "return":
            self._depth -= inside
            return
        self._depth += inside
        name = str(Path(path).relative_to(PACKAGE.parent))
        self.batch.append(name)
        if self._depth:
            self.step.append(name)


def changes(files: list[str]) -> int:
    """How often a call goes into another file than the call before."""
    return sum(before != now for before, now in pairwise(files))


FOLLOWED = Followed()


class Follow(Callback):
    """Follows batch number BATCH, from the end of the one before to its own end."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *arguments: Any) -> None:
        """Start and stop."""
        if trainer.global_step == BATCH - 1:
            sys.setprofile(FOLLOWED)
        elif trainer.global_step == BATCH:
            sys.setprofile(None)


def follow(config: str) -> Followed:
    """Train, and follow one batch."""
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["lightning-gans", "fit", "--config", config, "--data", "speed.many_digits.ManyDigitsDataModule"]
        sys.argv += [
            "--trainer.max_steps",
            str(BATCH + 2),
            "--trainer.limit_val_batches",
            "0",
            "--data.batch_size",
            "8",
        ]
        sys.argv += ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
        sys.argv += ["--trainer.logger.save_dir", folder, "--evaluation.extractor", "null"]
        sys.argv += ["--trainer.callbacks", f"{Path(__file__).stem}.Follow"]
        main()
    return FOLLOWED


if __name__ == "__main__":
    # The parser imports this file by its name, and that module has the callback.
    followed = importlib.import_module(Path(__file__).stem).follow(sys.argv[1] if len(sys.argv) > 1 else "dcgan/mnist")
    for name in dict.fromkeys(followed.batch):
        print(f"  {name}")
    print(f"files of a batch: {len(set(followed.batch))}; changes of file: {changes(followed.batch)}")
    print(f"inside training_step: {len(set(followed.step))} files, {changes(followed.step)} changes")
