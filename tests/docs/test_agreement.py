"""docs/agreement.py ranks runs by each score in two extractors' features."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import ScoreRow
from tests.support.paths import ROOT
from tests.support.stamps import STAMP

RISING = ("kid", "relative_fid", "precision", "recall", "density", "coverage")


def add_test(run: Path, extractor: str, value: float, split: str = "test") -> None:
    """A row of scores; those of precision rise, all others fall with ``value``."""
    run.mkdir(parents=True, exist_ok=True)
    stamp = replace(STAMP, extractor=extractor, split=split.partition("/")[0])
    scores = {f"{split}/{name}": value if name == "precision" else -value for name in RISING}
    RunFolder(run).append_scores(ScoreRow(scores, stamp, 1, 1))


def agreement(*folders: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs" / "agreement.py"), *map(str, folders)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_rank_correlation_of_two_extractors(tmp_path: Path) -> None:
    for seed, (first, second) in enumerate([(1, 20), (2, 10), (3, 30), (4, 40)]):
        run = tmp_path / "runs" / "one" / f"seed-{seed}"
        add_test(run, "lite0", 99)  # an older test
        add_test(run, "lite0", first)
        add_test(run, "lite0+linear-head-10000-0.77", 99, split="test/head")
        add_test(run, "other", 99, split="val")
        add_test(run, "other", second)
    done = agreement(tmp_path / "runs")
    assert not done.stderr
    assert "| one seed-1 | -2.000 | -10.000 | -2.000 | -10.000 |" in done.stdout
    # One pair of the six is in another order: 1 - 6 (1 + 1) / (4 (16 - 1)).
    assert [line for line in done.stdout.splitlines() if line.endswith("| 0.80 |")] == [
        f"| {name} | 0.80 |" for name in RISING
    ]


def test_runs_without_both_tests_are_refused(tmp_path: Path) -> None:
    for seed in range(3):
        add_test(tmp_path / f"seed-{seed}", "lite0", seed)
    assert "each tested with the same two extractors; found ['lite0']" in agreement(tmp_path).stderr
