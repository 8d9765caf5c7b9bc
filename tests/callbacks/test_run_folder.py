from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image

import lightning_gans.callbacks.run_folder
from lightning_gans.callbacks import Curves, Evaluation, FitFile, LastCheckpoint, RunLock, SampleGrid
from lightning_gans.cli.end_messages import fit_summary
from lightning_gans.core.errors import RunEnded
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.curves import draw_curves, read_log, select_panels
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.refused import FolderBefore
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


@pytest.mark.parametrize("kind", [ResumableCSVLogger, CSVLogger])
def test_the_figure_shows_the_whole_log_at_the_end(tmp_path: Path, kind: type[CSVLogger]) -> None:
    # Nothing is written before the end but by the callback itself.
    logger = kind(tmp_path, name="run", flush_logs_every_n_steps=1000)
    trainer = tiny_trainer(tmp_path, max_epochs=2, logger=logger, callbacks=[Evaluation(), Curves()])
    trainer.fit(tiny_dcgan(), TinyData())
    folder = tmp_path / "run" / "version_0"
    with Image.open(folder / "curves.png") as picture:
        assert picture.format == "PNG"
    columns = read_log(folder / "metrics.csv")
    assert columns["loss/d"].steps == list(range(1, 11))
    assert columns["val/fid"].steps == [5, 10]
    assert {"loss of D", "loss of G", "gradient norm", "D's mean logit", "FID"} <= {
        panel.title for panel in select_panels(columns)
    }
    assert f"curves: {folder / 'curves.png'}" in fit_summary(trainer).splitlines()


def test_a_resumed_run_draws_its_first_part_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def reading(log: Path, figure: Path, title: str) -> None:
        assert title == "run/version_0: DCGAN"
        seen.append(read_log(log)["loss/d"].steps)
        draw_curves(log, figure, title)

    monkeypatch.setattr(lightning_gans.callbacks.run_folder, "draw_curves", reading)
    checkpoint = tmp_path / "run" / "version_0" / "checkpoints" / "last.ckpt"
    for epochs, source in ((1, None), (2, checkpoint)):
        logger = ResumableCSVLogger(tmp_path, name="run", version=0)
        callbacks = [LastCheckpoint(), Curves()]
        trainer = tiny_trainer(tmp_path, max_epochs=epochs, logger=logger, callbacks=callbacks)
        trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=source, weights_only=False)
    assert seen == [list(range(1, 6)), list(range(1, 11))]


def test_log_and_figure_are_in_the_runs_folder_whichever_loggers_there_are(tmp_path: Path) -> None:
    loggers = [TensorBoardLogger(tmp_path, name="first"), CSVLogger(tmp_path, name="second")]
    tiny_trainer(tmp_path, max_epochs=1, logger=loggers, callbacks=[Curves()]).fit(tiny_dcgan(), TinyData())
    first, second = tmp_path / "first" / "version_0", tmp_path / "second" / "version_0"
    assert [path.parent for path in tmp_path.rglob("curves.png")] == [first]
    assert (first / "metrics.csv").read_text() == (second / "metrics.csv").read_text()


def no_logger(folder: Path) -> dict[str, Any]:
    return {"logger": False}


def nothing_logged(folder: Path) -> dict[str, Any]:
    return {"logger": CSVLogger(folder, name="run"), "log_every_n_steps": 1000, "limit_val_batches": 0}


def fast(folder: Path) -> dict[str, Any]:
    return {"logger": CSVLogger(folder, name="run"), "fast_dev_run": 1}


@pytest.mark.parametrize("settings", [no_logger, nothing_logged, fast])
def test_without_a_log_there_is_no_figure(tmp_path: Path, settings: Any) -> None:
    trainer = tiny_trainer(tmp_path, **{"max_epochs": 1, "callbacks": [Curves()], **settings(tmp_path)})
    trainer.fit(tiny_dcgan(), TinyData())
    assert not list(tmp_path.rglob("curves.png"))
    assert "curves: " not in fit_summary(trainer)


# Folders that disappear, and devices that are full.


class At(Callback):
    """Does something before a step."""

    def __init__(self, step: int, what: Callable[[], object]) -> None:
        self.step, self.what = step, what

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            self.what()


