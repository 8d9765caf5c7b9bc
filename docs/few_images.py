"""Draw the KID of runs over steps, and below it ADA's probability of an augmentation.

    docs/few_images.sh FOLDER
    python docs/few_images.py docs/images/few-images.png runs/few-images-*/seed-0

A run's name in the legend is that of its folder without "few-images-".
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure
from saturating import column

from lightning_gans.runs.folder import RunFolder

SCORE, PROBABILITY = "val/kid", "augment/p"


def main(target: str, *folders: str) -> None:
    """Write the figure."""
    figure = Figure(figsize=(6, 4.6), layout="constrained")
    scores, probabilities = figure.subplots(2, sharex=True, height_ratios=[2, 1])
    for folder in folders:
        rows = [row for row in RunFolder(Path(folder)).read_scores() if row.split == "val" and SCORE in row.scores]
        name = Path(folder).parent.name.removeprefix("few-images-")
        (line,) = scores.plot([row.step for row in rows], [row.scores[SCORE] for row in rows], marker=".", label=name)
        steps, values = column(folder, PROBABILITY)
        if steps:
            probabilities.plot(steps, values, color=line.get_color())
    scores.set(ylabel="KID of the average", yscale="log")
    for formatted in (scores.yaxis.set_major_formatter, scores.yaxis.set_minor_formatter):
        formatted("{x:g}")
    scores.legend(fontsize=8)
    probabilities.set(xlabel="step", ylabel="p of ADA", ylim=0)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
