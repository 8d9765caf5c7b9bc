"""A model as plain data in its checkpoint, and the model that is built from it again."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from jsonargparse import ArgumentError, ArgumentParser
from torch.optim import Optimizer

from lightning_gans.components.class_paths import check_class_paths, find_class
from lightning_gans.core.arguments import StoresArguments, class_path, describe
from lightning_gans.core.errors import InputError

CLASS_PATH = "_class_path"
"""The hyperparameter that names the class of the model, as Lightning's command line calls it."""

NOT_STORED = "arguments_not_stored"
"""The key of a checkpoint with the names of arguments that could not be stored, each with the reason."""

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


def find_model_class(settings: Mapping[str, Any], base: type[ModelT], path: Path) -> type[ModelT]:
    """The class of the model in a checkpoint.

    Args:
        settings: the checkpoint's hyperparameters.
        base: class that was asked for.
        path: the checkpoint, for messages.

    Raises:
        InputError: if the class is not a ``base``, or it is not known and ``base`` is abstract.
    """
    named = settings.get(CLASS_PATH)
    try:
        found = None if named is None else find_class(str(named))
    except (ImportError, TypeError):
        found = None
    if found is not None and issubclass(found, base):
        return found
    if found is not None or inspect.isabstract(base):
        what = "names no class" if named is None else f"is of {named}"
        raise InputError(f"checkpoint_path is {path}, which {what}; expected a subclass of {base.__name__}")
    return base  # of a class in a script


def build_model(
    kind: type[ModelT],
    settings: Mapping[str, Any],
    given: Mapping[str, Any],
    missing: Mapping[str, str],
    networks: Iterable[str],
) -> ModelT:
    """Build a model with random weights from its description.

    Args:
        kind: class of the model.
        settings: the arguments as plain data; names that begin with an underscore are ignored.
        given: arguments that replace those of the description.
        missing: arguments that could not be stored, each with the reason.
        networks: names of the arguments that are networks.

    Raises:
        InputError: if a network is neither stored nor given, or the model cannot be built.
    """
    for name in networks:
        if name in missing and name not in given:
            raise InputError(
                f"the checkpoint does not describe its {name}, since {missing[name]}; give it as an argument of "
                f"load_from_checkpoint, {name}=..."
            )
    stored = {name: value for name, value in settings.items() if not name.startswith("_") and name not in given}
    parser = ArgumentParser(exit_on_error=False)
    try:
        check_class_paths(stored)
        with torch.random.fork_rng(devices=[]):  # loading a model must not change what a script draws afterwards
            parser.add_class_arguments(kind, "model", skip=set(given), instantiate=False, fail_untyped=False)
            parsed = parser.instantiate_classes(parser.parse_object({"model": stored}))
            return kind(**vars(parsed["model"]), **given)
    except (ArgumentError, TypeError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the checkpoint's {kind.__name__} cannot be built here ({reason})") from error
