"""Cross-references of docstrings, such as ``:class:`Objective```, as links of the reference."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from griffe import Alias, Extension, GriffeLoader, Module, Object

ROLE = re.compile(r":(class|func|meth|attr|data|mod|math):`([^`]+)`")


class Roles(Extension):
    """Turns each role into a link if exactly one object has its name, else into code."""

    def on_package(self, *, pkg: Module, loader: GriffeLoader, **kwargs: Any) -> None:
        """Rewrite all docstrings of a package when it is loaded."""
        objects = list(walk(pkg))
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for each in objects:
            parts = each.path.split(".")
            for start in range(len(parts)):
                by_name[".".join(parts[start:])].append(each.path)
        for each in objects:
            if each.docstring:
                each.docstring.value = ROLE.sub(lambda role, each=each: link(role, each, by_name), each.docstring.value)


def walk(parent: Object) -> Iterator[Object]:
    """An object and all that it defines; what it imports is another's."""
    yield parent
    for member in parent.members.values():
        if not isinstance(member, Alias):
            yield from walk(member)


def link(role: re.Match[str], user: Object, by_name: dict[str, list[str]]) -> str:
    """The Markdown of a role in the docstring of `user`; a name means the nearest object that has it."""
    kind, name = role[1], role[2].removeprefix(".")
    if kind == "math":
        return f"${name}$"
    found = by_name.get(name, [])
    owner: Object | None = user
    while len(found) > 1 and owner is not None:
        found = [path for path in found if path.startswith(f"{owner.path}.")] or found
        owner = owner.parent
    shown = f"{name}()" if kind in ("func", "meth") else name
    if len(found) != 1:
        return f"`{shown}`"
    return f'<autoref identifier="{found[0]}" optional>`{shown}`</autoref>'
