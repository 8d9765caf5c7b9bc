"""The cells of a study, their arguments and their budget; what a search draws and what it is expected to find."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from statistics import fmean

import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.studies.budget import BatchSizes, StepCost, add_step_cost, fit_arguments, read_step_costs, steps_of
from lightning_gans.studies.cells import draw, first_cells, fresh_cells, settings_of
from lightning_gans.studies.search import expected_best
from lightning_gans.sweeps.space import parameter
from tests.support.studies import SEARCH, study_of

NO_SIZES = BatchSizes({})


def test_cells_are_in_a_fixed_order_seed_by_seed(tmp_path: Path) -> None:
    study = study_of(tmp_path, data={"digits": "data/digits", "mnist": "data/mnist"}, seeds=[3, 1])
    settings = ["digits-one", "digits-two", "mnist-one", "mnist-two"]
    assert [cell.name for cell in first_cells(study)] == [f"{name}/seed-{seed}" for seed in (3, 1) for name in settings]
    assert fresh_cells(study) == []


def test_a_search_has_cells_for_each_setting_and_for_fresh_seeds_of_the_best(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0], **SEARCH)
    assert [cell.name for cell in first_cells(study)] == [
        f"{method}-{number:03d}/seed-0" for method in ("one", "two") for number in range(3)
    ]
    names = [cell.name for cell in fresh_cells(study)]
    assert names == ["one-best/seed-7", "two-best/seed-7", "one-best/seed-8", "two-best/seed-8"]


def test_draws_depend_on_seed_method_key_and_number_only(tmp_path: Path) -> None:
    study = study_of(tmp_path, **SEARCH)
    more = study_of(tmp_path, **{**SEARCH, "settings": 5, "search": {"x": {"values": [1, 2]}, **SEARCH["search"]}})
    other = study_of(tmp_path, **SEARCH, draw_seed=1)
    drawn, longer, others = (
        [setting.drawn["score"] for setting in settings_of(each, each.data[0], each.methods[0])]
        for each in (study, more, other)
    )
    assert drawn == longer[:3] != others
    second = [setting.drawn["score"] for setting in settings_of(study, study.data[0], study.methods[1])]
    assert second != drawn
    assert all(1 <= value <= 12 and float(f"{value:.4g}") == value for value in drawn)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"values": ["a", "b"]}, ["a", "a", "b"]),
        ({"min": 1, "max": 3}, [1, 2, 3]),
        ({"min": 0.0, "max": 4.0}, [0.0, 2.0, 3.9]),
        ({"distribution": "log_uniform_values", "min": 1.0e-4, "max": 1.0e-2}, [1e-4, 1e-3, 0.008913]),
        ({"value": 7}, [7, 7, 7]),
    ],
)
def test_a_draw_is_the_value_at_a_share_of_the_distribution(given: dict[str, object], values: list[object]) -> None:
    shares = (0.0, 0.49999 if given.get("values") else 0.5, 0.975)
    assert [draw(parameter("x", given), share) for share in shares] == values


def test_the_arguments_of_a_run_are_the_methods_then_the_limits(tmp_path: Path) -> None:
    study = study_of(tmp_path, data={"digits": {"config": "data/digits", "overrides": {"data.batch_size": 8}}})
    arguments = fit_arguments(first_cells(study)[0], study, 10, Path("runs/s"), ["--x=1"])
    assert arguments[:5] == ["fit", "--config", "methods/minimax", "--config", "data/digits"]
    assert arguments[8:11] == ["--data.batch_size=8", "--score=2.0", "--x=1"]
    assert {"--trainer.max_steps=10", "--trainer.max_epochs=-1", "--trainer.val_check_interval=3"} <= {*arguments}
    assert {"--best.monitor=val/fid", "--best.mode=min", "--seed_everything=0"} <= {*arguments}
    assert "--trainer.logger.version=seed-0" in arguments
    assert arguments[-1] == "--ckpt_path=auto"


def test_keys_with_commas_share_a_value_and_data_have_budgets_of_their_own(tmp_path: Path) -> None:
    both = {"model.optimizer_g.lr,model.optimizer_d.lr": {"values": [0.5]}}
    data = {"few": {"config": "data/digits", "budget": {"steps": 3}}, "many": "data/mnist"}
    study = study_of(tmp_path, data=data, **{**SEARCH, "search": both})
    settings = [cell.setting for cell in first_cells(study)]
    assert settings[0].arguments(study, [])[-2:] == ["--model.optimizer_g.lr=0.5", "--model.optimizer_d.lr=0.5"]
    steps = {setting.data.name: steps_of(setting, study, NO_SIZES, {}) for setting in settings}
    assert steps == {"few": 3, "many": 10}


def test_a_budget_of_images_is_divided_by_the_batch(tmp_path: Path) -> None:
    study = study_of(tmp_path, budget={"images": 100})
    sizes = BatchSizes({("", "one"): 32, ("", "two"): None})
    first, second = (cell.setting for cell in first_cells(study)[:2])
    assert steps_of(first, study, sizes, {}) == 4
    with pytest.raises(InputError, match=r"budget is 100 images, but the data of two has no batch_size; expected a"):
        steps_of(second, study, sizes, {})
    search = study_of(tmp_path, budget={"images": 100}, **{**SEARCH, "search": {"data.batch_size": {"values": [20]}}})
    assert steps_of(first_cells(search)[0].setting, search, sizes, {}) == 5


def test_a_budget_of_core_seconds_is_divided_by_the_measured_step(tmp_path: Path) -> None:
    study = study_of(tmp_path, budget={"core_seconds": 60})
    setting = first_cells(study)[0].setting
    assert steps_of(setting, study, NO_SIZES, {}) is None
    assert add_step_cost(tmp_path, setting.name, StepCost(0.5, 0.01, 48, 300.0)) == StepCost(0.5, 0.01, 48, 300.0)
    # The first measurement counts, so that resumed runs have the steps that they had.
    assert add_step_cost(tmp_path, setting.name, StepCost(0.25, 0.01, 48, 300.0)) == StepCost(0.5, 0.01, 48, 300.0)
    assert steps_of(setting, study, NO_SIZES, read_step_costs(tmp_path)) == 120
    # A machine that is half as fast needs twice the time for the same step, and for the reference.
    assert add_step_cost(tmp_path, "other", StepCost(1.5, 0.02, 48, 300.0)) == StepCost(0.75, 0.01, 48, 300.0)
    assert "--trainer.accelerator=cpu" in fit_arguments(first_cells(study)[0], study, 120, tmp_path, [])
    (tmp_path / "step_costs.json").write_text(
        '{"one": {"core_seconds": 0, "reference_seconds": 1, "steps": 1, "peak_mib": 1}}'
    )
    with pytest.raises(InputError, match=r"step_costs.json cannot be read \(core_seconds is 0; expected a positive"):
        read_step_costs(tmp_path)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_expected_best_is_the_mean_best_of_all_subsets(mode: str) -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    best = min if mode == "min" else max
    for count in range(1, len(values) + 1):
        subsets = fmean(best(subset) for subset in combinations(values, count))
        assert expected_best(values, count, mode) == pytest.approx(subsets)
    assert expected_best(values, 1, mode) == pytest.approx(fmean(values))
    with pytest.raises(ValueError, match="count is 7; expected from 1 to 6, the number of values"):
        expected_best(values, 7, mode)
