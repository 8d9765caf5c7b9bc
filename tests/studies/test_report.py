"""The results of studies of made-up runs: tables, figures, the page, and that an interruption changes nothing."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.reporting.table import DASH
from lightning_gans.studies import child
from lightning_gans.studies.page import write_study_page
from lightning_gans.studies.report import make_report, to_markdown, write_report
from lightning_gans.studies.results import read_results, require_results
from lightning_gans.studies.runner import Runner
from lightning_gans.studies.schedule import run_study
from lightning_gans.studies.tables import to_csv
from tests.support.report_folders import Page
from tests.support.studies import SEARCH, fake_runner, study_of

LINK = re.compile(r"\]\(([^)]+)\)")


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(child, "POLL_SECONDS", 0.01)


def method(score: float) -> dict[str, object]:
    return {"config": "methods/hinge", "overrides": {"score": score}}


def written(runner: Runner) -> tuple[str, Page]:
    """The Markdown and the page of what there is."""
    report = make_report(read_results(runner.study, runner.folder))
    markdown, _ = write_report(report, runner.folder)
    return markdown.read_text(), Page(write_study_page(report, runner.folder))


def described(runner: Runner) -> tuple[str, list[str]]:
    """The Markdown of what there is and the names of its figures, of which none is drawn."""
    report = make_report(read_results(runner.study, runner.folder))
    return to_markdown(report), [figure.file for figure in report.figures]


def test_the_best_median_comes_first_with_its_interval_and_what_it_is_not_told_apart_from(tmp_path: Path) -> None:
    methods = {"far": method(5), "close": method(2.1), "best": method(2), "bad": method(13)}
    study = study_of(tmp_path, methods=methods, columns=["coverage"])
    runner = fake_runner(study, jobs=2)
    run_study(runner, retry=False)
    markdown, page = written(runner)
    other = f"[0.5 (0.5{DASH}0.5)]"
    expected = [
        f"| 1 | best | 3 of 3 | [2.1](best/seed-1/) [[2](best/seed-0/), [2.2](best/seed-2/)] | 2 | "
        f"{other}(best/seed-0/) | 10 |",
        f"| 2 | close | 3 of 3 | [2.2](close/seed-1/) [[2.1](close/seed-0/), [2.3](close/seed-2/)] | 1 | "
        f"{other}(close/seed-0/) | 10 |",
        f"| 3 | far | 3 of 3 | [5.1](far/seed-1/) [[5](far/seed-0/), [5.2](far/seed-2/)] | {DASH} | "
        f"{other}(far/seed-0/) | 10 |",
        f"| {DASH} | bad | 0 of 3 | {DASH} | {DASH} | {DASH} | {DASH} |",
    ]
    lines = markdown.splitlines()
    place = lines.index("|  | method | runs | fid ↓ | not told apart from | coverage ↑ | steps |")
    assert lines[place + 2 : place + 6] == expected
    assert "Told apart are 2 of 3 pairs of methods." in lines
    assert "- `bad/seed-0`: the loss is not finite" in lines
    assert any(line.startswith("Stamp: `digits | 10 real, 10 generated") for line in lines)
    assert "- commit: abc123" in lines
    # Every number of the page has its link, too, and all links lead to files that are there.
    assert page.row("1")[1:4] == ["best", "3 of 3", "2.1 [2, 2.2]"]
    links = [*LINK.findall(markdown), *(each["href"] for each in page.all("a"))]
    assert len(links) > 40
    assert [link for link in links if not (runner.folder / link).exists()] == []
    assert len(list(page.all("img"))) == 3
    assert all(each["src"].startswith("data:") for each in page.all("img"))
    assert {each["data-unit"] for each in page.all("svg")} == {"steps"}
    assert "commit abc123" in page.text.lower()
    assert not re.search(r'(src|href)="https?:', page.source)


def test_runs_csv_has_all_digits_and_a_line_for_each_run(tmp_path: Path) -> None:
    runner = fake_runner(study_of(tmp_path, seeds=[0, 1]))
    run_study(runner, retry=False)
    rows = list(csv.DictReader(io.StringIO(to_csv(read_results(runner.study, runner.folder)))))
    assert [(row["method"], row["seed"], row["steps"], row["fid"]) for row in rows] == [
        ("one", "0", "10", "2.0"),
        ("two", "0", "10", "1.0"),
        ("one", "1", "10", "2.1"),
        ("two", "1", "10", "1.1"),
    ]
    assert rows[0]["stamp"].startswith("digits | ")


def test_an_incomplete_study_says_what_is_missing_and_one_run_is_told_apart_from_none(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0])
    runner = fake_runner(study)
    results = read_results(study, runner.folder)
    with pytest.raises(InputError, match=r"no run of the study in studies/small is complete$"):
        require_results(results)
    run_study(runner, retry=False)
    markdown, _ = described(fake_runner(study_of(tmp_path)))
    assert "The study is not complete: 4 runs are missing, one/seed-1, two/seed-1, one/seed-2, two/seed-2." in markdown
    assert "Of one run nothing is known of its spread: two, one is told apart from no other method." in markdown
    assert "No two methods are told apart." in markdown
    assert "| 1 | two | 1 of 3 | [1](two/seed-0/) | 2 |" in markdown


def test_each_data_set_has_its_own_comparison(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0, 1], data={"a": "data/digits", "b": "data/mnist"})
    runner = fake_runner(study, jobs=2)
    run_study(runner, retry=False)
    markdown, figures = described(runner)
    assert [line for line in markdown.splitlines() if line.startswith("## ")][:2] == ["## a", "## b"]
    assert figures == ["score-a.png", "score-b.png"]


def test_a_search_shows_distribution_and_best_setting(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0], methods={"one": "methods/hinge"}, **SEARCH)
    runner = fake_runner(study, jobs=2)
    run_study(runner, retry=False)
    markdown, page = written(runner)
    lines = markdown.splitlines()
    head = "| method | settings | failed | best | quartiles | worst | best setting |"
    row = lines[lines.index(head) + 2]
    assert re.match(r"\| one \| 3 \| 0 \| \[[\d.]+\]\(one-00\d/seed-0/\) \| .* \| score [\d.]+ \|$", row)
    assert "![expected best val/fid against the number of settings tried](search.png)" in lines
    assert (runner.folder / "search.png").stat().st_size > 1000
    assert "| 1 | one | 2 of 2 |" in markdown
    assert "For each method 3 settings were drawn at random (draw_seed 0)" in page.text
    assert {each["data-unit"] for each in page.all("svg")} == {"steps", "settings"}


def test_scores_with_other_stamps_are_in_a_table_of_their_own(tmp_path: Path) -> None:
    runner = fake_runner(study_of(tmp_path, seeds=[0, 1]))
    run_study(runner, retry=False)
    for seed in (0, 1):
        path = runner.folder / f"two/seed-{seed}/scores.jsonl"
        path.write_text(path.read_text().replace('"neighbors": 5', '"neighbors": 3'))
    markdown, figures = described(runner)
    assert "Not to be compared with the first table of these data: stamp.neighbors is 5 there and 3 here." in markdown
    assert figures == ["score.png", "score-2.png"]


def test_names_that_are_markup_stay_text(tmp_path: Path) -> None:
    study = study_of(tmp_path, seeds=[0], methods={"one": method(13), "two": method(1)})
    runner = fake_runner(study)
    run_study(runner, retry=False)
    records = runner.folder / "cells.jsonl"
    records.write_text(records.read_text().replace("the loss is not finite", "<script>alert(1)</script>"))
    _, page = written(runner)
    assert "&lt;script&gt;alert(1)" in page.source
    assert len(list(page.all("script"))) == 1
