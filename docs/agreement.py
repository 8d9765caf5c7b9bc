r"""Whether two extractors of features rank the same runs in the same order.

    python docs/agreement.py RUNS...

RUNS are run folders, or folders that contain some. Each run was tested with two extractors:

    lightning-gans test --config RUN/config.yaml
    lightning-gans test --config RUN/config.yaml --evaluation.extractor TimmFeatures \
        --evaluation.extractor.network NETWORK --evaluation.extractor.weights FILE

Prints a Markdown table of the runs' scores in both extractors' features, and Spearman's rank correlation of each score.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scipy.stats import spearmanr

from lightning_gans.runs.below import scored_runs_below
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import ScoreRow

SCORES = ("kid", "relative_fid", "precision", "recall", "density", "coverage")


def newest_tests(run: RunFolder) -> dict[str, ScoreRow]:
    """The newest scores of the test split, by extractor."""
    return {row.stamp.extractor: row for row in run.read_scores() if row.split == "test" and not row.domain}


def correlations(rows: list[dict[str, ScoreRow]], extractors: tuple[str, str]) -> dict[str, float]:
    """Spearman's rank correlation over runs, by score; -1 to 1."""
    found = {}
    for name in SCORES:
        first, second = ([row[extractor].short_scores[name] for row in rows] for extractor in extractors)
        found[name] = float(spearmanr(first, second).statistic)
    return found


def main(folders: list[str]) -> None:
    """Print the table and the correlations."""
    runs = {run.path: newest_tests(run) for folder in folders for run in scored_runs_below(Path(folder))}
    found = sorted({extractor for rows in runs.values() for extractor in rows})
    if len(found) != 2 or len(runs) < 3 or any(len(rows) != 2 for rows in runs.values()):
        sys.exit(f"expected three or more runs, each tested with the same two extractors; found {found or 'no tests'}")
    extractors = found[0], found[1]
    print("| Run | " + " | ".join(f"{name}, {letter}" for name in SCORES[:2] for letter in "AB") + " |")
    print("| --- | --: | --: | --: | --: |")
    for path, rows in runs.items():
        values = (rows[extractor].short_scores[name] for name in SCORES[:2] for extractor in extractors)
        print(f"| {path.parent.name} {path.name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    print(
        f"\nA: {extractors[0]}\nB: {extractors[1]}\n\n| Score | Rank correlation over {len(runs)} runs |\n| --- | --: |"
    )
    for name, value in correlations(list(runs.values()), extractors).items():
        print(f"| {name} | {value:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
