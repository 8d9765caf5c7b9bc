"""The table of results in Markdown or CSV: a row holds the runs of one recipe that differ only in the seed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.runs import Run
from lightning_gans.runs.scores import MIN_IMAGES_FOR_FID, PER_CLASS_SCORE, Stamp, order_scores

DASH = "\N{EN DASH}"


class ScoreRange(NamedTuple):
    """A score over several seeds."""

    median: float
    minimum: float
    maximum: float
    seeds: int

    def __str__(self) -> str:
        if self.seeds == 1:
            return format_number(self.median)
        return f"{format_number(self.median)} ({format_number(self.minimum)}{DASH}{format_number(self.maximum)})"


@dataclass(frozen=True)
class Row:
    """Runs of one recipe that differ only in the seed."""

    runs: list[Run]

    @property
    def facts(self) -> dict[str, Any]:
        """The columns before the scores, by name.

        Epochs are those of the config, since the best checkpoint may be of another epoch for each seed; 0 if the model
        was measured before its first step.
        """
        settings = self.runs[0].settings
        return {
            "run": self.runs[0].label,
            "variant": str(settings["model.class_path"]).rpartition(".")[2],
            "seeds": len(self.runs),
            "epochs": parse_limit(settings.get("trainer.max_epochs")) if self.runs[0].trained else 0,
            "max_steps": parse_limit(settings.get("trainer.max_steps")),
            "minutes": score_range([run.minutes for run in self.runs if run.minutes is not None]),
        }

    def score_range(self, score: str) -> ScoreRange | None:
        """A score over the seeds; None unless every seed has it."""
        values = [run.scores[score] for run in self.runs if score in run.scores]
        return None if len(values) < len(self.runs) else score_range(values)


def score_range(values: list[float]) -> ScoreRange | None:
    """The median and the range of values; None if there is none, NaN if one is NaN."""
    if any(map(isnan, values)):  # cannot be sorted
        return ScoreRange(nan, nan, nan, len(values))
    return ScoreRange(median(values), min(values), max(values), len(values)) if values else None


def group_runs(runs: list[Run]) -> list[list[Row]]:
    """Group runs by how they were measured, a table for each, and these by name, a row for each.

    Raises:
        InputError: if runs of one row differ in more than the seed.
    """
    tables: list[list[Run]] = []
    for run in runs:
        table = next((table for table in tables if stamp_difference(table, run) is None), None)
        if table is None:
            tables.append(table := [])
        table.append(run)
    return [group_seeds(table) for table in tables]


def group_seeds(runs: list[Run]) -> list[Row]:
    """Group runs by name, a row for each; networks without training have rows of their own.

    Raises:
        InputError: if runs of one row differ in more than the seed.
    """
    groups: dict[tuple[str, bool], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.label, run.trained), []).append(run)
    for members in groups.values():
        for run in members[1:]:
            check_recipe(members[0], run)
        check_seeds(members)
    return [Row(members) for members in groups.values()]


def check_recipe(first: Run, other: Run) -> None:
    """Refuse to take runs of two recipes for seeds of one.

    Raises:
        InputError: if a setting differs.
    """
    if difference := first_difference(first.recipe, other.recipe):
        key, one, two = difference
        raise InputError(
            f"{key} is {one} in {first.folder} but {two} in {other.folder}; "
            f"expected runs in {first.label} to differ in nothing but the seed{advice(key, first, other)}"
        )


def advice(key: str, first: Run, other: Run) -> str:
    """What to do about a key that only one of two runs has, since the other is of an older version."""
    old, new = (first, other) if key not in first.recipe else (other, first)
    if key in old.recipe:
        return ""
    return (
        f". {old.folder}'s config has no {key}, perhaps because an older version wrote it: if both were trained alike, "
        f"add it with the value of {new.folder}"
    )


def stamp_difference(table: Iterable[Run], run: Run) -> tuple[str, str, str] | None:
    """The first field in which a run's stamps differ from those of a table, other than the seed; None if none does."""
    for other in table:
        for domain in run.stamps.keys() & other.stamps.keys():
            if difference := first_difference(other.stamps[domain].protocol, run.stamps[domain].protocol):
                return difference
    return None


