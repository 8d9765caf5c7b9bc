"""Training from a script or a notebook, as the command line trains."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback

from lightning_gans.callbacks import RunLock, default_callbacks
from lightning_gans.callbacks.standard import screen_callbacks
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_path
from lightning_gans.datamodules.base import IndexedDataModule
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.folder import RunFolder, parse_version
from lightning_gans.runs.refused import FolderBefore

__all__ = ["train"]

RANK_ZERO = "lightning.pytorch.utilities.rank_zero"
"""Lightning's logger of what one process of several says."""

UNINFORMATIVE = re.compile(
    r"💡 Tip: .*\b(litlogger|litmodels)\b"
    r"|TPU available: False"
    r"|`Trainer\.fit` stopped: `max_(epochs|steps)=\d+` reached"
    r"|Loaded model weights from the checkpoint"
)
"""Messages of Lightning that are left out: advertisements, and what the progress or the message before says."""


def run_plugins() -> list[Any]:
    """The trainer's plugins of every run: checkpoints are written whole, and jobs are requeued between steps."""
    plugins: list[Any] = [AtomicCheckpointIO()]
    if SLURMEnvironment.detect() and not TorchElasticEnvironment.detect():
        # Lightning's own requeuing saves within a step, and can deadlock; LastCheckpoint does it between steps.
        plugins.append(SLURMEnvironment(auto_requeue=False))
    return plugins


def train(
    model: Adversarial,
    data: L.LightningDataModule,
    *,
    max_epochs: int = 10,
    save_dir: str | os.PathLike[str] = "runs",
    name: str | None = None,
    resume: str | os.PathLike[str] | None = None,
    seed: int = 0,
    callbacks: Iterable[Callback] | None = None,
    **settings: Any,
) -> RunFolder:
    """Train a model, and keep its scores, pictures and checkpoints in a run's folder, as ``lightning-gans fit`` does.

    Args:
        model: the model, which is trained in place.
        data: its images.
        max_epochs: number of epochs.
        save_dir: folder that contains the runs.
        name: folder of this kind of run in ``save_dir``; by default the model's class and the data's, in small letters.
            Each run has a folder of its own there, ``version_0`` and so on.
        resume: folder of a run to continue from its last checkpoint, in the same folder, up to ``max_epochs``.
        seed: seed of the order of images, the noise and all other random numbers of training. The initial weights
            depend on the generator of torch at the time when the model was made: call ``lightning.seed_everything``
            before.
        callbacks: :func:`.default_callbacks` by default.
        **settings: other arguments of Lightning's trainer. Without ``devices`` the run has one; several have the
            strategy :class:`.AlternatingDDP`.

    Returns:
        The run's folder; ``lightning_gans.load`` takes it.

    Raises:
        InputError: if the data does not fit the model, or ``resume`` has no checkpoint.
        RunEnded: after an interrupt, when the state is saved.
    """
    L.seed_everything(seed, verbose=False)
    checkpoint, kind, version = None, name or default_name(model, data), None
    save_dir = expand_path(save_dir, "save_dir")
    if resume is not None:
        folder = expand_path(resume, "resume").resolve()
        checkpoint = RunFolder(folder).last_checkpoint
        if not checkpoint.is_file():
            raise InputError(f"resume is {resume}, which has no {checkpoint.name}; expected the folder of a run")
        save_dir, kind, version = folder.parent.parent, folder.parent.name, parse_version(folder.name)
    chosen = {
        "logger": ResumableCSVLogger(save_dir, kind, version),
        "devices": 1,
        "num_sanity_val_steps": 0,
        "benchmark": not settings.get("deterministic"),
        **settings,
    }
    if "strategy" not in chosen and (chosen["devices"] != 1 or chosen.get("num_nodes", 1) != 1):
        chosen["strategy"] = AlternatingDDP(start_method="fork" if is_interactive() else "popen")
    chosen["callbacks"] = default_callbacks() if callbacks is None else list(callbacks)
    chosen["callbacks"] += screen_callbacks(chosen["callbacks"], chosen)
    for callback in chosen["callbacks"]:
        if isinstance(callback, RunLock):
            callback.before = FolderBefore(save_dir / kind)
    with messages_filtered():
        trainer = L.Trainer(max_epochs=max_epochs, plugins=run_plugins(), **chosen)
        if isinstance(data, IndexedDataModule):
            expect_few_workers()
        if checkpoint is not None:
            expect_checkpoints(checkpoint.parent.parent)
        trainer.fit(model, datamodule=data, ckpt_path=checkpoint)
    return RunFolder.of(trainer)


def default_name(model: Adversarial, data: L.LightningDataModule) -> str:
    """The name of the folder of a kind of run, such as "dcgan-mnist"."""
    return f"{type(model).__name__}-{type(data).__name__.removesuffix('DataModule')}".lower()


def is_interactive() -> bool:
    """Whether this is a notebook or an interactive session, which cannot be started once more for another process."""
    return hasattr(sys, "ps1") or "IPython" in sys.modules


def expect_few_workers() -> None:
    """Leave out Lightning's advice to use more loader processes: images in memory are indexed fastest by this one."""
    warnings.filterwarnings("ignore", r"The '\w+' does not have many workers")


def expect_checkpoints(folder: Path) -> None:
    """Leave out Lightning's warning that a run's folder has checkpoints, as it has where a run is resumed."""
    path = re.escape(str(Path(*RunFolder(folder).checkpoints.resolve().parts[-3:])))
    warnings.filterwarnings("ignore", rf"Checkpoint directory (.*/)?{path} exists and is not empty")


def filter_warnings() -> None:
    """Leave out messages of Lightning that are harmless here or say nothing, from now on; for a process of our own.

    A filter is for the cause that is ours: the same message from a user's code is shown.
    """
    # Lightning 2.6 uses torch's pytrees in a way that newer torch calls deprecated.
    deprecated = r"`isinstance\(treespec, LeafSpec\)` is deprecated"
    warnings.filterwarnings("ignore", deprecated, FutureWarning, module=r"lightning\.")
    # A compiled D reads the gradient of the generated images that it is given.
    not_a_leaf = r"The \.grad attribute of a Tensor that is not a leaf Tensor"
    warnings.filterwarnings("ignore", not_a_leaf, UserWarning, module=r"torch\.")
    # The table of layers counts weights of 32 bits, which are what they have in mixed precision.
    summary = r"lightning\.pytorch\.utilities\.model_summary"
    warnings.filterwarnings("ignore", r"Precision \S+-mixed is not supported by the model summary", module=summary)
    # The interval of the log counts steps, whatever the length of an epoch.
    short = r"The number of training batches \(\d+\) is smaller than the logging interval"
    warnings.filterwarnings("ignore", short, UserWarning, module=r"lightning\.pytorch\.loops")
    logging.getLogger(RANK_ZERO).addFilter(is_informative)


def is_informative(record: logging.LogRecord) -> bool:
    """Whether a log record of Lightning is neither an advertisement nor what a run says itself."""
    return not UNINFORMATIVE.match(record.getMessage())


@contextmanager
def messages_filtered() -> Iterator[None]:
    """Context in which the messages of :func:`filter_warnings` are left out; for the process of a script."""
    with warnings.catch_warnings():
        filter_warnings()
        try:
            yield
        finally:
            logging.getLogger(RANK_ZERO).removeFilter(is_informative)
