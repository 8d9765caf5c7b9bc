"""Print after how many steps runs have reached the best validation score of the runs in the first folder.

Command:

    python docs/transfer.py runs/emoji-random runs/emoji-transfer runs/emoji-freeze-1

Each folder has the runs of several seeds. The score to reach is the median, over the runs in the first folder, of each
run's best relative FID.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lightning_gans.runs.below import scored_runs_below

SCORE = "relative_fid"

Curve = list[tuple[int, float]]
"""Steps and validation scores of a run."""


def curves(folder: Path) -> list[Curve]:
    """The curve of each run in a folder."""
    found = []
    for run in scored_runs_below(folder):
        rows = [row for row in run.read_scores() if row.split == "val" and SCORE in row.short_scores]
        found.append([(row.step or 0, row.short_scores[SCORE]) for row in rows])
    return [curve for curve in found if curve]


def steps_to(target: float, curve: Curve) -> int | None:
    """The first step whose score is at least as good, which is as low; None if there is none."""
    return next((step for step, score in curve if score <= target), None)


def table(names: Sequence[str], groups: Sequence[Sequence[Curve]]) -> list[str]:
    """Lines of a Markdown table: for each group its best scores, and the steps to the first group's median."""
    target = median(min(score for _, score in curve) for curve in groups[0])
    lines = [f"| Run | best {SCORE} of each seed | steps to {target:.4g} |", "| --- | --- | --- |"]
    for name, group in zip(names, groups, strict=True):
        best = ", ".join(f"{min(score for _, score in curve):.4g}" for curve in group)
        reached = [steps_to(target, curve) for curve in group]
        lines.append(f"| {name} | {best} | {', '.join('not reached' if s is None else f'{s:,}' for s in reached)} |")
    return lines


def main(*folders: str) -> None:
    """Print the table of these folders."""
    paths = [Path(folder) for folder in folders]
    groups = [curves(path) for path in paths]
    for path, group in zip(paths, groups, strict=True):
        if not group:
            sys.exit(f"{path} has no runs with validation scores of {SCORE}")
    print("\n".join(table([path.name for path in paths], groups)))


if __name__ == "__main__":
    main(*sys.argv[1:])
