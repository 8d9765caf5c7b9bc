"""Draw G's gradient norm with the saturating and the non-saturating loss, from the metrics.csv of two runs.

Commands:

    lightning-gans fit --config gan/mnist --data.root DATA --model.penalty null --model.objective Saturating \
        --trainer.max_steps 600 --trainer.log_every_n_steps 1 --trainer.limit_val_batches 0
    lightning-gans fit ...the same with --model.objective NonSaturating
    python docs/saturating.py runs/gan-mnist/version_0 runs/gan-mnist/version_1 docs/images/saturating.png
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from lightning_gans.runs.folder import RunFolder


def column(folder: str, name: str) -> tuple[list[int], list[float]]:
    """Steps and values of one column of a run's metrics.csv; rows without a value are skipped."""
    with RunFolder(Path(folder)).metrics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get(name)]
    return [int(row["step"]) + 1 for row in rows], [float(row[name]) for row in rows]


def main(saturating: str, non_saturating: str, target: str) -> None:
    """Write a figure of G's gradient norm and of D's mean logit for generated images over steps."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for folder, label in ((saturating, "log(1 - D(G(z))), saturating"), (non_saturating, "-log D(G(z))")):
        axes[0].plot(*column(folder, "grad_norm/g"), label=label, linewidth=0.8)
        axes[1].plot(*column(folder, "logit/fake"), label=label, linewidth=0.8)
    axes[0].set(yscale="log", xlabel="step", ylabel="norm of G's gradient")
    axes[1].set(xlabel="step", ylabel="D's mean logit of generated images")
    axes[0].legend(fontsize=8)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
