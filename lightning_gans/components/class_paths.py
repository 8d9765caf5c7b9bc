"""Classes by their paths: those that the user names, and those that a file from elsewhere may name.

A config on the command line is the user's own, and may name anything: :func:`import_object` and :func:`find_class`. A
checkpoint, a ``config.json`` or a safetensors file may come from a stranger. Importing a module runs its code, so
:func:`find_part` looks up the classes of this package and of torch that are parts of models, and imports nothing else
than what the user has named as trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from torch import nn, optim
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from lightning_gans.core.arguments import is_class_path
from lightning_gans.core.errors import UntrustedClassError

OWN_PACKAGES = ("lightning_gans.components", "lightning_gans.networks", "lightning_gans.variants")
"""Packages whose classes files from elsewhere may name; their constructors compute, and touch nothing else."""

TORCH_LAYERS = (
    "activation",
    "batchnorm",
    "conv",
    "dropout",
    "flatten",
    "fold",
    "instancenorm",
    "linear",
    "normalization",
    "padding",
    "pixelshuffle",
    "pooling",
    "upsampling",
)
"""Modules of ``torch.nn.modules`` whose classes files from elsewhere may name: single layers, of numbers only."""


class Trust:
    """The classes that the user trusts beside those of this package and of torch.

    Args:
        classes: class paths, such as "mynet.MyGenerator", or classes; or one of them.

    Raises:
        ValueError: if an entry is neither a class nor the path of one.
    """

    def __init__(self, classes: Iterable[str | type] | str | type = ()) -> None:
        self._classes: dict[str, type | None] = {}
        for entry in (classes,) if isinstance(classes, str | type) else classes:
            if isinstance(entry, type):
                self._classes[f"{entry.__module__}.{entry.__qualname__}"] = entry
            elif isinstance(entry, str) and is_class_path(entry):
                self._classes.setdefault(entry, None)
            else:
                raise ValueError(f"trust contains {entry!r}; expected the path of a class, such as mynet.MyGenerator")

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, path: object) -> bool:
        return path in self._classes

    def find(self, path: str) -> type:
        """The class of a trusted path; its module is imported if necessary.

        Raises:
            ImportError: if its module cannot be imported.
            TypeError: if it is not a class.
        """
        return self._classes[path] or find_class(path)


NO_TRUST = Trust()
"""Only classes of this package and of torch."""


def import_object(path: str) -> Any:
    """Import an object that the user has named, such as a class or a function.

    Raises:
        ImportError: if there is no such module or object.
    """
    names = path.split(".")
    for count in range(len(names) - 1, 0, -1):
        module = ".".join(names[:count])
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if count > 1 and error.name is not None and f"{module}.".startswith(f"{error.name}."):
                continue  # a class within a class
            raise
        for name in names[count:]:
            if not hasattr(found, name):
                raise ImportError(f"{module} has no {'.'.join(names[count:])}")
            found = getattr(found, name)
        return found
    raise ImportError(f"{path} is not a path of a module and a name")


def find_class(path: str) -> type:
    """Import a class that the user has named.

    Raises:
        ImportError: if there is no such module or object.
        TypeError: if it is not a class.
    """
    found = import_object(path)
    if not isinstance(found, type):
        raise TypeError(f"{path} is not a class")
    return found


def find_part(path: object, base: type, trust: Trust = NO_TRUST) -> type:
    """The class that a file from elsewhere names as a part of a model.

    Args:
        path: the class path in the file.
        base: class that it has to be a subclass of.
        trust: classes that may be imported beside those of this package and of torch.

    Raises:
        ImportError: if a trusted class cannot be imported.
        TypeError: if it is not a subclass of ``base``.
        ValueError: if it is not trusted.
    """
    if not isinstance(path, str) or not is_class_path(path):
        raise TypeError(f"class_path is {path!r}; expected the path of a class")
    found = trust.find(path) if path in trust else _known(path)
    if found is None:
        raise ValueError(f"{path} is neither of lightning_gans nor of torch.nn, and not trusted")
    if not issubclass(found, base):
        raise TypeError(f"{path} is not a {base.__name__}")
    return found


def _known(path: str) -> type | None:
    """A class of this package or of torch that files may name; None if there is none of that path."""
    module, _, name = path.rpartition(".")
    # The package itself offers variants under their names, and data modules, which are no parts of models.
    if not _is_own(module) and module != "lightning_gans":
        return _torch_classes().get(path)
    try:
        found = getattr(import_module(module), name, None)
    except ImportError:
        return None
    return found if isinstance(found, type) and (_is_own(found.__module__)) else None


def _is_own(module: str) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in OWN_PACKAGES)


@cache
def _torch_classes() -> dict[str, type]:
    """Layers, optimizers and schedules of torch by the paths that lead to them."""
    layers = {f"torch.nn.modules.{name}" for name in TORCH_LAYERS}
    found: dict[str, type] = {}
    for package, base in ((nn, nn.Module), (optim, Optimizer), (lr_scheduler, LRScheduler)):
        for name, item in vars(package).items():
            if not isinstance(item, type) or not issubclass(item, base) or name.startswith(("_", "Lazy")):
                continue
            if base is not nn.Module or item.__module__ in layers:
                found |= {f"{package.__name__}.{name}": item, f"{item.__module__}.{name}": item}
    return found


def require_trust(config: object, trust: Trust, subject: str) -> None:
    """Check that all class paths in a config are known or trusted. Nothing but this package is imported.

    Args:
        config: plain data that is not nested deeply.
        trust: classes that are trusted.
        subject: what contains the config, for the message, such as "path is model.ckpt, which".

    Raises:
        UntrustedClassError: if not; only paths that could be those of a class are listed.
    """
    paths = [path for path in class_paths(config) if is_class_path(path) and path not in trust]
    if unknown := [path for path in dict.fromkeys(paths) if _known(path) is None]:
        raise UntrustedClassError(subject, unknown)


def class_paths(node: object) -> Iterator[str]:
    """All class paths in a config."""
    if isinstance(node, Mapping) and isinstance(node.get("class_path"), str):
        yield node["class_path"]
    values = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    for value in values:
        yield from class_paths(value)
