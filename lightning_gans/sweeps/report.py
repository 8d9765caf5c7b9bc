"""The results of a sweep: the ranked table, the spread over seeds, and the importance of each parameter.

A parameter's importance is its share of the score's variance by Optuna's fANOVA. Optuna's own plot is experimental and
draws the study as it is; the bars here are of a study whose trials were made comparable first, see
:func:`draw_importance`.
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import optuna
from matplotlib.figure import Figure
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lightning_gans.runs.curves import BLUE, DARK
from lightning_gans.sweeps.space import to_argument
from lightning_gans.sweeps.study import FOLDER, finished
from lightning_gans.sweeps.trials import STATE_NAMES
from lightning_gans.sweeps.wandb_file import Sweep

SEED = "seed_everything"


def ranked(study: Study, sweep: Sweep) -> list[FrozenTrial]:
    """Return the finished trials, the best first and the failed ones last."""

    def order(trial: FrozenTrial) -> tuple[bool, float, int]:
        if trial.state == TrialState.FAIL or "best" not in trial.user_attrs:
            return True, 0.0, trial.number
        value: float = trial.user_attrs["best"]
        return False, -value if sweep.maximize else value, trial.number

    return sorted(finished(study), key=order)


def table_rows(trials: list[FrozenTrial], sweep: Sweep, folder: Path, short: bool = True) -> list[list[str]]:
    """Return the rows of the table, header first; ``short`` abbreviates names and rounds to four digits."""
    names = short_names([p.key for p in sweep.varied]) if short else [p.key for p in sweep.varied]
    head = ["rank", "trial", f"best {sweep.score}", "step", "state", *names, "folder"]
    rows = [head]
    for rank, trial in enumerate(trials, start=1):
        value, failed = trial.user_attrs.get("best"), trial.state == TrialState.FAIL
        place = Path(trial.user_attrs.get(FOLDER, ""))
        values = [p.value_of(trial.params[p.key]) for p in sweep.varied]
        rows.append(
            [
                "" if failed else str(rank),
                str(trial.number),
                "" if value is None else format_value(value, short),
                str(trial.user_attrs.get("step", "")),
                STATE_NAMES[trial.state],
                *(format_value(value, short) for value in values),
                place.name if short and place.parent == folder else str(place),
            ]
        )
    return rows


def format_value(value: Any, short: bool) -> str:
    """Return a value as text for a cell."""
    return f"{value:.4g}" if short and isinstance(value, float) else to_argument(value)


def short_names(keys: list[str]) -> list[str]:
    """Return the last two parts of each key, or as many as make it unique."""
    names = []
    for key in keys:
        parts = key.replace("init_args.", "").split(".")
        ends = (".".join(parts[-size:]) for size in range(min(2, len(parts)), len(parts) + 1))
        others = [f".{other.replace('init_args.', '')}" for other in keys if other != key]
        names.append(next((end for end in ends if not any(o.endswith(f".{end}") for o in others)), key))
    return names


def format_columns(rows: list[list[str]]) -> str:
    """Return the rows as aligned text columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = {place for place, name in enumerate(rows[0]) if name in ("state", "folder")}
    lines = [
        "  ".join(f"{c:<{w}}" if i in left else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def write_tables(study: Study, sweep: Sweep, folder: Path) -> str:
    """Write ``table.csv`` and ``table.md``; return the table as text, followed by the errors of failed trials."""
    trials = ranked(study, sweep)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table_rows(trials, sweep, folder, short=False))
    rows = table_rows(trials, sweep, folder)
    marked = [[cell.replace("|", r"\|") for cell in row] for row in (rows[0], ["---"] * len(rows[0]), *rows[1:])]
    errors = [f"trial {t.number} failed: {t.user_attrs['error']}" for t in trials if "error" in t.user_attrs]
    seeds = summarize_seeds(trials, sweep)
    table = "\n".join(f"| {' | '.join(row)} |" for row in marked)
    (folder / "table.md").write_text("\n\n".join([table, *seeds, *errors]) + "\n")
    return "\n".join([format_columns(rows), *errors, *seeds])


def summarize_seeds(trials: list[FrozenTrial], sweep: Sweep) -> list[str]:
    """Return a line of mean, standard deviation, median and range for each setting with several seeds."""
    keys = [p.key for p in sweep.varied]
    if SEED not in keys:
        return []
    groups: dict[tuple[str, ...], list[float]] = {}
    for trial in trials:
        if trial.state == TrialState.COMPLETE:
            setting = tuple(p.argument(trial.params[p.key])[2:] for p in sweep.varied if p.key != SEED)
            groups.setdefault(setting, []).append(trial.user_attrs["best"])
    return [
        f"{' '.join(setting) + ': ' if setting else ''}best {sweep.score} over {len(values)} seeds: "
        f"mean {fmean(values):.4g}, standard deviation {stdev(values):.3g}, median {median(values):.4g}, "
        f"range {min(values):.4g} to {max(values):.4g}"
        for setting, values in groups.items()
        if len(values) > 1
    ]


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
