"""Checks the sections of study files."""

from __future__ import annotations

import math
import re
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.core.names import did_you_mean, similar_names
from lightning_gans.core.shipped_configs import find_config
from lightning_gans.studies.study import Budget, DataSet, Method, Unit
from lightning_gans.sweeps.space import Parameter, parameter, to_argument

UNITS: dict[str, Unit] = {"steps": "steps", "images": "images", "core_seconds": "core_seconds"}

NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
"""Names of methods and data, which are parts of names of folders."""

RESERVED = {
    **dict.fromkeys(("seed_everything",), "seeds"),
    **dict.fromkeys(("trainer.max_steps", "trainer.max_epochs", "trainer.max_time"), "budget"),
    **dict.fromkeys(("trainer.val_check_interval", "trainer.check_val_every_n_epoch"), "validations"),
    **dict.fromkeys(("best.monitor", "best.mode"), "score"),
    **dict.fromkeys(("config", "ckpt_path", "trainer.logger"), None),
}
"""Keys that the study sets itself, each with its own key that decides it; None for those that nothing decides."""


def check_keys(where: str, content: dict[Any, Any], known: tuple[str, ...]) -> None:
    """Check the keys of a section.

    Raises:
        InputError: if one is not known.
    """
    for key in content:
        if key not in known:
            hint = did_you_mean(similar_names(str(key), known)) or f"; expected {', '.join(known)}"
            raise InputError(f"{where}{key} is not a key of a study{hint}")


def parse_budget(given: Any, where: str = "budget") -> Budget:
    """The budget of a run.

    Args:
        given: its section.
        where: key of the section.
    """
    expected = f"expected one of {', '.join(f'{{{unit}: NUMBER}}' for unit in UNITS)}"
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in UNITS:
        raise InputError(f"{where} is {to_argument(given)}; {expected}")
    ((name, amount),) = given.items()
    unit = UNITS[name]
    if unit != "core_seconds":
        return Budget(unit, parse_count(f"{where}.{unit}", amount))
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < math.inf:
        raise InputError(f"{where}.{unit} is {to_argument(amount)}; expected a number of more than 0")
    return Budget(unit, amount)


def parse_count(key: str, given: Any) -> int:
    """A whole number of at least 1."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise InputError(f"{key} is {to_argument(given)}; expected a whole number of at least 1")
    return given


def parse_seeds(key: str, given: Any) -> list[int]:
    """A list of different seeds."""
    whole = isinstance(given, list) and all(type(seed) is int and 0 <= seed < 2**32 for seed in given)
    if not whole or not given or len(set(given)) < len(given):
        raise InputError(
            f"{key} is {to_argument(given)}; expected a list of different whole numbers, such as [0, 1, 2]"
        )
    return list(given)


def parse_names(key: str, given: Any) -> list[str]:
    """A list of names."""
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise InputError(f"{key} is {to_argument(given)}; expected a list of names")
    return list(given)


def parse_overrides(key: str, given: Any) -> dict[str, Any]:
    """Values by dotted key, of which the study sets none itself."""
    if not isinstance(given, dict):
        raise InputError(f"{key} is {to_argument(given)}; expected values by key, such as {{data.batch_size: 64}}")
    for name in given:
        if not isinstance(name, str):
            raise InputError(f"{key} has the key {name}; expected a key of the command line, such as data.batch_size")
        for part in name.split(","):
            own = next((each for each in RESERVED if part == each or part.startswith(f"{each}.")), None)
            if own is not None:
                remedy = f"; give {RESERVED[own]} instead" if RESERVED[own] else ""
                raise InputError(f"{key}.{name} is set by the study itself{remedy}")
    return dict(given)


def parse_config(key: str, given: Any) -> str:
    """The name or path of a config that exists."""
    if not isinstance(given, str):
        raise InputError(f"{key} is {to_argument(given)}; expected the name of a config, such as dcgan/mnist")
    try:
        find_config(given)
    except InputError as error:
        raise InputError(str(error).replace("--config is", f"{key} is", 1)) from None
    return given


def parse_search(key: str, given: Any) -> list[Parameter]:
    """A search space: distributions as in W&B's sweep files, by dotted key."""
    found = []
    for name, distribution in parse_overrides(key, given).items():
        try:
            found.append(parameter(name, distribution))
        except InputError as error:
            raise InputError(str(error).replace(f"parameters.{name}", f"{key}.{name}", 1)) from None
    return found