def first_difference(one: Mapping[str, Any], two: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The first key whose values differ, with both values as text; None if there is none.

    A missing key equals null: an older file lacks the keys that were added since.
    """
    for key in {**one, **two}:
        if one.get(key) != two.get(key):
            return key, format_setting(one.get(key)), format_setting(two.get(key))
    return None


def check_seeds(runs: list[Run]) -> None:
    """Refuse to count one seed twice.

    Raises:
        InputError: if two runs have the same seed.
    """
    seen: dict[int, Run] = {}
    for run in runs:
        first = seen.setdefault(run.seed, run)
        if first is not run:
            raise InputError(
                f"seed_everything is {run.seed} in {first.folder} and in {run.folder}; expected each seed once"
            )


def format_setting(value: Any) -> str:
    """A setting as its config has it."""
    return "null" if value is None else str(value)


def format_number(value: float) -> str:
    """A number with four significant digits, but whole numbers below a million in full."""
    short = f"{value:.4g}"
    if not abs(value) < 1e6:
        return short
    if value == int(value):
        return str(int(value))
    return f"{float(short):.0f}" if "e+" in short else short


def parse_limit(value: Any) -> int | None:
    """A limit of the trainer; None for -1, which means no limit."""
    return value if isinstance(value, int) and value >= 0 else None


def to_markdown(tables: list[list[Row]], chosen: list[str] | None) -> str:
    """The tables in Markdown, each with its stamps below it.

    Args:
        tables: at least one, each of at least one row.
        chosen: names of scores, a column for each; None takes all that the runs have, but not those of single classes.

    Raises:
        InputError: if no run has a chosen score.
    """
    check_chosen(tables, chosen)
    texts = []
    for rows in tables:
        text = table_in_markdown(rows, select_scores(rows, chosen))
        if rows is not tables[0]:
            field, one, two = stamp_difference(tables[0][0].runs, rows[0].runs[0]) or ("", "", "")
            text += f"\nNot to be compared with the first table, where stamp.{field} is {one}; here it is {two}.\n"
        texts.append(text)
    return "\n".join(texts)


def table_in_markdown(rows: list[Row], scores: list[str]) -> str:
    """A table in Markdown, with the stamps below it.

    Args:
        rows: at least one.
        scores: a column for each.
    """
    facts = fact_columns(rows)
    lines = [[name.replace("_", " ").capitalize() for name in facts] + scores]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        ranges = [row.score_range(name) for name in scores]
        cells = [format_cell(row.facts[name]) for name in facts] + [format_cell(each) for each in ranges]
        lines.append(cells)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    stamps = ", ".join(f"`{text}`" for text in describe_stamps(run for row in rows for run in row.runs))
    return f"{table}\n\nMedian (min{DASH}max) over seeds. Stamp: {stamps}\n{kid_note(rows, scores)}"


def kid_note(rows: list[Row], scores: list[str]) -> str:
    """Says why KID comes before FID, if it does and the table has both."""
    images = fewest_images(rows)
    kinds = {name.rpartition("/")[2].removeprefix("relative_") for name in scores}
    if images >= MIN_IMAGES_FOR_FID or not {"kid", "fid"} <= kinds:
        return ""
    return (
        f"\nKID comes first, as there are {images} images: below {MIN_IMAGES_FOR_FID:,} FID is too large, more so the "
        "fewer they are, while the estimate of KID is unbiased; `kid_ci95` is half the width of its 95 % confidence "
        "interval.\n"
    )


def fewest_images(rows: list[Row]) -> int:
    """The smallest number of real or generated images that were compared as sets."""
    runs = [run for row in rows for run in row.runs]
    stamps = [stamp for run in runs for domain, stamp in run.stamps.items() if run.compares_sets(domain)]
    return min((stamp.images for stamp in stamps), default=MIN_IMAGES_FOR_FID)


def to_csv(tables: list[list[Row]], chosen: list[str] | None) -> str:
    """All tables as one CSV: all digits, three columns for each score (median, minimum, maximum), and each row's stamp.

    Args:
        tables: at least one, each of at least one row.
        chosen: names of scores, a column for each; None takes all that the runs have, but not those of single classes.

    Raises:
        InputError: if no run has a chosen score.
    """
    check_chosen(tables, chosen)
    rows = [row for table in tables for row in table]
    scores = select_scores(rows, chosen)
    facts = fact_columns(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*facts, *(f"{name}{end}" for name in scores for end in ("", "_min", "_max")), "stamp"])
    for row in rows:
        ranges = [row.score_range(name) for name in scores]
        numbers = [number for each in ranges for number in (each[:3] if each else ("", "", ""))]
        writer.writerow([*(row.facts[name] for name in facts), *numbers, "; ".join(describe_stamps(row.runs))])
    return text.getvalue()


def fact_columns(rows: list[Row]) -> list[str]:
    """Names of the columns before the scores; ``max_steps`` and ``minutes`` only if some row has them."""
    optional = ("max_steps", "minutes")
    return [name for name in rows[0].facts if name not in optional or any(row.facts[name] is not None for row in rows)]


def score_names(rows: Iterable[Row]) -> list[str]:
    """Names of all scores that runs have."""
    return list(dict.fromkeys(name for row in rows for run in row.runs for name in run.scores))


def check_chosen(tables: list[list[Row]], chosen: list[str] | None) -> None:
    """Check that the runs have the chosen scores.

    Raises:
        InputError: if no run has one of them.
    """
    names = score_names(row for table in tables for row in table)
    if unknown := [name for name in chosen or () if name not in names]:
        raise InputError(f"--scores has {', '.join(unknown)}; the runs have {', '.join(names)}")


def select_scores(rows: list[Row], chosen: list[str] | None) -> list[str]:
    """The scores of the columns: the chosen ones that the runs have, or all but those of single classes."""
    names = score_names(rows)
    if chosen is not None:
        return [name for name in chosen if name in names]
    return order_scores([name for name in names if not PER_CLASS_SCORE.search(name)], fewest_images(rows))


def describe_stamps(runs: Iterable[Run]) -> list[str]:
    """Each stamp once, with all seeds; the domains are named if their stamps differ."""
    stamps: dict[str, Stamp] = {}
    seeds = set()
    for run in runs:
        seeds.add(run.seed)
        stamps |= run.stamps
    lines = {domain: stamp.describe(sorted(seeds)) for domain, stamp in stamps.items()}
    if len(set(lines.values())) == 1:
        return [next(iter(lines.values()))]
    return [f"{domain}: {line}" if domain else line for domain, line in lines.items()]


def format_cell(value: Any) -> str:
    """A cell in Markdown; empty for None."""
    return "" if value is None else str(value).replace("|", r"\|")


def replace_table(path: Path, name: str, text: str) -> None:
    """Replace the text between ``<!-- table NAME -->`` and ``<!-- end -->`` in a Markdown file.

    Raises:
        InputError: if the file cannot be read, or does not have these markers exactly once.
    """
    start, end = f"<!-- table {name} -->", "<!-- end -->"
    try:
        # As bytes, since reading as text would change the line ends of the whole file.
        content = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"--write is {path}, which cannot be read; expected a Markdown file") from None
    # Markers are lines of their own, since the text may mention them. Another table cannot start between them.
    pattern = rf"(?ms)^({re.escape(start)}[ \t]*\r?\n)((?!^<!-- table ).)*?(^{re.escape(end)}[ \t]*\r?$)"
    if len(re.findall(pattern, content)) != 1:
        raise InputError(f"{path} has no place for table {name}; expected one line {start} and, below, one line {end}")
    lines = text.replace("\n", "\r\n") if "\r\n" in content else text
    path.write_bytes(re.sub(pattern, lambda match: f"{match[1]}{lines}{match[3]}", content).encode())
