"""Rows as text: Markdown for readers, CSV for machines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.rows import DASH, Row
from lightning_gans.reporting.runs import Run
from lightning_gans.runs.score_order import FEW, order_scores

ONE_CLASS = re.compile(r"class_fid_\d+$")
"""Scores of one class each, of which there are as many as classes: columns only where they are asked for."""


def markdown(rows: list[Row], scores: list[str]) -> str:
    """The table in Markdown, a column for each of these scores, with the stamp below."""
    facts = fact_names(rows)
    lines = [[name.replace("_", " ").capitalize() for name in facts] + scores]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        spreads = [row.spread(name) for name in scores]
        cells = [cell(row.facts[name]) for name in facts] + [cell(spread) for spread in spreads]
        lines.append(cells)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    stamps = ", ".join(f"`{text}`" for text in stamp_lines(run for row in rows for run in row.runs))
    return f"{table}\n\nMedian (min{DASH}max) over seeds. Stamp: {stamps}\n{why_kid(rows, scores)}"


def why_kid(rows: list[Row], scores: list[str]) -> str:
    """Why KID stands before FID, where it does and both are there."""
    images = fewest_images(rows)
    if images >= FEW or not {"kid", "fid"} <= {name.rpartition("/")[2].removeprefix("relative_") for name in scores}:
        return ""
    return (
        f"\nKID comes first, as there are {images} images: below {FEW:,} FID is too large, by more the fewer they are, "
        "while the estimate of KID is not; `kid_ci95` is half the width of its 95 % confidence interval.\n"
    )


def fewest_images(rows: list[Row]) -> int:
    """The least number of real or generated images that were compared with each other."""
    stamps = [stamp for row in rows for run in row.runs for domain, stamp in run.stamps.items() if run.compares(domain)]
    return min((stamp[side] for stamp in stamps for side in ("real", "fake")), default=FEW)


def as_csv(rows: list[Row], scores: list[str]) -> str:
    """The table for machines: all digits, three columns for each of these scores, and each row's stamp."""
    facts = fact_names(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*facts, *(f"{name}{end}" for name in scores for end in ("", "_min", "_max")), "stamp"])
    for row in rows:
        spreads = [row.spread(name) for name in scores]
        numbers = [number for spread in spreads for number in (spread[:3] if spread else ("", "", ""))]
        writer.writerow([*(row.facts[name] for name in facts), *numbers, "; ".join(stamp_lines(row.runs))])
    return text.getvalue()


def fact_names(rows: list[Row]) -> list[str]:
    """Columns before the scores; the steps only where they were limited."""
    limited = any(row.facts["max_steps"] is not None for row in rows)
    return [name for name in rows[0].facts if limited or name != "max_steps"]


def score_names(rows: list[Row], chosen: list[str] | None) -> list[str]:
    """The scores that were chosen, or all that the runs have, in the order of their columns.

    Raises:
        InputError: if no run has one that was chosen.
    """
    names = list(dict.fromkeys(name for row in rows for run in row.runs for name in run.scores))
    if chosen is not None:
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise InputError(f"--scores has {', '.join(unknown)}; the runs have {', '.join(names)}")
        return chosen
    return order_scores([name for name in names if not ONE_CLASS.search(name)], fewest_images(rows))


def stamp_lines(runs: Iterable[Run]) -> list[str]:
    """Each different stamp once, with all seeds; domains are named where their stamps differ."""
    stamps: dict[str, dict[str, Any]] = {}
    seeds = set()
    for run in runs:
        seeds.add(run.seed)
        stamps |= run.stamps
    lines = {domain: stamp_line(stamp, sorted(seeds)) for domain, stamp in stamps.items()}
    if len(set(lines.values())) == 1:
        return [next(iter(lines.values()))]
    return [f"{domain}: {line}" if domain else line for domain, line in lines.items()]


def stamp_line(stamp: dict[str, Any], seeds: Sequence[int] | Sequence[str]) -> str:
    """A stamp in the words of :class:`lightning_gans.metrics.Stamp`, for several seeds."""
    parts = (
        stamp["extractor"],
        f"{stamp['real']} real, {stamp['fake']} generated",
        f"split {stamp['split']}",
        f"{stamp['weights']} weights",
        f"batch norm {stamp['batch_norm']}",
        f"dropout {stamp['dropout']}",
        stamp["pixels"],
        f"{stamp['neighbours']} neighbours",
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}",
    )
    return " | ".join(map(str, parts))


def cell(value: Any) -> str:
    """A cell in Markdown; nothing where there is nothing."""
    return "" if value is None else str(value).replace("|", r"\|")


def write_between(path: Path, name: str, text: str) -> None:
    """Put a text between the markers of that name in a file, and leave the rest as it is.

    Raises:
        InputError: if the file or its markers are not there, or the markers are there twice.
    """
    start, end = f"<!-- table {name} -->", "<!-- end -->"
    try:
        # Bytes: reading as text would change the line ends of the whole file.
        content = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"--write is {path}, which cannot be read; expected a Markdown file") from None
    # On lines of their own, for a text may also speak of markers. Another table's start cannot lie between.
    between = rf"(?ms)^({re.escape(start)}[ \t]*\r?\n)((?!^<!-- table ).)*?(^{re.escape(end)}[ \t]*\r?$)"
    if len(re.findall(between, content)) != 1:
        raise InputError(f"{path} has no place for table {name}; expected one line {start} and, below, one line {end}")
    lines = text.replace("\n", "\r\n") if "\r\n" in content else text
    path.write_bytes(re.sub(between, lambda match: f"{match[1]}{lines}{match[3]}", content).encode())
