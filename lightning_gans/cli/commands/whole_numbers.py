"""Lists of whole numbers as one writes them."""

from __future__ import annotations

import argparse
import re

PART = re.compile(r"(\d+)(?:-(\d+))?")
MOST = 100_000
"""Numbers in a list; more is a slip of the hand."""


def whole_numbers(text: str) -> list[int]:
    """The numbers in a list such as ``3``, ``0-9`` or ``1,4-6``.

    Raises:
        argparse.ArgumentTypeError: if it is no such list.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = PART.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or last - first >= MOST:
            raise argparse.ArgumentTypeError(
                f"{text} is no list of whole numbers; expected one such as 3 or 0-9 or 1,4-6"
            )
        numbers += range(first, last + 1)
    return numbers
