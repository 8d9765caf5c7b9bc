"""Reads and checks W&B sweep files."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder, sweep_names
from lightning_gans.sweeps.space import Parameter, parameter, to_argument

METHODS = ("random", "grid", "bayes")

KEYS = ("program", "entity", "project", "name", "description", "run_cap")
"""Keys that are accepted and, apart from ``run_cap``, ignored: they matter to W&B only."""

ARGS = "${args}"

PROGRAM_NAMES = ("lightning-gans", "lightning_gans")


@dataclass(frozen=True)
class SuccessiveHalving:
    """A run is pruned at validation ``first``, ``first * factor`` and so on unless it is among the best 1/factor."""

    first: int
    factor: int


@dataclass(frozen=True)
class Sweep:
    """A sweep file.

    Attributes:
        path: the file.
        method: one of METHODS.
        score: name of the validation score that is optimized, such as ``fid``.
        maximize: whether a larger score is better.
        parameters: the varied parameters and the constants.
        before: arguments of ``fit`` before those of the parameters.
        after: arguments of ``fit`` after those of the parameters.
        halving: when runs are pruned; None for never.
        run_cap: the largest number of runs; None for no limit.
        raw: the content of the file.
    """

    path: Path
    method: str
    score: str
    maximize: bool
    parameters: list[Parameter]
    before: list[str]
    after: list[str]
    halving: SuccessiveHalving | None
    run_cap: int | None
    raw: dict[str, Any]

    @property
    def varied(self) -> list[Parameter]:
        """The parameters that are not constant."""
        return [parameter for parameter in self.parameters if parameter.distribution is not None]

    def arguments(self, drawn: dict[str, Any]) -> list[str]:
        """Return the arguments of ``fit`` for the drawn values by key."""
        return [*self.before, *(p.argument(drawn.get(p.key)) for p in self.parameters), *self.after]


def find_sweep(given: str) -> Path:
    """Return the path of a sweep file: ``given`` if it is a file, else the shipped sweep of that name.

    Raises:
        InputError: if there is neither.
    """
    if Path(given).is_file():
        return Path(given)
    name = given.removesuffix(".yaml").removeprefix("sweeps/")
    shipped = config_folder() / "sweeps" / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    close = difflib.get_close_matches(name, [known.removeprefix("sweeps/") for known in sweep_names()], n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"shipped are {', '.join(sweep_names())}"
    raise InputError(f"sweep is {given}, which is neither a file nor a shipped sweep; {hint}")


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        InputError: if the file cannot be read, or a key or value in it is not valid.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a sweep; expected method, metric, parameters and command")
    try:
        return parse_sweep(path, content)
    except InputError as error:
        raise InputError(f"{error} (in {path})") from None


def parse_sweep(path: Path, content: dict[str, Any]) -> Sweep:
    """Check the content of a sweep file."""
    known = (*KEYS, "method", "metric", "parameters", "early_terminate", "command")
    for key in content:
        if key not in known:
            raise InputError(f"{key} is not a key of a sweep; expected {', '.join(known)}")
    method = content.get("method")
    if method not in METHODS:
        raise InputError(f"method is {method}; expected {' or '.join(METHODS)}")
    parameters = content.get("parameters")
    if not isinstance(parameters, dict) or not parameters:
        raise InputError(f"parameters is {to_argument(parameters)}; expected at least one key with its values")
    cap = content.get("run_cap")
    if cap is not None and (not isinstance(cap, int) or cap < 1):
        raise InputError(f"run_cap is {to_argument(cap)}; expected a whole number of at least 1")
    score, maximize = parse_metric(content.get("metric"))
    before, after = fit_arguments(content.get("command"), str(content.get("program", "")))
    return Sweep(
        path=path,
        method=method,
        score=score,
        maximize=maximize,
        parameters=[parameter(str(key), given) for key, given in parameters.items()],
        before=before,
        after=after,
        halving=parse_early_terminate(content.get("early_terminate")),
        run_cap=cap,
        raw=content,
    )


def parse_metric(metric: Any) -> tuple[str, bool]:
    """Return the name of the score that is optimized, and whether a larger one is better."""
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
        raise InputError(f"metric is {to_argument(metric)}; expected name and goal, such as best/fid and minimize")
    split, _, score = metric["name"].partition("/")
    if split not in ("best", "val") or not score:
        raise InputError(f"metric.name is {metric['name']}; expected best/SCORE, such as best/fid")
    goal = metric.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise InputError(f"metric.goal is {goal}; expected minimize or maximize")
    return score, goal == "maximize"


def parse_early_terminate(given: Any) -> SuccessiveHalving | None:
    """Return when runs are pruned: by W&B's hyperband, whose brackets are counted in validations here."""
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("type") != "hyperband":
        raise InputError(f"early_terminate is {to_argument(given)}; expected type: hyperband")
    for key, value in given.items():
        if key not in ("type", "min_iter", "max_iter", "s", "eta", "strict"):
            raise InputError(f"early_terminate.{key} is not known; expected min_iter, or max_iter and s, and eta")
        if key not in ("type", "strict") and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InputError(f"early_terminate.{key} is {to_argument(value)}; expected a whole number of at least 1")
    factor = given.get("eta", 3)
    if factor < 2:
        raise InputError(f"early_terminate.eta is {factor}; expected at least 2")
    if "min_iter" in given:
        return SuccessiveHalving(given["min_iter"], factor)
    if not {"max_iter", "s"} <= given.keys():
        raise InputError("early_terminate has no min_iter; expected it, or max_iter and s")
    return SuccessiveHalving(max(1, given["max_iter"] // factor ** given["s"]), factor)


def fit_arguments(command: Any, program: str) -> tuple[list[str], list[str]]:
    """Return the arguments of ``fit`` before and after the parameters, without those of the logger."""
    expected = f"expected [..., lightning-gans, fit, ..., {ARGS}]"
    if not isinstance(command, list) or not all(isinstance(part, str) for part in command):
        raise InputError(f"command is {to_argument(command)}; {expected}")
    parts = [program if part == "${program}" else part for part in command]
    if "fit" not in parts[1:] or parts[parts.index("fit") - 1] not in PROGRAM_NAMES or parts.count(ARGS) != 1:
        raise InputError(f"command is {to_argument(command)}; {expected}")
    arguments = drop_logger_arguments(parts[parts.index("fit") + 1 :])
    unknown = [part for part in arguments if part.startswith("${") and part != ARGS]
    if unknown or ARGS not in arguments:
        raise InputError(f"command has {', '.join(unknown) or 'no arguments after fit'}; {expected}")
    place = arguments.index(ARGS)
    return arguments[:place], arguments[place + 1 :]


def drop_logger_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments without those of the logger: trials log to files, not to a service."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        option, equals, value = rest[0].partition("=")
        # The value may follow as an argument of its own.
        size = 1 if equals or len(rest) == 1 or rest[1].startswith("--") or rest[1] == ARGS else 2
        value = value if equals or size == 1 else rest[1]
        logger = option in ("--config", "-c") and "logger" in Path(value).parts[:-1]
        if not logger and option != "--trainer.logger" and not option.startswith("--trainer.logger."):
            kept += rest[:size]
        rest = rest[size:]
    return kept
