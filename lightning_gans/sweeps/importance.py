"""The importance of each parameter: its share of the score's variance by Optuna's fANOVA, as a figure.

Optuna's own plot is experimental and draws the study as it is; the bars here are of a study whose trials were made
comparable first, see :func:`draw_importance`.
"""

from __future__ import annotations

from pathlib import Path

import optuna
from matplotlib.figure import Figure
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.study import Study
from optuna.trial import TrialState

from lightning_gans.runs.curves import BLUE, DARK
from lightning_gans.sweeps.report import short_names
from lightning_gans.sweeps.wandb_file import Sweep

MIN_TRIALS = 4
"""Fewer trials give no meaningful shares of a variance."""


def draw_importance(study: Study, sweep: Sweep, figure: Path) -> str:
    """Draw how much of the score's variance each parameter explains; return where the figure is, or why there is none.

    A pruned run has no final score. So all trials are compared at the number of validations that every one of them
    reached: a pruned run does not count as a bad one because it was short.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    trials = [trial for trial in study.get_trials(deepcopy=False, states=states) if trial.intermediate_values]
    if len(sweep.varied) < 2:
        return "importance: one parameter is varied, so there is nothing to compare it with"
    if len(trials) < MIN_TRIALS:
        return f"importance: {len(trials)} trials with scores are too few for it; expected at least {MIN_TRIALS}"
    after = min(max(trial.intermediate_values) for trial in trials)
    scores = [trial.intermediate_values[after] for trial in trials]
    if len(set(scores)) == 1:
        return "importance: all trials have the same score"
    even = optuna.create_study()
    for trial, score in zip(trials, scores, strict=True):
        even.add_trial(optuna.create_trial(params=trial.params, distributions=trial.distributions, value=score))
    shares = get_param_importances(even, evaluator=FanovaImportanceEvaluator(seed=0))
    basis = f"{len(trials)} trials after {after} validations"
    draw(shares, f"share of the variance of best {sweep.score}, {basis}", figure)
    ordered = ", ".join(
        f"{name} {shares[key]:.0%}" for name, key in zip(short_names(list(shares)), shares, strict=True)
    )
    return f"importance: {ordered}, of {basis}: {figure}"


def draw(shares: dict[str, float], title: str, figure: Path) -> None:
    """Draw the shares as horizontal bars, the largest on top."""
    canvas = Figure(figsize=(6, 0.9 + 0.3 * len(shares)), layout="constrained")
    axes = canvas.subplots()
    bars = axes.barh(short_names(list(shares)), list(shares.values()), color=BLUE, height=0.6)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares.values()], padding=3, fontsize=8, color=DARK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title(title, fontsize=8.5, loc="left")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    canvas.savefig(figure, dpi=110)
