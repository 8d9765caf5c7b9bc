"""Each row of the table in docs/faults.md, in this process: what is lost, what is said, and how the run goes on."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lightning_gans.callbacks import EMA, LastCheckpoint, Watchdog
from lightning_gans.callbacks.run_folder import RunLock
from lightning_gans.callbacks.watchdog import Diverged
from lightning_gans.cli.ckpt_path import newest_readable_checkpoint
from lightning_gans.cli.end_messages import explain_known_failure
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.datamodules import PairedImageDataModule
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from tests.support.image_trees import side_by_side
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import SIZE, tiny_pix2pix

STEPS_PER_EPOCH, EPOCHS, CUT = 5, 3, 8


class At(Callback):
    """Does something once, before batch ``step``."""

    def __init__(self, step: int, what: Callable[[], Any]) -> None:
        self.step, self.what = step, what

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            self.what()


def fit(folder: Path, *callbacks: Callback, every_n_steps: int = 0, workers: int = 0, resume: bool = False) -> Any:
    last = folder / "checkpoints" / "last.ckpt"
    keep = [Watchdog(), EMA(0.9), LastCheckpoint(every_n_steps)]
    trainer = tiny_trainer(folder, max_epochs=EPOCHS, callbacks=[*callbacks, *keep])
    model = tiny_dcgan()
    trainer.fit(model, TinyData(num_workers=workers), ckpt_path=last if resume else None)
    return model.state_dict()


def step_of(folder: Path) -> int:
    return int(torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"])


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert not [key for key in one if not torch.equal(one[key], other[key])]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = fit(tmp_path_factory.mktemp("undisturbed"))
    return weights


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_signal_loses_nothing(
    tmp_path: Path,
    undisturbed: dict[str, Tensor],
    number: signal.Signals,
    workers: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def send() -> None:
        for process in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
            assert process is not None
            os.kill(process, number)  # as a scheduler does, and a terminal

    before = signal.getsignal(number)
    with pytest.raises(
        RunEnded, match=rf"{number.name} after step {CUT + 1}, saved in .*last\.ckpt; resume with"
    ) as ended:
        fit(tmp_path, At(CUT, send), workers=workers)
    assert ended.value.status == 128 + number
    assert f"{number.name}: the run will end" in capfd.readouterr().err
    assert step_of(tmp_path) == CUT + 1
    assert signal.getsignal(number) == before
    assert_equal(fit(tmp_path, resume=True, workers=workers), undisturbed)


def test_a_second_ctrl_c_ends_at_once_and_keeps_what_was_saved(tmp_path: Path, undisturbed: dict[str, Tensor]) -> None:
    def send() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(SystemExit):
        fit(tmp_path, At(CUT, send), every_n_steps=3)
    assert step_of(tmp_path) == 6
    assert_equal(fit(tmp_path, resume=True), undisturbed)


@pytest.mark.parametrize("fails", [False, True])
def test_a_warned_slurm_job_goes_back_into_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    commands: list[list[str]] = []

    def scontrol(command: list[str], **kwargs: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, int(fails), stderr="Access denied\n")

    monkeypatch.setattr(subprocess, "run", scontrol)
    monkeypatch.setattr("lightning_gans.callbacks.checkpoints.slurm_job", lambda: "12_3")
    with pytest.raises(RunEnded) as ended:
        fit(tmp_path, At(CUT, lambda: os.kill(os.getpid(), signal.SIGUSR1)))
    assert ["scontrol", "requeue", "12_3"] in commands
    expected = "could not be requeued (Access denied)" if fails else "job 12_3 is requeued"
    assert expected in str(ended.value)
    assert ended.value.status == (128 + signal.SIGUSR1 if fails else 0)


def test_a_signal_in_an_epochs_last_step_or_in_validation_loses_no_score(tmp_path: Path) -> None:
    class Validated(Callback):
        def __init__(self) -> None:
            self.steps: list[int] = []

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            self.steps.append(trainer.global_step)

    class InValidation(Callback):
        def on_validation_batch_start(self, trainer: Any, *args: Any) -> None:
            if trainer.global_step == 10:
                os.kill(os.getpid(), signal.SIGTERM)

    seen = Validated()
    with pytest.raises(RunEnded, match="after step 5,"):
        fit(tmp_path, seen, At(4, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(RunEnded, match="after step 10,"):
        fit(tmp_path, seen, InValidation(), resume=True)
    fit(tmp_path, seen, resume=True)
    assert seen.steps == [5, 10, 15]


# Disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_keeps_the_checkpoint_that_is_there(small_disk: Path, undisturbed: dict[str, Tensor]) -> None:
    filler = small_disk / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    with pytest.raises(RunEnded, match=r"last\.ckpt cannot be written \(No space left.*the earlier one is kept"):
        fit(small_disk, At(CUT, fill), every_n_steps=3)
    assert step_of(small_disk) == 6
    assert [path.name for path in (small_disk / "checkpoints").iterdir()] == ["last.ckpt"]
    filler.unlink()
    assert_equal(fit(small_disk, resume=True), undisturbed)


def test_a_run_whose_folder_is_put_back_is_resumed(tmp_path: Path, undisturbed: dict[str, Tensor]) -> None:
    folder = tmp_path / "run"
    with pytest.raises(RunEnded, match=r"run was renamed or removed"):
        fit(folder, RunLock(), At(CUT, lambda: folder.rename(tmp_path / "elsewhere")), every_n_steps=3)
    (tmp_path / "elsewhere").rename(folder)
    assert step_of(folder) == 6
    assert_equal(fit(folder, resume=True), undisturbed)


def test_checkpoints_do_not_pass_through_tmpdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    moved: list[tuple[Path, Path]] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        moved.append((self, target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    io, path = AtomicCheckpointIO(), tmp_path / "checkpoints" / "last.ckpt"
    io.save_checkpoint({"state_dict": {}, "global_step": 3, "epoch": 0, "loops": {}}, path)
    assert io.load_checkpoint(path)["global_step"] == 3
    assert [source.parent for source, _ in moved] == [path.parent]


# Checkpoints


@pytest.mark.parametrize("kind", ["truncated", "empty", "foreign", "bit"])
def test_of_a_bad_last_checkpoint_the_newest_good_one_takes_the_place(
    tmp_path: Path, undisturbed: dict[str, Tensor], kind: str
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(RunEnded):
        fit(folder, At(CUT, lambda: os.kill(os.getpid(), signal.SIGTERM)), every_n_steps=3)
    last, best = folder / "checkpoints" / "last.ckpt", folder / "checkpoints" / "best.ckpt"
    content = last.read_bytes()
    best.write_bytes(content)
    if kind == "foreign":
        torch.save({"model": torch.ones(3)}, last)
    else:
        weights = max(torch.load(last, weights_only=True)["state_dict"].values(), key=torch.Tensor.numel)
        place = content.index(weights.numpy().tobytes())  # elsewhere it may be padding
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        last.write_bytes({"truncated": content[:-1000], "empty": b"", "bit": changed}[kind])
    with pytest.warns(UserWarning, match=rf"ckpt_path is {last}, which .* is used instead: {best}, of step {CUT + 1}"):
        assert newest_readable_checkpoint(last) == best
    best.rename(last)
    assert_equal(fit(folder, resume=True), undisturbed)
    last.write_bytes(b"")
    with pytest.raises(InputError, match=r"cannot be read as a checkpoint.*no other checkpoint in .* can be read"):
        newest_readable_checkpoint(last)


# Data


def test_a_loaders_process_that_dies_is_named(tmp_path: Path, undisturbed: dict[str, Tensor]) -> None:
    def kill() -> None:
        for worker in multiprocessing.active_children():
            worker.kill()
            worker.join()

    with pytest.raises(RuntimeError) as error:
        fit(tmp_path, At(CUT, kill), every_n_steps=3, workers=1)
    ended = explain_known_failure(error.value)
    assert ended is not None
    assert "DataLoader worker (pid" in str(ended)
    assert re.search(r"; resume with: trainer\.fit\(model, data, ckpt_path='.*/checkpoints/last\.ckpt'\)$", str(ended))
    assert_equal(fit(tmp_path, resume=True, workers=1), undisturbed)


@pytest.mark.parametrize("kind", ["vanished", "corrupted", "replaced"])
def test_an_image_that_goes_bad_in_mid_epoch_is_named(tmp_path: Path, kind: str) -> None:
    root = side_by_side(tmp_path / "images" / "train", 14)
    originals = {path: path.read_bytes() for path in sorted(root.rglob("*.png"))}
    assert len(originals) == 14

    def spoil() -> None:
        for path in originals:
            if kind == "vanished":
                path.unlink()
            elif kind == "replaced":
                path.write_bytes(originals[min(originals)])
                os.utime(path, (0, 0))
            else:
                path.write_bytes(b"not an image")

    def train(folder: Path, *callbacks: Callback, resume: bool = False) -> Any:
        trainer = tiny_trainer(folder, max_epochs=2, callbacks=[*callbacks, EMA(0.9), LastCheckpoint(2)])
        sizes: dict[str, Any] = {
            "size": SIZE,
            "load_size": SIZE + 2,
            "batch_size": 2,
            "eval_batch_size": 2,
            "val_size": 4,
        }
        data = PairedImageDataModule(root, cache_gb=0, **sizes)
        model = tiny_pix2pix()
        trainer.fit(model, data, ckpt_path=folder / "checkpoints" / "last.ckpt" if resume else None)
        return model.state_dict()

    whole = train(tmp_path / "whole")
    with pytest.raises(InputError, match=r"train/.*\.png"):
        train(tmp_path / "cut", At(3, spoil))
    assert step_of(tmp_path / "cut") == 4
    for path, content in originals.items():
        path.write_bytes(content)
    assert_equal(train(tmp_path / "cut", resume=True), whole)


# Numbers


def test_a_weight_that_is_not_a_number_is_named_and_not_saved(tmp_path: Path, undisturbed: dict[str, Tensor]) -> None:
    class Poison(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step == CUT:
                with torch.no_grad():
                    next(pl_module.discriminator.parameters())[0, 0, 0, 0] = float("nan")

    with pytest.raises(
        Diverged, match=rf"diverged at step {CUT + 1}: loss/d is nan.*the last good checkpoint is .*last"
    ):
        fit(tmp_path, Poison(), every_n_steps=3)
    assert step_of(tmp_path) == 6
    assert_equal(fit(tmp_path, resume=True), undisturbed)


# Two runs at once


def test_runs_that_start_at_once_get_a_folder_each(tmp_path: Path) -> None:
    loggers = [ResumableCSVLogger(tmp_path, name="run") for _ in range(2)]
    stale = loggers[1]._get_next_version()
    assert loggers[0].version == 0
    versions = iter([stale, 1])  # the second has looked before the first has taken its number
    loggers[1]._get_next_version = lambda: next(versions)  # type: ignore[method-assign]
    assert loggers[1].version == 1


def test_a_second_run_in_a_folder_is_refused_while_the_first_is_under_way(tmp_path: Path) -> None:
    def second() -> None:
        with pytest.raises(InputError, match=rf"run in {tmp_path} is in progress \(process {os.getpid()} on .*version"):
            fit(tmp_path, RunLock())

    fit(tmp_path, RunLock(), At(CUT, second))
    fit(tmp_path, RunLock())  # and not after it
