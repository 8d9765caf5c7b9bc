"""Default values of a variant's arguments that are objects, given as a class and its arguments."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from lightning_gans.components.class_paths import find_class

T = TypeVar("T")

MNIST_SHAPE = {"channels": 1, "size": 28, "num_classes": 10}
"""Arguments of default networks that are built in Python, where no data module gives them."""


class Default(dict[str, Any]):
    """The mapping that :func:`default` returns. Other mappings, such as those of a file, are not built."""


def default(cls: type, **init_args: Any) -> Any:
    """A default value for an argument whose type is ``cls`` or a base class of it.

    jsonargparse reads this mapping as the default of a key and builds the object, with the arguments that links add to
    ``init_args``. In Python the constructor gets the mapping, and builds the object with :func:`instantiate_default`.
    Unlike with jsonargparse's ``lazy_instance``, required arguments may be omitted, and each model has its own object.
    """
    return Default(class_path=f"{cls.__module__}.{cls.__qualname__}", init_args=init_args)


def instantiate_default(value: T) -> T:
    """Build the object if ``value`` was made by :func:`default`, otherwise return ``value``.

    Arguments without a value in the class and in ``value`` are taken from :data:`MNIST_SHAPE`.
    """
    if not isinstance(value, Default):
        return value
    cls = find_class(value["class_path"])
    missing = [name for name, p in inspect.signature(cls).parameters.items() if p.default in (p.empty, None)]
    shape = {name: number for name, number in MNIST_SHAPE.items() if name in missing}
    made: T = cls(**{**shape, **value["init_args"]})
    return made
