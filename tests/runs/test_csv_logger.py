"""A CSV log that a resumed run continues."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from lightning_gans.runs.csv_logger import ResumableCSVLogger

METRICS: list[dict[str, Tensor | float]] = [{"loss/d": 1.5, "loss/g": 0.5}, {"val/fid": 3.0}, {"a": 1.0, "loss/d": 2.0}]


def log(logger: CSVLogger, first: int = 0) -> Path:
    """Log ``METRICS`` from step ``first`` on, each with a write."""
    for step, metrics in enumerate(METRICS, start=first):
        logger.log_metrics(metrics, step)
        logger.save()
    logger.log_hyperparams({"seed": 0})
    logger.finalize("success")
    return Path(logger.log_dir)


def test_a_log_equals_that_of_lightnings_logger(tmp_path: Path) -> None:
    ours, theirs = (log(kind(tmp_path, name=kind.__name__)) for kind in (ResumableCSVLogger, CSVLogger))
    assert {path.name: path.read_bytes() for path in ours.iterdir()} == {
        path.name: path.read_bytes() for path in theirs.iterdir()
    }


def test_a_resumed_log_continues_and_drops_later_and_incomplete_rows(tmp_path: Path) -> None:
    whole = log(ResumableCSVLogger(tmp_path, version=0)) / "metrics.csv"
    expected = whole.read_text()
    with whole.open("a") as file:
        file.write("1.0,2")
    resumed = ResumableCSVLogger(tmp_path, version=0)
    resumed.resume_at(2)
    assert len(whole.read_text().splitlines()) == 3
    resumed.log_metrics(METRICS[2], 2)
    resumed.finalize("success")
    assert whole.read_text() == expected


def test_versions_are_numbered_after_the_highest(tmp_path: Path) -> None:
    for name in ("version_0", "version_7", "mine", "version_x"):
        (tmp_path / "run" / name).mkdir(parents=True)
    loggers = [ResumableCSVLogger(tmp_path, "run"), ResumableCSVLogger(tmp_path, "run")]
    assert [logger.version for logger in loggers] == [8, 9]
    assert ResumableCSVLogger(tmp_path, "run", "mine").version == "mine"


def test_a_resumed_csv_log_goes_on_and_holds_each_step_once(tmp_path: Path) -> None:
    first = ResumableCSVLogger(tmp_path, name="run", version=0)
    for step in range(6):
        first.log_metrics({"loss": float(step)}, step)
    first.finalize("killed")
    second = ResumableCSVLogger(tmp_path, name="run", version=0)
    second.resume_at(4)
    for step in range(4, 8):
        second.log_metrics({"loss": 10.0 + step, "fid": 1.0}, step)
    second.finalize("success")
    rows = (tmp_path / "run" / "version_0" / "metrics.csv").read_text().splitlines()
    assert rows[0] == "fid,loss,step"
    assert [row.split(",")[1:] for row in rows[1:]] == [
        [str(float(step) if step < 4 else 10.0 + step), str(step)] for step in range(8)
    ]
