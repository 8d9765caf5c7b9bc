"""Scores over the time and the images of training on the report page."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from lightning_gans.runs.scores import ARROWS
from tests.support.report_folders import Page, make, report, score

FID = f"fid {ARROWS['min']}"


def curve(name: str, *points: tuple[int, float, float], seed: int = 0) -> Path:
    """A run with validations at these steps, after so many minutes and with such an FID."""
    folder = make(name, seed)
    for step, minutes, fid in points:
        score(folder, {"val/fid": fid, "val/modes": 9}, step, minutes, split="val", seed=seed)
    return folder


def over_time(page: Page) -> dict[str, str]:
    """Descriptions of the plots over minutes and over images, by unit and score."""
    plots = [plot for plot in page.all("svg") if plot["data-unit"] != "step"]
    return {plot["aria-label"].partition(":")[0]: plot["aria-label"].partition(": ")[2] for plot in plots}


def test_runs_are_compared_over_minutes_and_over_images_and_at_equal_minutes() -> None:
    curve("slow/0", (20, 10.5, 9.0), (60, 30.0, 5.0), (80, 40.0, 4.0))
    curve("fast/0", (20, 5.0, 8.0), (40, 30.5, 7.0))
    page = report("runs")
    assert over_time(page) == {
        "fid over minutes": "fast/0 from 8 at 5 minutes to 7 at 30.5 minutes; "
        "slow/0 from 9 at 10.5 minutes to 4 at 40 minutes",
        "fid over images": "fast/0 from 8 at 2,000 images to 7 at 4,000 images; "
        "slow/0 from 9 at 2,000 images to 4 at 8,000 images",
        "modes over minutes": "fast/0 from 9 at 5 minutes to 9 at 30.5 minutes; "
        "slow/0 from 9 at 10.5 minutes to 9 at 40 minutes",
        "modes over images": "fast/0 from 9 at 2,000 images to 9 at 4,000 images; "
        "slow/0 from 9 at 2,000 images to 9 at 8,000 images",
    }
    assert "of each run, the measurement with the best fid after at most 30.5 minutes." in page.text
    table = page.rows[next(index for index, row in enumerate(page.rows) if row[:2] == ["run", "minutes"]) :]
    assert table[0][:4] == ["run", "minutes", "step", FID]
    assert [row[:4] for row in table[1:3]] == [["fast/0", "30.5", "40", "7"], ["slow/0", "30", "60", "5"]]
    (lines,) = (
        json.loads(plot["data-lines"]) for plot in page.all("svg") if plot["aria-label"].startswith("fid over minutes")
    )
    assert [line["step"] for line in lines] == [[5, 30.5], [10.5, 30, 40]]


def test_one_run_has_its_curve_and_its_rows_have_images_and_minutes() -> None:
    page = report(curve("a/0", (20, 1.25, 9.0), (60, 2.5, 5.0)))
    assert over_time(page)["fid over minutes"] == "a/0 from 9 at 1.25 minutes to 5 at 2.5 minutes"
    assert "Best at equal minutes" not in page.text
    header = next(row for row in page.rows if row[:1] == ["epoch"])
    assert header[:5] == ["epoch", "step", "images", "minutes", FID]
    assert ["2", "60", "6,000", "2.5", "5", "9"] in page.rows
    assert ["2", "40", "\N{EN DASH}", "\N{EN DASH}", "30", "9"] in page.rows


def test_what_an_earlier_version_wrote_is_not_known() -> None:
    make("older/0")
    assert "Scores over time" not in report("runs").text
    curve("newer/0", (20, 1.0, 9.0), (60, 2.0, 5.0))
    page = report("runs")
    assert "Time and images are not known for older/0, as in rows of earlier versions." in page.text
    assert set(over_time(page)) == {
        f"{name} over {unit}" for name in ("fid", "modes") for unit in ("minutes", "images")
    }
    assert "Best at equal minutes" not in page.text


def test_scores_of_two_stamps_are_never_in_one_plot() -> None:
    folder = curve("a/0", (20, 1.0, 9.0), (60, 2.0, 5.0))
    for step, minutes in ((20, 1.0), (60, 2.0)):
        score(folder, {"val/fid": 100.0 + step}, step, minutes, split="val", real=500)
    labels = [plot["aria-label"] for plot in report("runs").all("svg") if plot["data-unit"] == "minutes"]
    assert sorted(label for label in labels if label.startswith("fid")) == [
        "fid over minutes: a/0 from 120 at 1 minutes to 160 at 2 minutes",
        "fid over minutes: a/0 from 9 at 1 minutes to 5 at 2 minutes",
    ]


def test_numbers_that_no_axis_has_are_not_drawn() -> None:
    folder = curve("a/0", (20, 1.0, 9.0), (60, 2.0, 5.0), (70, 3.0, 1e300))
    score(folder, {"val/fid": 4.0}, 10**30, 4.0, split="val")
    drawn = over_time(report(folder))
    assert drawn["fid over minutes"] == "a/0 from 9 at 1 minutes to 4 at 4 minutes"
    assert drawn["fid over images"] == "a/0 from 9 at 2,000 images to 5 at 6,000 images"


def test_the_test_grid_is_that_of_the_newest_test() -> None:
    folder = make()
    for step in (20, 60):
        Image.new("L", (20, 10)).save(folder / f"samples/test-epoch-002-step-{step:07d}.png")
    for step in (60, 20):
        score(folder, {"test/fid": 1.0}, step, 1.0)
    assert [image["alt"] for image in report(folder).all("img")][-1].endswith("test, epoch 2, step 20")
