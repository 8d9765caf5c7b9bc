"""The page of a study: one HTML file that loads nothing from elsewhere, with the parts of the report of runs."""

from __future__ import annotations

from pathlib import Path

from lightning_gans.reporting.html.page import DASHES, page_environment, page_facts, write_page
from lightning_gans.reporting.html.plots import RUNS
from lightning_gans.studies.report import Report
from lightning_gans.studies.tables import Table

PAGE = "study.html"
"""File of a study's folder with its page."""


def render_page(report: Report) -> str:
    """The page of a study."""
    places = range(max((len(figure.panel.lines) for figure in report.figures), default=0))
    return (
        page_environment(Path(__file__).parent)
        .get_template("study.html.j2")
        .render(
            title=f"Study {report.results.study.name}",
            report=report,
            results=report.results,
            marks=[(f"var(--run-{place % len(RUNS)})", DASHES[place // len(RUNS) % len(DASHES)]) for place in places],
            tables=tables(report),
            **page_facts(),
        )
    )


def tables(report: Report) -> list[tuple[str, Table, str]]:
    """The tables at the end of the page, each with its title and a note."""
    note = "Medians over runs, of fit and test together, with start and validations."
    return [("Runs", report.runs, ""), ("What they took", report.costs, note)]


def write_study_page(report: Report, folder: Path) -> Path:
    """Write the page, and return its path.

    Raises:
        InputError: if it cannot be written.
    """
    write_page(folder / PAGE, render_page(report))
    return folder / PAGE
