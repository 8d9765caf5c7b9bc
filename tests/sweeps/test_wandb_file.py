"""Sweep files: what is read from them, what is refused, and every shipped one against the real parser."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from lightning_gans.cli.commands.common import run_command
from lightning_gans.cli.sweep_check import parse_all, samples
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder, config_names, sweep_names
from lightning_gans.runs.scores import better
from lightning_gans.sweeps.space import Parameter
from lightning_gans.sweeps.wandb_file import SuccessiveHalving, find_sweep, read_sweep

SHIPPED = sorted((config_folder() / "sweeps").rglob("*.yaml"))

GOOD: dict[str, Any] = {
    "program": "lightning-gans",
    "method": "random",
    "metric": {"name": "best/fid", "goal": "minimize"},
    "parameters": {"ema.decay": {"min": 0.9, "max": 0.999}},
    "command": ["${env}", "lightning-gans", "fit", "--config", "dcgan/digits", "${args}"],
}


def written(folder: Path, **changes: Any) -> Path:
    """A sweep's file: a good one with these changes, without what is changed to None."""
    path = folder / "sweep.yaml"
    content = {key: value for key, value in (GOOD | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


# Every shipped sweep.


def test_sweeps_are_found_and_are_no_configs(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(SHIPPED) >= 5
    assert sweep_names() == [path.relative_to(config_folder()).with_suffix("").as_posix() for path in SHIPPED]
    assert not [name for name in config_names() if "sweeps" in name]
    run_command("configs", [])
    configs, _, sweeps = capsys.readouterr().out.partition("For `lightning-gans sweep` and W&B:\n")
    assert "dcgan/digits" in configs
    assert "sweeps/" not in configs
    assert [line.split()[0] for line in sweeps.splitlines()] == sweep_names()


def test_all_methods_are_shipped_and_the_seeds() -> None:
    sweeps = [read_sweep(path) for path in SHIPPED]
    assert {sweep.method for sweep in sweeps} == {"random", "grid", "bayes"}
    assert all(sweep.halving for sweep in sweeps if sweep.method == "bayes")
    assert [p.key for p in read_sweep(find_sweep("seeds")).varied] == ["seed_everything"]
    varied = {p.key for sweep in sweeps for p in sweep.varied}
    assert {"model", "model.optimizer_g.lr", "model.optimizer_g.betas", "model.generator.width"} <= varied
    assert {"model.lambda_a", "model.lambda_l1", "model.penalty.weight"} <= varied


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_sweep_says_what_it_is_and_how_to_start_it(path: Path) -> None:
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert not comments[0].startswith("#   ")
    assert any(f"lightning-gans sweep {path.stem}" in line for line in comments)
    assert any(f"wandb sweep configs/sweeps/{path.name}" in line for line in comments)


def draw(parameter: Parameter, rng: random.Random) -> Any:
    """Anything that Optuna might draw."""
    if parameter.distribution is None:
        return None
    if parameter.choices is not None:
        return rng.choice(list(parameter.choices))
    low, high = parameter.examples
    return rng.uniform(low, high)


def value_at(config: Any, key: str) -> Any:
    """What a parsed config has at a key in the short form of the command line."""
    for part in key.split("."):
        inside = config.get("init_args")
        if part not in config and inside is not None:
            config = inside
        config = config[part]
    return config


@pytest.mark.slow  # two hundred command lines
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_key_and_sampled_value_of_every_shipped_sweep_parses(path: Path) -> None:
    sweep, rng = read_sweep(path), random.Random(0)
    drawn = [{p.key: draw(p, rng) for p in sweep.parameters} for _ in range(8)]
    lines = [["fit", *sweep.arguments(draws)] for draws in drawn] + [
        ["fit", *sweep.arguments(draws)] for draws in samples(sweep)
    ]
    parsed = parse_all(lines)
    for draws, config in zip(drawn, parsed[:8], strict=True):
        for p in sweep.parameters:
            wanted, found = p.value_of(draws[p.key]), value_at(config["fit"], p.key)
            if isinstance(wanted, str):
                assert found["class_path"].rpartition(".")[2] == wanted
            else:
                assert found == (tuple(wanted) if isinstance(wanted, list) else wanted)
        assert config["fit"]["trainer"]["logger"]["class_path"].endswith("CSVLogger")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_sweep_parses_as_wandb_gives_its_arguments(path: Path) -> None:
    sweep, rng = read_sweep(path), random.Random(1)
    lines = []
    for _ in range(3):
        # In any order: W&B promises none.
        parameters = rng.sample(sweep.parameters, len(sweep.parameters))
        given = {p.key: {"value": p.value_of(draw(p, rng))} for p in parameters}
        arguments = create_sweep_command_args({"args": given})["args"]
        command = sweep.raw["command"]
        assert command[:3] == ["${env}", "lightning-gans", "fit"]
        lines.append([part for item in command[2:] for part in (arguments if item == "${args}" else [item])])
    for config in parse_all(lines):
        assert config["fit"]["trainer"]["logger"]["class_path"].endswith("WandbLogger")
    # What each run logs as the best.
    assert sweep.raw["metric"]["name"] == f"best/{sweep.score}"
    assert better(sweep.score) == ("max" if sweep.maximize else "min")


def test_a_key_that_is_none_is_refused_by_the_real_parser(tmp_path: Path) -> None:
    sweep = read_sweep(written(tmp_path, parameters={"ema.decai": {"values": [0.9]}}))
    with pytest.raises(InputError, match=r"ema\.decai is not a known key; did you mean"):
        parse_all([["fit", *sweep.arguments(draws)] for draws in samples(sweep)])


def test_one_bad_value_among_good_ones_is_refused_by_the_real_parser(tmp_path: Path) -> None:
    given = {"ema.decay": {"min": 0.9, "max": 0.999}, "trainer.max_epochs": {"values": [1, 2, "many", 4]}}
    sweep = read_sweep(written(tmp_path, parameters=given))
    with pytest.raises(InputError, match=r"trainer\.max_epochs is many; expected a whole number or null"):
        parse_all([["fit", *sweep.arguments(draws)] for draws in samples(sweep)])


# Reading.


def test_a_sweep_is_found_by_name_or_path(tmp_path: Path) -> None:
    shipped = config_folder() / "sweeps" / "random.yaml"
    assert find_sweep("random") == find_sweep("sweeps/random") == find_sweep("random.yaml") == shipped
    mine = written(tmp_path)
    assert find_sweep(str(mine)) == mine
    with pytest.raises(
        InputError, match="sweep is randon, which is neither a file nor a shipped sweep; did you mean r"
    ):
        find_sweep("randon")
    with pytest.raises(InputError, match="shipped are sweeps/bayes, "):
        find_sweep("/nowhere/at/all")


def test_what_a_file_says_is_read(tmp_path: Path) -> None:
    sweep = read_sweep(written(tmp_path, metric={"name": "best/b/miou", "goal": "maximize"}, run_cap=7))
    assert (sweep.method, sweep.score, sweep.maximize, sweep.run_cap) == ("random", "b/miou", True, 7)
    assert sweep.arguments({"ema.decay": 0.95}) == ["--config", "dcgan/digits", "--ema.decay=0.95"]
    assert sweep.halving is None


def test_arguments_stand_where_the_command_has_them_and_the_logger_is_left_out(tmp_path: Path) -> None:
    command = ["${env}", "python", "-m", "lightning_gans", "fit", "--config=logger/wandb", "--config", "dcgan/digits"]
    command += ["--trainer.logger.offline", "true", "-c", "configs/logger/wandb.yaml", "${args}"]
    command += ["--trainer.logger=WandbLogger", "--ema.decay", "0.9"]
    sweep = read_sweep(written(tmp_path, command=command, parameters={"trainer.max_epochs": {"value": 3}}))
    assert sweep.arguments({}) == ["--config", "dcgan/digits", "--trainer.max_epochs=3", "--ema.decay", "0.9"]


def test_the_program_may_stand_for_itself(tmp_path: Path) -> None:
    sweep = read_sweep(written(tmp_path, command=["${env}", "${program}", "fit", "${args}"]))
    assert sweep.before == []


@pytest.mark.parametrize(
    ("given", "halving"),
    [
        ({"min_iter": 2}, SuccessiveHalving(2, 3)),
        ({"min_iter": 2, "eta": 2, "strict": True}, SuccessiveHalving(2, 2)),
        # Brackets at 27/3 and 27/9.
        ({"max_iter": 27, "s": 2}, SuccessiveHalving(3, 3)),
        ({"max_iter": 2, "s": 2}, SuccessiveHalving(1, 3)),
    ],
)
def test_hyperband_begins_at_its_first_bracket(
    tmp_path: Path, given: dict[str, Any], halving: SuccessiveHalving
) -> None:
    assert read_sweep(written(tmp_path, early_terminate={"type": "hyperband", **given})).halving == halving


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "guess"}, "method is guess; expected random or grid or bayes"),
        ({"method": None}, "method is None; expected"),
        ({"early_terminat": {}}, "early_terminat is not a key of a sweep; expected program, "),
        ({"parameters": None}, "parameters is null; expected at least one key"),
        ({"parameters": {}}, "parameters is {}; expected at least one key"),
        ({"parameters": {"x": {"distribution": "none"}}}, "parameters.x.distribution is none; expected one of"),
        ({"run_cap": 0}, "run_cap is 0; expected a whole number of at least 1"),
        ({"metric": None}, "metric is null; expected name and goal"),
        ({"metric": {"name": "loss"}}, "metric.name is loss; expected best/SCORE, such as best/fid"),
        ({"metric": {"name": "best/fid", "goal": "less"}}, "metric.goal is less; expected minimize or maximize"),
        ({"early_terminate": {"type": "envelope"}}, "early_terminate is .*; expected type: hyperband"),
        ({"early_terminate": {"type": "hyperband"}}, "early_terminate has no min_iter; expected it, or max_iter and s"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 0}}, "early_terminate.min_iter is 0; expected a whole"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 1}}, "early_terminate.eta is 1; expected"),
        ({"early_terminate": {"type": "hyperband", "rate": 1}}, "early_terminate.rate is not known; expected"),
        ({"command": None}, "command is null; expected"),
        ({"command": ["python", "train.py", "${args}"]}, "command is .*; expected .* lightning-gans, fit"),
        ({"command": ["lightning-gans", "fit"]}, "command is .*; expected .*args"),
        ({"command": ["lightning-gans", "fit", "${args}", "${args_json}"]}, r"command has \${args_json}; expected"),
    ],
)
def test_a_bad_file_is_refused_by_key_and_file(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(InputError, match=message) as refused:
        read_sweep(path)
    assert str(refused.value).endswith(f"(in {path})")


@pytest.mark.parametrize("content", ["[1, 2", "a: b: c", "\t"])
def test_what_is_no_yaml_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_sweep(path)


def test_what_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("random")
    with pytest.raises(InputError, match="is not a sweep; expected method, metric, parameters and command"):
        read_sweep(path)
