"""Study files: what is read from them, and what is refused by its key and value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder, config_names, study_names
from lightning_gans.studies.study import Budget, DataSet
from lightning_gans.studies.study_file import find_study, read_study
from tests.support.studies import GOOD, SEARCH, study_of

SHIPPED = sorted((config_folder() / "studies").rglob("*.yaml"))


def test_studies_are_found_and_are_no_configs(capsys: pytest.CaptureFixture[str]) -> None:
    assert study_names() == [path.relative_to(config_folder()).with_suffix("").as_posix() for path in SHIPPED]
    assert not [name for name in config_names() if "studies" in name]
    assert find_study("quick") == find_study("studies/quick") == config_folder() / "studies" / "quick.yaml"
    run_command("configs", [])
    listed = capsys.readouterr().out.partition("For `lightning-gans study`:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == study_names()


def test_a_study_that_does_not_exist_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match=r"FILE is quik, which is neither a file nor a shipped study; did you mean qu"):
        find_study("quik")
    with pytest.raises(InputError, match=r"FILE is xyz, .*; shipped are .*quick"):
        find_study("xyz")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_study_is_read_and_says_how_to_start_it(path: Path) -> None:
    study = read_study(path)
    assert study.name == path.stem
    text = path.read_text()
    assert any(f"lightning-gans study {path.stem}" in line for line in text.splitlines() if line.startswith("#"))
    assert max(map(len, text.splitlines())) <= 120


def test_what_is_not_given_has_defaults(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    assert (study.name, study.score, study.mode, study.validations) == ("small", "fid", "min", 4)
    assert (study.data, study.settings, study.searches) == ([DataSet()], 1, False)
    assert study.budget == Budget("steps", 10)
    assert [method.name for method in study.methods] == ["one", "two"]


def test_short_forms_and_search_spaces_are_read(tmp_path: Path) -> None:
    methods = {"a": "methods/hinge", "b": {"config": "methods/hinge", "search": {"score": {"values": [1, 2]}}}}
    study = study_of(tmp_path, methods=methods, data={"mnist": "data/mnist"}, score="coverage", **SEARCH)
    assert study.mode == "max"
    assert study.data == [DataSet("mnist", "data/mnist")]
    assert study.searches
    assert [each.choices for each in (*study.methods[0].search, *study.methods[1].search)] == [None, ("1", "2")]


BUDGET = "expected one of {steps: NUMBER}, {images: NUMBER}, {core_seconds: NUMBER}"
SEEDS = "expected a list of different whole numbers, such as [0, 1, 2]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": [1]}, "seed is not a key of a study; did you mean seeds?"),
        ({"xyz": 1}, "xyz is not a key of a study; expected score, columns, budget"),
        ({"budget": None}, f"budget is null; {BUDGET}"),
        ({"budget": 5}, f"budget is 5; {BUDGET}"),
        ({"budget": {"epochs": 5}}, f'budget is {{"epochs": 5}}; {BUDGET}'),
        ({"budget": {"steps": 5, "images": 6}}, f'budget is {{"steps": 5, "images": 6}}; {BUDGET}'),
        ({"budget": {"steps": 0}}, "budget.steps is 0; expected a whole number of at least 1"),
        ({"budget": {"images": 1.5}}, "budget.images is 1.5; expected a whole number of at least 1"),
        ({"budget": {"core_seconds": "1h"}}, "budget.core_seconds is 1h; expected a number of more than 0"),
        ({"budget": {"core_seconds": 0}}, "budget.core_seconds is 0; expected a number of more than 0"),
        ({"seeds": None}, f"seeds is null; {SEEDS}"),
        ({"seeds": []}, f"seeds is []; {SEEDS}"),
        ({"seeds": [1, 1]}, f"seeds is [1, 1]; {SEEDS}"),
        ({"seeds": [-1]}, f"seeds is [-1]; {SEEDS}"),
        ({"seeds": 3}, f"seeds is 3; {SEEDS}"),
        ({"validations": 0}, "validations is 0; expected a whole number of at least 1"),
        ({"score": "loss"}, "score is loss; expected the name of a score, such as fid, kid or coverage"),
        ({"columns": "kid"}, "columns is kid; expected a list of names"),
        ({"methods": None}, "methods is null; expected methods by name, such as {dcgan: dcgan/mnist}"),
        ({"methods": {"a b": "methods/hinge"}}, "methods has the name a b; expected letters, digits, '-', '_' and '.'"),
        ({"methods": {"a": 3}}, "methods.a is 3; expected the name of a config, or config and overrides"),
        ({"methods": {"a": {}}}, "methods.a is {}; expected the name of a config, or config and overrides"),
        ({"methods": {"a": {"config": "methods/hing"}}}, "methods.a.config is methods/hing, which is neither a file"),
        ({"methods": {"a": {"config": "methods/hinge", "x": 1}}}, "methods.a.x is not a key of a study; expected conf"),
        ({"overrides": 3}, "overrides is 3; expected values by key, such as {data.batch_size: 64}"),
        ({"overrides": {3: 4}}, "overrides has the key 3; expected a key of the command line, such as data.batch_size"),
        ({"overrides": {"seed_everything": 4}}, "overrides.seed_everything is set by the study itself; give seeds ins"),
        (
            {"overrides": {"trainer.max_steps": 4}},
            "overrides.trainer.max_steps is set by the study itself; give budget",
        ),
        ({"overrides": {"data.size,best.mode": 1}}, "overrides.data.size,best.mode is set by the study itself; give"),
        ({"overrides": {"trainer.logger.name": "x"}}, "overrides.trainer.logger.name is set by the study itself"),
        ({"data": {}}, "data is {}; expected data sets by name, such as {mnist: data/mnist}"),
        ({"data": {"a": {"budget": {"steps": 0}}}}, "data.a.budget.steps is 0; expected a whole number of at least 1"),
        ({"data": {"a": {"budget": {"images": 1}}}}, "data.a.budget is in images, but budget in steps; expected the s"),
        ({"data": {"a": 3}}, "data.a is 3; expected the name of a config, or config and overrides"),
        ({"settings": 3}, "settings is 3, but no method has a search; expected search, or no settings"),
        ({**SEARCH, "settings": None}, "settings is missing; a study with a search has settings and fresh_seeds"),
        ({**SEARCH, "fresh_seeds": None}, "fresh_seeds is missing; a study with a search has settings and fresh_seeds"),
        ({**SEARCH, "search": {"x": {"min": 1}}}, "search.x has min; expected value, values, or min and max"),
        (
            {"data": {"a": {}, "a-b": {}}, "methods": {"b-c": "methods/hinge", "c": "methods/hinge"}},
            "data a-b with method c has the name a-b-c, as has data a with method b-c; expected other names",
        ),
    ],
)
def test_what_is_no_study_is_refused_by_name(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        study_of(tmp_path, **changes)
    assert str(refused.value).endswith(f"(in {tmp_path / 'small.yaml'})")


@pytest.mark.parametrize(("text", "message"), [("- 1", "is not a study; expected"), ("a: [", "cannot be read as YAML")])
def test_a_file_that_is_no_study_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (path := tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=f"{re.escape(str(path))} {message}"):
        read_study(path)


def test_the_good_study_is_good(tmp_path: Path) -> None:
    (path := tmp_path / "x.yaml").write_text(yaml.safe_dump(GOOD))
    assert len(read_study(path).methods) == 2