def fit(folder: Path, step: int, what: Callable[[], object]) -> None:
    callbacks = [RunLock(), At(step, what), SampleGrid(4), LastCheckpoint(1), Curves()]
    logger = ResumableCSVLogger(folder, name="run", version=0)
    tiny_trainer(Path(), max_epochs=2, logger=logger, callbacks=callbacks).fit(tiny_dcgan(), TinyData())


@pytest.mark.parametrize("step", [2, 4, 9])
@pytest.mark.parametrize("kind", ["renamed", "removed", "replaced"])
def test_a_run_whose_folder_disappears_ends_in_one_sentence_and_writes_no_other(
    tmp_path: Path, kind: str, step: int
) -> None:
    folder = tmp_path / "run" / "version_0"

    def disappear() -> None:
        folder.rename(tmp_path / "elsewhere")
        if kind == "removed":
            shutil.rmtree(tmp_path / "elsewhere")
        if kind == "replaced":
            folder.mkdir()

    with pytest.raises(RunEnded, match=rf"the run's folder {folder} was renamed or removed .*resume with: trainer"):
        fit(tmp_path, step, disappear)
    assert not list((tmp_path / "run").rglob("*.*"))


def test_a_run_whose_working_folder_is_removed_ends_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    with pytest.raises(RunEnded, match=r"the run's folder runs/run/version_0 was renamed or removed"):
        fit(Path("runs"), 2, lambda: shutil.rmtree(working))
    assert not working.exists()


@pytest.mark.parametrize("name", ["curves.png", "timeline.gif"])
def test_a_finished_run_without_space_for_a_figure_is_finished(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.warns(UserWarning, match=rf"the run is finished, but .*{name} cannot be written \(No space left"):
        fit(tmp_path, 0, lambda: None)
    folder = tmp_path / "run" / "version_0"
    assert not list(folder.rglob(f"*{name}"))
    assert (folder / "checkpoints" / "last.ckpt").is_file()


def test_a_grid_that_a_full_disk_has_cut_is_left_out_of_the_timeline(tmp_path: Path) -> None:
    first = tmp_path / "run" / "version_0" / "samples" / "epoch-001-step-0000005.png"
    fit(tmp_path, 7, lambda: first.write_bytes(first.read_bytes()[:-30]))
    with Image.open(first.with_name("timeline.gif")) as timeline:
        assert getattr(timeline, "n_frames", 1) == 2  # those before the first step and after the last


def test_fit_records_when_and_where_it_trained(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    facts = []
    for epochs, source in ((1, None), (2, folder.last_checkpoint)):
        trainer = tiny_trainer(tmp_path, max_epochs=epochs, callbacks=[FitFile(), LastCheckpoint()])
        trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=source, weights_only=False)
        facts.append(json.loads(folder.fit_facts.read_text()))
        if source is None:
            first = {**facts[0], "started": "2026-01-02T03:04:05+00:00"}
            folder.fit_facts.write_text(json.dumps(first))
    assert facts[1]["started"] == "2026-01-02T03:04:05+00:00"
    assert facts[1]["train_seconds"] > facts[0]["train_seconds"] > 0
    assert facts[0]["machine"]["device"] == "cpu"
    assert facts[0]["versions"]["torch"] == torch.__version__
    assert (facts[0]["processes"], facts[0]["precision"]) == (1, "32-true")
    assert datetime.fromisoformat(facts[0]["written"]) >= datetime.fromisoformat(facts[0]["started"])
    # A new run does not take over what a damaged or an older file says.
    for content in ("{", '{"started": 1}', json.dumps(facts[1])):
        folder.fit_facts.write_text(content)
        tiny_trainer(tmp_path, max_steps=2, callbacks=[FitFile()]).fit(tiny_dcgan(), TinyData())
        assert json.loads(folder.fit_facts.read_text())["started"] > facts[1]["started"]


class Refusal(Callback):
    """Refuses a setting before the first step."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        raise ValueError("refused")


def test_a_run_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    lock = RunLock(FolderBefore(tmp_path / "runs" / "run"))
    logger = ResumableCSVLogger(tmp_path / "runs", name="run")
    trainer = tiny_trainer(Path(), max_epochs=1, logger=logger, callbacks=[lock, Refusal()])
    with pytest.raises(ValueError, match="refused"):
        trainer.fit(tiny_dcgan(), TinyData())
    assert not list(tmp_path.iterdir())
