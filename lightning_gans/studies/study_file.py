"""Finds and reads study files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_home
from lightning_gans.core.names import did_you_mean, similar_names
from lightning_gans.core.shipped_configs import STUDIES, config_folder, study_names
from lightning_gans.runs.scores import better
from lightning_gans.studies.sections import (
    check_keys,
    parse_budget,
    parse_count,
    parse_data,
    parse_methods,
    parse_names,
    parse_overrides,
    parse_search,
    parse_search_plan,
    parse_seeds,
)
from lightning_gans.studies.study import Study
from lightning_gans.sweeps.space import to_argument

KEYS = ("score", "columns", "budget", "validations", "seeds", "overrides", "data", "methods")
SEARCH_KEYS = ("search", "settings", "fresh_seeds", "draw_seed")


def find_study(given: str) -> Path:
    """Return the path of a study file: ``given`` if it is a file, else the shipped study of that name.

    Raises:
        InputError: if there is neither.
    """
    if (path := Path(expand_home(given, "FILE"))).is_file():
        return path
    name = given.removesuffix(".yaml").removeprefix(f"{STUDIES}/")
    shipped = config_folder() / STUDIES / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = [known.removeprefix(f"{STUDIES}/") for known in study_names()]
    hint = did_you_mean(similar_names(name, names)) or f"; shipped are {', '.join(names)}"
    raise InputError(f"FILE is {given}, which is neither a file nor a shipped study{hint}")


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises:
        InputError: if the file cannot be read, or a key or a value in it is not valid; the message names the file.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a study; expected methods, seeds and budget")
    try:
        return parse_study(path, content)
    except InputError as error:
        raise InputError(f"{error} (in {path})") from None


def parse_study(path: Path, content: dict[Any, Any]) -> Study:
    """Check the content of a study file.

    Raises:
        InputError: if a key or a value is not valid.
    """
    check_keys("", content, (*KEYS, *SEARCH_KEYS))
    score = content.get("score", "fid")
    if not isinstance(score, str) or better(score) is None:
        raise InputError(f"score is {to_argument(score)}; expected the name of a score, such as fid, kid or coverage")
    budget = parse_budget(content.get("budget"))
    common = parse_search("search", content.get("search", {}))
    methods = parse_methods(content.get("methods"), common)
    study = Study(
        path=path,
        name=path.stem,
        score=score,
        columns=None if content.get("columns") is None else parse_names("columns", content["columns"]),
        budget=budget,
        validations=parse_count("validations", content.get("validations", 4)),
        seeds=parse_seeds("seeds", content.get("seeds")),
        overrides=parse_overrides("overrides", content.get("overrides", {})),
        data=parse_data(content.get("data"), budget),
        methods=methods,
        **parse_search_plan(content, any(method.search for method in methods)),
    )
    check_names(study)
    return study


def check_names(study: Study) -> None:
    """Check that the folders of all runs are different.

    Raises:
        InputError: if a data set and a method together are named as others are.
    """
    seen: dict[str, tuple[str, str]] = {}
    for data in study.data:
        for method in study.methods:
            name = "-".join(filter(None, (data.name, method.name)))
            if name in seen:
                raise InputError(
                    f"data {data.name} with method {method.name} has the name {name}, as has data {seen[name][0]} "
                    f"with method {seen[name][1]}; expected other names"
                )
            seen[name] = (data.name, method.name)
