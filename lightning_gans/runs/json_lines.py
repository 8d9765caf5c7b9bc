"""Files of lines of JSON, such as ``scores.jsonl``: appended to, and read also where they are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import os_reason
from lightning_gans.core.files import append_lines, atomic_file

OnDamage = Callable[[str], object]
"""Called with a sentence about each part of a file that is damaged and left out."""


def ignore_damage(sentence: str) -> None:
    """Leave out what is damaged without a word."""


def read_lines(path: Path, on_damage: OnDamage = ignore_damage) -> list[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1; none if it does not exist.

    Args:
        path: the file.
        on_damage: is told of a file that cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        on_damage(f"{path} cannot be read ({os_reason(error)})")
        return []
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Add a line of JSON to a file, which is created if necessary.

    Raises:
        RunEnded: if it cannot be written, for example because the disk is full; the file is then as it was.
    """
    with suppress(OSError):  # reported by the next line
        path.parent.mkdir(parents=True, exist_ok=True)
    append_lines(path, f"{json.dumps(row)}\n".encode())


def keep_lines(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Drop the lines of a file that are no JSON objects, or not wanted.

    Raises:
        RunEnded: if the file has such lines and cannot be written.
    """
    lines = read_lines(path)
    kept = []
    for _, line in lines:
        try:
            row = json.loads(line.decode())
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and wanted(row):
            kept.append(line.strip() + b"\n")
    if lines and b"".join(kept) != path.read_bytes():
        with atomic_file(path) as temporary:
            temporary.write_bytes(b"".join(kept))


def is_after(row: dict[str, Any], step: int) -> bool:
    """Whether a line belongs to a later step."""
    return isinstance(row.get("step"), int) and row["step"] > step
