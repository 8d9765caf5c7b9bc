"""Reads and writes ``metrics.csv``, also where a full disk, a kill or a power failure has damaged it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightning_gans.core.files import atomic_file

STEP = re.compile(r"\d{1,15}", re.ASCII)
"""A step. Floats represent all of these exactly."""

NOT_NUMBERS = ("", "True", "False")
"""Cells of whole rows that are no numbers: of a value that was not logged, and of truth values."""


class MetricsLog(NamedTuple):
    """The contents of a log.

    Attributes:
        columns: names in the header; none if the header is damaged.
        rows: the whole rows, each cell under its column.
        damaged: numbers of the lines that are no whole rows, from 1. Line 1 is the header.
        cut: whether the last line is one of these because its end is missing, as after a kill.
    """

    columns: list[str]
    rows: list[dict[str, str]]
    damaged: list[int]
    cut: bool

    def describe_damage(self, path: Path) -> list[str]:
        """A sentence for each damaged line.

        Args:
            path: the log's file.
        """
        if not self.columns:
            return [f"{path}, line 1, is not a header with a column step" for _ in self.damaged[:1]]
        return [f"{path}, line {number}, is not a whole row of the log" for number in self.damaged]


def read_metrics_log(path: Path) -> MetricsLog:
    """Read a log; a file that does not exist is empty.

    A row is whole if its line has an end, a cell for each column, numbers or nothing in all cells, and a step. Half a
    row, also one that is cut within a number, a row that begins within another one, and bytes that are no text are not.

    Raises:
        OSError: if the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        lines = [b""]
    # The last one is empty if the line before it has an end; of the two characters of an end one may be cut off.
    cut = bool(lines[-1]) and not lines[-1].endswith(b"\r")
    if not lines[0]:
        return MetricsLog([], [], [1] if len(lines) > 1 else [], cut=False)
    columns = parse_header(lines[0]) if len(lines) > 1 else []
    if not columns:
        return MetricsLog([], [], list(range(1, len(lines) + bool(lines[-1]))), cut)
    rows, damaged = [], []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip(b"\r"):
            continue
        cells = parse_line(line)
        if (cut and number == len(lines)) or not is_whole(columns, cells):
            damaged.append(number)
        else:
            rows.append(dict(zip(columns, cells, strict=True)))
    return MetricsLog(columns, rows, damaged, cut)


def parse_header(line: bytes) -> list[str]:
    """The columns that a header names; none if it is damaged."""
    columns = parse_line(line)
    whole = "step" in columns and len(set(columns)) == len(columns) and all(map(str.isprintable, columns))
    return columns if whole and all(columns) else []


def parse_line(line: bytes) -> list[str]:
    """The cells of a line; none if it is no line of a CSV file."""
    try:
        return next(csv.reader([line.removesuffix(b"\r").decode()], strict=True), [])
    except (csv.Error, UnicodeDecodeError):
        return []


def is_whole(columns: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether a row has a number or nothing for each column, and a step."""
    if len(cells) != len(columns) or not STEP.fullmatch(cells[columns.index("step")]):
        return False
    return all(cell in NOT_NUMBERS or is_number(cell) for cell in cells)


def is_number(cell: str) -> bool:
    """Whether a cell is a number as Python writes it."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and cell.isprintable() and "_" not in cell and cell.strip() == cell


def write_metrics_log(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a log.

    Raises:
        RunEnded: if it cannot be written; an earlier file is kept.
    """
    with atomic_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
