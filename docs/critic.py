"""Draw the critic's estimate of the Wasserstein distance and the generator's score over steps, of one run.

    lightning-gans fit wgan/digits --trainer.check_val_every_n_epoch 2 --trainer.log_every_n_steps 10
    python docs/critic.py runs/wgan-digits/version_0 docs/images/wgan-critic.png

Prints Spearman's rank correlation of both over the validations.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean

from matplotlib.figure import Figure
from saturating import column
from scipy.stats import spearmanr

from lightning_gans.runs.folder import RunFolder

SCORE = "val/relative_fid"


def main(folder: str, target: str) -> None:
    """Write the figure."""
    run = RunFolder(Path(folder))
    steps, losses = column(folder, "loss/d")
    # Minus the loss: the mean difference of real and generated images (Arjovsky et al., 2017).
    estimated = {step: -loss for step, loss in zip(steps, losses, strict=True)}
    scores = {row.step: row.scores[SCORE] for row in run.read_scores() if row.split == "val" and row.step}
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.add_subplot(xlabel="step of the critic", ylabel="critic's estimate of the distance")
    axes.plot(list(estimated), list(estimated.values()), color="#2c6fa6", linewidth=0.8, label="critic's estimate")
    other = axes.twinx()
    other.plot(list(scores), list(scores.values()), color="#c8553d", marker="o", markersize=3, label="relative FID")
    other.set(ylabel="relative FID of samples", yscale="log")
    figure.legend(fontsize=8, loc="outside upper center", ncols=2)
    figure.savefig(target, dpi=110)
    before = sorted(scores)
    means = [
        fmean(value for at, value in estimated.items() if first < at <= last)
        for first, last in zip([0, *before], before, strict=False)
    ]
    correlation = spearmanr(means, [scores[step] for step in before]).statistic
    print(f"rank correlation over {len(before)} validations: {correlation:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
