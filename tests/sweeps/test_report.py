"""Tables, spreads over seeds and importance of made-up studies."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from statistics import stdev
from typing import Any, Literal

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from lightning_gans.sweeps.report import draw_importance, short_names, write_tables
from lightning_gans.sweeps.wandb_file import Sweep, read_sweep
from tests.sweeps.test_wandb_file import written

Goal = Literal["minimize", "maximize"]

LR, SEED = "model.optimizer_g.lr", "seed_everything"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def parse_sweep(folder: Path, parameters: dict[str, Any], goal: Goal = "minimize") -> Sweep:
    return read_sweep(written(folder, parameters=parameters, metric={"name": "best/fid", "goal": goal}))


def add(study: Study, sweep: Sweep, score: float | None, state: str = "COMPLETE", **params: Any) -> None:
    """A finished trial, with two validations."""
    attributes = {"folder": f"runs/sweeps/s/trial-{len(study.trials):04d}"}
    if score is not None:
        attributes |= {"best": score, "step": 112}  # type: ignore[dict-item]
    study.add_trial(
        optuna.create_trial(
            state=TrialState[state],
            value=score if state == "COMPLETE" else None,
            params={key.replace("__", "."): value for key, value in params.items()},
            distributions={p.key: p.distribution for p in sweep.varied if p.distribution},
            user_attrs=attributes | ({"error": "it broke"} if state == "FAIL" else {}),
            intermediate_values={} if score is None else {1: score + 1, 2: score},
        )
    )


def made(folder: Path, goal: Goal = "minimize") -> tuple[Study, Sweep]:
    """Four trials: the best, a failed one, one that ended early, the worst."""
    sweep = parse_sweep(folder, {LR: {"min": 0.0, "max": 1.0}, "model": {"values": ["DCGAN", "LSGAN"]}}, goal)
    study = optuna.create_study(direction=goal)
    for score, state, lr, model in (
        (30.125, "COMPLETE", 0.123456, "DCGAN"),
        (None, "FAIL", 0.5, "DCGAN"),
        (20.0, "PRUNED", 0.25, "LSGAN"),
        (10.0, "COMPLETE", 0.75, "LSGAN"),
    ):
        add(study, sweep, score, state, **{LR: lr, "model": model})
    return study, sweep


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_is_ranked_best_first_and_failures_last(tmp_path: Path) -> None:
    study, sweep = made(tmp_path)
    assert write_tables(study, sweep, Path("runs/sweeps/s")).splitlines() == [
        "rank  trial  best fid  step  state     optimizer_g.lr  model  folder",
        "   1      3        10   112  complete            0.75  LSGAN  trial-0003",
        "   2      2        20   112  pruned              0.25  LSGAN  trial-0002",
        "   3      0     30.12   112  complete          0.1235  DCGAN  trial-0000",
        "          1                  failed               0.5  DCGAN  trial-0001",
        "trial 1 failed: it broke",
    ]


def test_where_more_is_better_the_most_comes_first(tmp_path: Path) -> None:
    study, sweep = made(tmp_path, "maximize")
    lines = write_tables(study, sweep, Path("runs/sweeps/s")).splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["0", "2", "3"]


def test_tables_are_written_for_readers_and_with_all_digits_for_machines(tmp_path: Path) -> None:
    study, sweep = made(tmp_path)
    write_tables(study, sweep, Path("runs/sweeps/s"))
    markdown = Path("runs/sweeps/s/table.md").read_text().splitlines()
    assert markdown[0] == "| rank | trial | best fid | step | state | optimizer_g.lr | model | folder |"
    assert markdown[2] == "| 1 | 3 | 10 | 112 | complete | 0.75 | LSGAN | trial-0003 |"
    assert markdown[-1] == "trial 1 failed: it broke"
    rows = read_csv(Path("runs/sweeps/s/table.csv"))
    assert [row["best fid"] for row in rows] == ["10.0", "20.0", "30.125", ""]
    assert rows[2][LR] == "0.123456"
    assert rows[2]["folder"] == "runs/sweeps/s/trial-0000"


def test_seeds_get_mean_and_spread_for_each_setting(tmp_path: Path) -> None:
    sweep = parse_sweep(tmp_path, {SEED: {"values": [0, 1, 2]}, "model": {"values": ["DCGAN", "LSGAN"]}})
    study = optuna.create_study()
    for seed, score in enumerate((10.0, 11.0, 15.0)):
        add(study, sweep, score, **{SEED: str(seed), "model": "DCGAN"})
    add(study, sweep, 3.0, **{SEED: "0", "model": "LSGAN"})
    add(study, sweep, 1.0, "PRUNED", **{SEED: "1", "model": "LSGAN"})
    said = write_tables(study, sweep, Path("runs/sweeps/s"))
    spread = f"standard deviation {stdev((10, 11, 15)):.3g}"
    line = f"model=DCGAN: best fid over 3 seeds: mean 12, {spread}, median 11, range 10 to 15"
    assert said.splitlines()[-1] == line
    assert line in Path("runs/sweeps/s/table.md").read_text()


def test_seeds_alone_are_one_setting(tmp_path: Path) -> None:
    sweep = parse_sweep(tmp_path, {SEED: {"values": [0, 1]}})
    study = optuna.create_study()
    for seed, score in enumerate((10.0, 11.0)):
        add(study, sweep, score, **{SEED: str(seed)})
    assert (
        write_tables(study, sweep, Path("runs/sweeps/s"))
        .splitlines()[-1]
        .startswith("best fid over 2 seeds: mean 10.5")
    )


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["model"], ["model"]),
        (["model.lambda_l1", "seed_everything"], ["model.lambda_l1", "seed_everything"]),
        (["model.init_args.optimizer_g.init_args.lr", "model.optimizer_d.lr"], ["optimizer_g.lr", "optimizer_d.lr"]),
        (["a.x.y", "b.x.y"], ["a.x.y", "b.x.y"]),
    ],
)
def test_names_are_as_short_as_they_can_be(keys: list[str], names: list[str]) -> None:
    assert short_names(keys) == names


def test_the_parameter_that_decides_is_the_important_one(tmp_path: Path) -> None:
    sweep = parse_sweep(tmp_path, {"a": {"min": 0.0, "max": 1.0}, "b": {"min": 0.0, "max": 1.0}})
    study = optuna.create_study()
    for index in range(40):
        a, b = index % 8 / 8, index % 5 / 5
        # Those that end early had as many validations as the others are compared after.
        add(study, sweep, 10 * a + 3 * b, "PRUNED" if a > 0.5 else "COMPLETE", a=a, b=b)
    said = draw_importance(study, sweep, tmp_path / "importance.png")
    # The variances of 10 a and 3 b are as 8.2 and .72.
    shares = re.fullmatch(r"importance: a (\d+)%, b (\d+)%, of .*", said)
    assert shares
    assert int(shares[1]) == pytest.approx(92, abs=5)
    assert said.endswith(f"of 40 trials after 2 validations: {tmp_path / 'importance.png'}")
    assert (tmp_path / "importance.png").stat().st_size > 1000


def test_a_run_that_ended_early_is_compared_as_all_stood_then(tmp_path: Path) -> None:
    sweep = parse_sweep(tmp_path, {"a": {"min": 0.0, "max": 1.0}, "b": {"min": 0.0, "max": 1.0}})
    study = optuna.create_study()
    for index in range(6):
        add(study, sweep, float(index), a=index / 6, b=0.5)
    study.add_trial(
        optuna.create_trial(
            state=TrialState.PRUNED,
            params={"a": 0.9, "b": 0.5},
            distributions={p.key: p.distribution for p in sweep.varied if p.distribution},
            intermediate_values={1: 9.0},
        )
    )
    assert "of 7 trials after 1 validations" in draw_importance(study, sweep, tmp_path / "importance.png")


def test_where_there_is_no_importance_a_sentence_says_why(tmp_path: Path) -> None:
    figure = tmp_path / "importance.png"
    alone = parse_sweep(tmp_path, {"a": {"min": 0.0, "max": 1.0}})
    assert "one parameter is varied" in draw_importance(optuna.create_study(), alone, figure)
    both = parse_sweep(tmp_path, {"a": {"min": 0.0, "max": 1.0}, "b": {"min": 0.0, "max": 1.0}})
    study = optuna.create_study()
    for index in range(3):
        add(study, both, 1.0, a=index / 3, b=0.5)
    assert "3 trials with scores are too few for it; expected at least 4" in draw_importance(study, both, figure)
    add(study, both, 1.0, a=1.0, b=0.5)
    assert "all trials have the same score" in draw_importance(study, both, figure)
    assert not figure.exists()


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
