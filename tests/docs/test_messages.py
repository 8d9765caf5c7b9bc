"""Messages that the page on troubleshooting quotes are the program's own."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.test_names import sources
from tests.docs.test_pages import DOCS, text_of

PAGE = DOCS / "troubleshooting.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs is not beside the tests")

ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
LEAST = 6
"""Characters from which a part of a message between names and values is looked for."""


@cache
def texts() -> str:
    """All strings of the package, each on a line; values in them are marks."""
    found = []
    for tree in sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def quoted() -> list[str]:
    return ROW.findall(text_of(PAGE).split("\n## Messages\n")[1])


def test_quoted_messages_are_those_of_the_source() -> None:
    messages = quoted()
    assert len(messages) > 15
    parts = [part.strip(" .:()?") for message in messages for part in re.split("…|; |, ", message)]
    assert [part for part in parts if len(part) >= LEAST and part not in texts()] == []


def test_a_changed_message_is_noticed() -> None:
    assert "is not a known key" in texts()
    assert "is not a known knob" not in texts()
