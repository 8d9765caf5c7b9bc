"""Default values of a variant's arguments: objects, given as a class and its arguments, and what the data determine."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from lightning_gans.components.class_paths import find_class
from lightning_gans.core.data import Data, check_offers

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


def instantiate_default(value: T, shape: Mapping[str, Any] = MNIST_SHAPE) -> T:
    """Build the object if ``value`` was made by :func:`default`, otherwise return ``value``.

    Args:
        value: the value of an argument.
        shape: arguments without a value in the class and in ``value`` are taken from it.
    """
    if not isinstance(value, Default):
        return value
    cls = find_class(value["class_path"])
    missing = [name for name, p in inspect.signature(cls).parameters.items() if p.default in (p.empty, None)]
    given = {name: number for name, number in shape.items() if name in missing}
    made: T = cls(**{**given, **value["init_args"]})
    return made


def default_of(model: type, name: str) -> Any:
    """The default of an argument of a class or of its bases; None if it has none."""
    signatures = (inspect.signature(base) for base in model.__mro__ if "__init__" in vars(base))
    found = next((each.parameters[name] for each in signatures if name in each.parameters), None)
    return None if found is None or found.default is inspect.Parameter.empty else found.default


class MadeForData:
    """Base class of models whose networks have the shape of the images."""

    data_protocol: ClassVar[type] = Data
    """The protocol of :mod:`lightning_gans.core.data` that a data module must satisfy."""

    @classmethod
    def check_data(cls, data: type) -> None:
        """Raise InputError if the family cannot use the batches of a data module; the base class accepts any.

        Args:
            data: class of the data module.
        """

    @classmethod
    def arguments_for(cls, data: Data, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG003 (for subclasses)
        """Arguments of the constructor that depend on the data; none in the base class.

        Args:
            data: the data module.
            given: the other arguments of the constructor.
        """
        return {}

    @classmethod
    def for_data(cls, data: Data, **kwargs: Any) -> Self:
        """A model whose networks fit a data module, as the command line builds it.

        Args:
            data: the data module.
            **kwargs: arguments of the constructor; networks among them must fit the data themselves.

        Raises:
            InputError: if the family cannot use the data.
        """
        cls.check_data(type(data))
        check_offers(data, cls.data_protocol, cls.__name__)
        return cls(**{**cls.arguments_for(data, kwargs), **kwargs})
