"""A model as plain data in its checkpoint, and the model that is built from it again."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch.optim import Optimizer

from lightning_gans.components.bounded import build_bounded
from lightning_gans.components.building import Builder
from lightning_gans.components.class_paths import Trust, find_part, require_trust
from lightning_gans.core.arguments import StoresArguments, class_path, describe, is_class_path, short_text
from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.runs.checkpoint_file import NOT_STORED

CLASS_PATH = "_class_path"
"""The hyperparameter that names the class of the model, as Lightning's command line calls it."""

ModelT = TypeVar("ModelT")


def describe_model(
    model: StoresArguments, optimizers: Mapping[str, Optimizer]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Describe a model's constructor arguments.

    Args:
        model: the model.
        optimizers: by argument, the optimizers that were made, which describe themselves if the argument is a function.

    Returns:
        The arguments as plain data, with the model's class path; and the reasons why others cannot be described.
    """
    settings: dict[str, Any] = {}
    missing: dict[str, str] = {}
    try:
        settings[CLASS_PATH] = class_path(type(model))
    except ValueError as error:
        missing[CLASS_PATH] = str(error)
    for name, value in model.constructor_arguments().items():
        made = getattr(model, name, None)
        if isinstance(value, Mapping) and isinstance(made, StoresArguments):
            value = made  # of a default, which lacks the arguments that depend on the data
        try:
            settings[name] = describe(value)
        except ValueError as error:
            if name in optimizers:
                settings[name] = describe_optimizer(optimizers[name])
            else:
                missing[name] = str(error)
    return settings, missing


def describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """The class path of an optimizer and the arguments that it was made with."""
    parameters = inspect.signature(type(optimizer)).parameters
    given = {name: value for name, value in optimizer.defaults.items() if name in parameters}
    return {"class_path": class_path(type(optimizer)), "init_args": describe(given)}


def find_model_class(settings: Mapping[str, Any], base: type[ModelT], path: Path, trust: Trust) -> type[ModelT]:
    """The class of the model in a checkpoint.

    Args:
        settings: the checkpoint's hyperparameters.
        base: class that was asked for.
        path: the checkpoint, for messages.
        trust: classes that the checkpoint may name beside those of this package; ``base`` need not be among them.

    Raises:
        InputError: if the class is not a ``base``, it is not trusted, or it is not known and ``base`` is abstract.
    """
    named = settings.get(CLASS_PATH)
    of_script = named is None or (isinstance(named, str) and named.startswith("__main__."))
    if named == f"{base.__module__}.{base.__qualname__}" or (of_script and not inspect.isabstract(base)):
        return base
    if named is None:
        raise InputError(f"checkpoint_path is {path}, which names no class; expected a subclass of {base.__name__}")
    require_trust({"class_path": named}, trust, f"checkpoint_path is {path}, which")
    try:
        return find_part(named, base, trust)
    except (ImportError, TypeError, ValueError) as error:
        shown = named if is_class_path(named) else short_text(named)
        raise InputError(
            f"checkpoint_path is {path}, which is of {shown}; expected a subclass of {base.__name__}"
        ) from error


def build_model(
    kind: type[ModelT],
    checkpoint: Mapping[str, Any],
    given: Mapping[str, Any],
    networks: Iterable[str],
    trust: Trust,
    where: str,
) -> ModelT:
    """Build a model with random weights from its description.

    Args:
        kind: class of the model.
        checkpoint: the contents of the checkpoint: weights, hyperparameters and the arguments that are not stored.
        given: arguments that replace those of the description.
        networks: names of the arguments that are networks.
        trust: classes that the checkpoint may name beside those of this package and of torch.
        where: the subject of error messages, such as "checkpoint_path is last.ckpt".

    Raises:
        UntrustedClassError: if the description names classes that are not trusted.
        InputError: if a network is neither stored nor given, or the model cannot be built.
    """
    missing = checkpoint.get(NOT_STORED, {})
    for name in networks:
        if name in missing and name not in given:
            raise InputError(
                f"the checkpoint does not describe its {name}, since {short_text(missing[name])}; give it as an "
                f"argument of load_from_checkpoint, {name}=..."
            )
    settings = checkpoint.get("hyper_parameters", {})
    stored = {name: value for name, value in settings.items() if not name.startswith("_") and name not in given}
    require_trust(stored, trust, f"{where}, which")
    builder = Builder(trust)

    def make() -> ModelT:
        return kind(**builder.arguments("model", kind, stored), **given)

    try:
        return build_bounded(make, checkpoint["state_dict"], needs_memory=len(trust) > 0 or bool(given))
    except Exception as error:  # constructors raise errors of many types for the arguments of a stranger
        reason = short_reason(error)
        raise InputError(f"{where}, whose {kind.__name__} cannot be built here ({reason})") from error
