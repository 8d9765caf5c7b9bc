"""Objects as default values of a variant's arguments, declared as class and arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pydoc import locate
from typing import Any, TypeVar

T = TypeVar("T")

MNIST_SHAPE = {"channels": 1, "size": 28, "num_classes": 10}
"""Arguments of default networks that are built in Python, where no data module gives them."""


def default(cls: type, **init_args: Any) -> Any:
    """A default value for an argument whose type is ``cls`` or a base of it.

    jsonargparse reads such a mapping as the default of a key and builds the object itself, with what links add to
    ``init_args``. In Python the constructor gets the mapping, and builds the object with :func:`instantiate_default`.
    Other than with jsonargparse's ``lazy_instance``, required arguments may be left out, and each model gets an object
    of its own.
    """
    return {"class_path": f"{cls.__module__}.{cls.__qualname__}", "init_args": init_args}


def instantiate_default(value: T) -> T:
    """A new object if ``value`` comes from :func:`default`, else ``value`` itself.

    Arguments that neither the class nor the default gives are those of :data:`MNIST_SHAPE`.
    """
    if not isinstance(value, Mapping):
        return value
    cls = locate(value["class_path"])
    assert isinstance(cls, type)
    missing = [name for name, p in inspect.signature(cls).parameters.items() if p.default in (p.empty, None)]
    shape = {name: number for name, number in MNIST_SHAPE.items() if name in missing}
    made: T = cls(**{**shape, **value["init_args"]})
    return made
