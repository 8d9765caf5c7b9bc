"""What loggers get of a run: W&B's offline record and TensorBoard's events, read back, beside the run's CSV log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from lightning_gans.callbacks import EMA, BestCheckpoint, Curves, Evaluation, SampleGrid, SpeedLog
from lightning_gans.runs.metrics_log import read_metrics_log
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades
from tests.support.wandb_records import OfflineRun


def csv_rows(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's log, without empty cells."""
    (path,) = folder.rglob("metrics.csv")
    return [{name: float(cell) for name, cell in row.items() if cell} for row in read_metrics_log(path).rows]


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that are equal where one has NaN where the other has."""
    return [{key: "NaN" if value != value else value for key, value in row.items()} for row in rows]


def test_wandb_holds_what_the_csv_log_has_with_captions_settings_bests_and_artifacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")
    logger = WandbLogger(name="tiny", project="tests", save_dir=tmp_path, log_model=True)
    callbacks = [Curves(), SpeedLog(), EMA(0.9), Evaluation(), SampleGrid(count=4, artifact=True)]
    callbacks.append(BestCheckpoint())
    trainer = tiny_trainer(tmp_path, max_epochs=3, logger=logger, callbacks=callbacks)
    trainer.fit(tiny_dcgan(), TinyData())
    logger.experiment.finish()
    run = OfflineRun(tmp_path)
    folder = tmp_path / "tests" / run.run.run_id
    assert {path.name for path in folder.iterdir()} >= {"metrics.csv", "curves.png", "samples", "checkpoints"}

    logged = [{key: value for key, value in row.items() if key[0] != "_"} for row in run.rows]
    first, logged = logged[:2], logged[2:]  # drawn before the first step
    captions = {key: value for row in first for key, value in row.items() if key.endswith("captions")}
    assert captions == {"real/captions": ["real images"], "samples/captions": ["step 0, epoch 0, ema weights"]}
    grids = [row for row in logged if "samples/captions" in row]
    values = [row for row in logged if row not in grids]
    rows = csv_rows(folder)
    renamed = [{"step" if key == "trainer/global_step" else key: value for key, value in row.items()} for row in values]
    assert comparable(renamed) == comparable(rows)
    assert {"loss/d", "lr/g", "lr/d", "speed/images_per_second", "memory/peak_gib", "val/fid", "best/fid"} <= {
        key for row in rows for key in row
    }
    # As the scores that belong to them.
    assert [row["trainer/global_step"] for row in grids] == [row["step"] for row in rows if "val/fid" in row]
    assert grids[0]["samples/captions"] == ["step 5, epoch 1, ema weights"]
    assert [(run.files / name).is_file() for row in grids for name in row["samples/filenames"]] == [True] * 3

    assert run.config["variant"] == "DCGAN"
    assert run.config["generator"]["init_args"]["width"] == 2
    data = {"class": "TinyData", "train_images": 40, "channels": 1, "size": 28, "num_classes": 10}
    assert run.config["data"] == {**data, "length": 46, "batch_size": 8}
    assert run.config["ema"] == {"decay": 0.9, "half_life": None, "interval": 1}
    assert (run.config["seed"], run.config["precision"], run.config["device"]) == (0, "32-true", "cpu")
    assert {"torch", "lightning", "lightning-gans", "python"} <= run.config["versions"].keys()
    assert "6 real, 6 generated" in run.config["stamp/val"]

    for score, best, choose in (("fid", "min", min), ("coverage", "max", max)):
        scores = [row[f"val/{score}"] for row in rows if f"val/{score}" in row]
        assert run.summary[f"val/{score}"] == {best: choose(scores), "last": scores[-1]}
        assert run.summary[f"best/{score}"] == choose(scores)
    assert run.summary["val/variance_ratio"] == [row["val/variance_ratio"] for row in rows if "val/fid" in row][-1]
    assert run.artifacts == {f"model-{run.run.run_id}": "model", f"samples-{run.run.run_id}": "samples"}


class Plain(Logger):
    """A logger that takes no images and has no folder."""

    name, version = "plain", "0"

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {}

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.rows.append({**metrics, "step": step})

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        self.settings |= params


@pytest.mark.slow
def test_several_loggers_get_the_same_and_tensorboard_the_grids(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tensorboard, plain = TensorBoardLogger(tmp_path, name="tiny"), Plain()
    callbacks = [Curves(), SpeedLog(), Evaluation(), SampleGrid(count=4)]
    trainer = tiny_trainer(tmp_path, max_epochs=1, logger=[tensorboard, plain], callbacks=callbacks)
    trainer.fit(tiny_cyclegan(), tiny_facades(paired=False))
    rows = csv_rows(tmp_path / "tiny" / "version_0")
    assert comparable(plain.rows) == comparable(rows)
    assert plain.settings["data"]["class"] == "SyntheticFacadesDataModule"
    assert (plain.settings["data"]["channels_b"], plain.settings["data"]["size"]) == (3, 16)
    events = EventAccumulator(tensorboard.log_dir)
    events.Reload()
    for key in ("val/b/fid", "best/b/fid", "loss/d", "lr/g"):
        shown = {event.step: event.value for event in events.Scalars(key)}
        assert shown == pytest.approx({row["step"]: row[key] for row in rows if key in row})
    assert {"samples-a", "samples-b"} <= set(events.Tags()["images"])
    assert [event.step for event in events.Images("samples-a")] == [0, 4]
    assert [event.step for event in events.Images("real-a")] == [0]
