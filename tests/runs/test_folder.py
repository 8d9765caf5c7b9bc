"""The files of a run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightning_gans.runs.below import runs_below, scored_runs_below
from lightning_gans.runs.find_checkpoint import best_or_last_checkpoint
from lightning_gans.runs.folder import (
    RunFolder,
    Split,
    parse_version,
    version_name,
)
from lightning_gans.runs.scores import ScoreRow
from tests.support.demo_runs import latent_run
from tests.support.stamps import STAMP


def test_a_run_is_found_from_its_folder_and_its_checkpoints(tmp_path: Path) -> None:
    run = latent_run(tmp_path / "run")
    for place in (run, run / "checkpoints", run / "checkpoints" / "best.ckpt"):
        assert RunFolder.containing(place) == RunFolder(run)
    (tmp_path / "exported").mkdir()
    assert RunFolder.containing(tmp_path / "exported") is None
    assert RunFolder.containing(tmp_path / "best.ckpt") is None


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("domain", ["", "a", "day-and-night"])
def test_the_name_of_a_grid_can_be_read_back(split: Split, domain: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.grids() == []
    folder.samples.mkdir()
    for name in ("timeline.gif", "epoch-1.png", "notes.txt"):
        (folder.samples / name).touch()
    paths = [folder.grid(split, epoch, step, domain) for epoch, step in ((1000, 10_000_000), (1, 7))]
    for path in paths:
        path.touch()
    assert folder.grids() == [
        (paths[1], split, 1, 7, domain),
        (paths[0], split, 1000, 10_000_000, domain),
    ]
    assert folder.grids("val" if split == "test" else "test") == []


def test_a_resumed_run_writes_configs_after_the_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.config == folder.first_config == tmp_path / "config.yaml"
    for number in range(1, 12):
        path = folder.next_config()
        assert path.name == ("config.yaml" if number == 1 else f"config-{number}.yaml")
        path.touch()
        assert folder.config == path
    assert folder.first_config == tmp_path / "config.yaml"
    assert len(folder.configs()) == 11


def test_earlier_results_are_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for count in range(3):
        folder.archive_results()
        folder.results.write_text(str(count))
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["0", "1", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results-1.json", "results-2.json", "results.json"]


def test_the_best_checkpoint_comes_before_the_last(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert best_or_last_checkpoint(tmp_path) is None
    folder.checkpoints.mkdir()
    for path in (folder.last_checkpoint, folder.checkpoint("best")):
        path.touch()
        assert best_or_last_checkpoint(tmp_path) == best_or_last_checkpoint(folder.checkpoints) == path
    assert folder.all_checkpoints() == [folder.checkpoint("best"), folder.last_checkpoint]


def test_scores_are_appended(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a" / "0")
    rows = [ScoreRow({"val/fid": value}, STAMP, 7, 2) for value in (2.0, 1.0)]
    for row in rows:
        folder.append_scores(row)
    assert folder.read_scores() == rows
    assert scored_runs_below(tmp_path) == runs_below(tmp_path) == [folder]
    assert scored_runs_below(folder.path) == [folder]


def test_a_version_is_read_from_its_folders_name() -> None:
    for version in (0, 12, "mine", "version_x"):
        assert parse_version(version_name(version)) == version