def parse_search_plan(content: dict[Any, Any], searches: bool) -> dict[str, Any]:
    """The keys that only a study with a search has."""
    plan = ("settings", "fresh_seeds")
    if not searches:
        if key := next((key for key in (*plan, "draw_seed") if key in content), None):
            raise InputError(
                f"{key} is {to_argument(content[key])}, but no method has a search; expected search, or no {key}"
            )
        return {}
    if missing := next((key for key in plan if key not in content), None):
        raise InputError(f"{missing} is missing; a study with a search has {' and '.join(plan)}")
    return {
        "settings": parse_count("settings", content["settings"]),
        "fresh_seeds": parse_seeds("fresh_seeds", content["fresh_seeds"]),
        "draw_seed": parse_seeds("draw_seed", [content.get("draw_seed", 0)])[0],
    }


def parse_data(given: Any, budget: Budget) -> list[DataSet]:
    """The data sets; without any, one that stands for those of the methods' configs.

    Args:
        given: their section.
        budget: of the study, in whose unit the budgets of data are.
    """
    if given is None:
        return [DataSet()]
    if not isinstance(given, dict) or not given:
        raise InputError(f"data is {to_argument(given)}; expected data sets by name, such as {{mnist: data/mnist}}")
    found = []
    for name, section in given.items():
        where = f"data.{check_name('data', name)}"
        settings = {"config": section} if isinstance(section, str) else section
        if not isinstance(settings, dict):
            raise InputError(
                f"{where} is {to_argument(section)}; expected the name of a config, or config and overrides"
            )
        check_keys(f"{where}.", settings, ("config", "overrides", "budget"))
        config = None if settings.get("config") is None else parse_config(f"{where}.config", settings["config"])
        own = None if settings.get("budget") is None else parse_budget(settings["budget"], f"{where}.budget")
        if own is not None and own.unit != budget.unit:
            raise InputError(f"{where}.budget is in {own.unit}, but budget in {budget.unit}; expected the same unit")
        overrides = parse_overrides(f"{where}.overrides", settings.get("overrides", {}))
        found.append(DataSet(name, config, overrides, own))
    return found


def parse_methods(given: Any, common: list[Parameter]) -> list[Method]:
    """The methods.

    Args:
        given: their section.
        common: the search space of all methods, to which each adds its own.
    """
    if not isinstance(given, dict) or not given:
        raise InputError(f"methods is {to_argument(given)}; expected methods by name, such as {{dcgan: dcgan/mnist}}")
    found = []
    for name, section in given.items():
        where = f"methods.{check_name('methods', name)}"
        settings = {"config": section} if isinstance(section, str) else section
        if not isinstance(settings, dict) or "config" not in settings:
            raise InputError(
                f"{where} is {to_argument(section)}; expected the name of a config, or config and overrides"
            )
        check_keys(f"{where}.", settings, ("config", "overrides", "search"))
        own = parse_search(f"{where}.search", settings.get("search", {}))
        keys = {each.key for each in own}
        found.append(
            Method(
                name,
                parse_config(f"{where}.config", settings["config"]),
                parse_overrides(f"{where}.overrides", settings.get("overrides", {})),
                [*(each for each in common if each.key not in keys), *own],
            )
        )
    return found


def check_name(section: str, name: Any) -> str:
    """Check the name of a method or of data, which is part of names of folders."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(f"{section} has the name {to_argument(name)}; expected letters, digits, '-', '_' and '.'")
    return name
