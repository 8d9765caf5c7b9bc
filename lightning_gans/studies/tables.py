"""Tables of a study's results whose cells may have links, in Markdown, on the page and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, NamedTuple

from lightning_gans.reporting.table import DASH, format_cell, format_number
from lightning_gans.runs.scores import ARROWS, better
from lightning_gans.studies.cells import Cell
from lightning_gans.studies.results import Comparison, MethodResult, Results, Search


class Text(NamedTuple):
    """A part of a cell.

    Attributes:
        text: what is shown.
        link: path of the run's folder that it comes from, relative to the study's folder; empty for none.
    """

    text: str
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: names of the columns.
        rows: of cells, each of several parts.
    """

    head: list[str]
    rows: list[list[list[Text]]]

    def to_markdown(self) -> str:
        """The table in Markdown."""
        lines = [
            self.head,
            ["---"] * len(self.head),
            *(["".join(map(markdown_text, cell)) for cell in row] for row in self.rows),
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def to_text(self) -> str:
        """The table as aligned columns of text, without links."""
        rows = [self.head, *(["".join(part.text for part in cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)


def markdown_text(part: Text) -> str:
    """A part of a cell in Markdown."""
    text = format_cell(part.text)
    return f"[{text}]({part.link})" if part.link else text


def link_to(cell: Cell) -> str:
    """The path of a run's folder, relative to the study's."""
    return f"{cell.name}/"


def with_arrow(score: str) -> str:
    """The name of a score, with an arrow to where it is better."""
    return f"{score} {ARROWS[better(score)]}".rstrip()


def main_table(results: Results, comparison: Comparison) -> Table:
    """A row for each method, the best first."""
    score = results.study.score
    ranks = {index: sorted({*pair_of(index, comparison.alike)}) for index in range(len(comparison.results))}
    head = [
        "",
        "method",
        "runs",
        with_arrow(score),
        "not told apart from",
        *map(with_arrow, comparison.columns),
        "steps",
    ]
    rows = []
    for index, each in enumerate(comparison.results):
        alike = ", ".join(str(other + 1) for other in ranks[index]) or DASH
        rows.append(
            [
                [Text(str(index + 1))],
                [Text(each.name)],
                [Text(f"{len(each.measured)} of {each.planned}")],
                score_cell(each),
                [Text(alike)],
                *([column_cell(each, name)] for name in comparison.columns),
                [Text(format_count(each.measured[0].run.settings.get("trainer.max_steps")))],
            ]
        )
    for name, planned in comparison.without.items():
        cells = [DASH, name, f"0 of {planned}", *[DASH] * (len(head) - 3)]
        rows.append([[Text(cell)] for cell in cells])
    return Table(head, rows)


def format_count(value: Any) -> str:
    """A whole number; a dash for anything else."""
    return f"{value:,}" if isinstance(value, int) else DASH


def pair_of(index: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The results that one cannot be told apart from, of the pairs of all that cannot."""
    return [other for pair in pairs if index in pair for other in pair if other != index]


def score_cell(result: MethodResult) -> list[Text]:
    """The median of a score and its interval, each with a link to the run that has it or is nearest to it."""
    middle, low, high = (Text(format_number(value), link_to(result.nearest(value).cell)) for value in result.interval)
    if len(result.measured) == 1:
        return [middle]
    return [middle, Text(" ["), low, Text(", "), high, Text("]")]


def column_cell(result: MethodResult, name: str) -> Text:
    """The median and the range of another score, with a link to the run that has the median or is nearest to it."""
    found = result.row.score_range(name)
    if found is None:
        return Text(DASH)
    nearest = min(result.measured, key=lambda each: abs(each.run.scores[name] - found.median))
    return Text(str(found), link_to(nearest.cell))


def runs_table(results: Results) -> Table:
    """A row for each run that is compared."""
    study = results.study
    columns = list(dict.fromkeys(name for each in results.comparisons for name in each.columns))
    several = len(study.data) > 1
    head = ["run", *(["data"] if several else []), "method", "seed", with_arrow(study.score), *map(with_arrow, columns)]
    rows = []
    for each in results.measured:
        setting, link = each.cell.setting, link_to(each.cell)
        rows.append(
            [
                [Text(each.cell.name, link)],
                *([[Text(setting.data.name)]] if several else []),
                [Text(setting.method.name)],
                [Text(str(each.cell.seed))],
                [Text(format_number(each.value), link)],
                *([number(each.run.scores.get(name), link)] for name in columns),
            ]
        )
    return Table(head, rows)


def number(value: float | None, link: str = "") -> Text:
    """A number; a dash for None."""
    return Text(DASH) if value is None else Text(format_number(value), link)


def search_table(results: Results) -> Table:
    """A row for each search: the best setting, and the distribution of the scores of all."""
    head = ["data", "method", "settings", "failed", "best", "quartiles", "worst", "best setting"]
    rows = [search_row(results, each) for each in results.searches if any(one.scores for one in each.settings)]
    if len(results.study.data) == 1:
        return Table(head[1:], [row[1:] for row in rows])
    return Table(head, rows)


def search_row(results: Results, search: Search) -> list[list[Text]]:
    """The row of a search with at least one score."""
    known = [(each.median, each) for each in search.settings if each.median is not None]
    known.sort(key=lambda pair: pair[0], reverse=results.study.mode == "max")
    values = [value for value, _ in known]
    parts = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    ends = []
    for value, each in (known[0], known[-1]):
        seed = min(each.scores, key=lambda one: abs(each.scores[one] - value))
        ends.append(Text(format_number(value), link_to(Cell(each.setting, seed))))
    return [
        [Text(search.data)],
        [Text(search.method)],
        [Text(str(len(search.settings)))],
        [Text(str(sum(not each.scores for each in search.settings)))],
        [ends[0]],
        [Text(", ".join(map(format_number, parts)))],
        [ends[1]],
        [Text(known[0][1].setting.describe() or "as configured")],
    ]


def cost_table(results: Results) -> Table:
    """A row for each method: what its runs have taken."""
    head = ["setting", "runs", "seconds", "seconds of one core", "MiB", "threads"]
    complete = {record.cell for record in results.records if record.state == "complete"}
    groups: dict[str, list[str]] = {}
    for each in results.measured:
        if each.cell.name in complete:
            groups.setdefault(each.cell.setting.name, []).append(each.cell.name)
    rows = []
    for name, cells in groups.items():
        parts = [[record for record in results.records if record.cell == cell] for cell in cells]
        row = [
            name,
            str(len(cells)),
            f"{median(sum(one.seconds for one in each) for each in parts):,.0f}",
            f"{median(sum(one.core_seconds for one in each) for each in parts):,.0f}",
            f"{max(one.peak_mib for each in parts for one in each):,.0f}",
            ", ".join(sorted({str(one.threads) for each in parts for one in each})),
        ]
        rows.append([[Text(cell)] for cell in row])
    return Table(head, rows)


def to_csv(results: Results) -> str:
    """All runs that are compared, with all digits; a study that was interrupted has the same lines as any other."""
    names = list(dict.fromkeys(name for each in results.measured for name in each.run.scores))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data", "method", "setting", "seed", "steps", *names, "stamp"])
    for each in results.measured:
        setting = each.cell.setting
        stamps = "; ".join(str(stamp) for stamp in each.run.stamps.values())
        scores = [each.run.scores.get(name, "") for name in names]
        steps = each.run.settings.get("trainer.max_steps", "")
        where = (setting.data.name, setting.method.name, setting.describe(), each.cell.seed, steps)
        writer.writerow([*where, *scores, stamps])
    return text.getvalue()
