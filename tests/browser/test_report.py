"""The report in a browser: it fits narrow and wide windows, and shows the values of curves under the pointer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lightning_gans.cli.commands.common import run_command
from tests.support.report_folders import LOG, add_test, make

pytestmark = pytest.mark.slow


@pytest.fixture
def page_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    for seed in range(12):
        add_test(make(f"a-run-with-a-long-name/{seed}", seed, log=LOG), {"test/fid": 1.0}, seed=seed)
    run_command("report", ["runs", "--out", "report.html"])
    return (tmp_path / "report.html").as_uri()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_many_runs_scroll_within_the_page_and_values_are_shown_on_hover(
    browser: Browser, page_of_runs: str, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(page_of_runs)
    # Tables and runs are wider than the window, and scroll by themselves; the page does not.
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for part in (".scroll", ".runs"):
        assert page.locator(part).first.evaluate("part => part.scrollWidth > part.clientWidth")
    plot, tip = page.locator("svg.plot").first, page.locator("#tip")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    assert tip.is_hidden()
    page.mouse.move(box["x"] + 0.98 * box["width"], box["y"] + 0.5 * box["height"])
    shown = tip.inner_text().split("\n")
    assert shown[0] == "step 40"
    assert shown[1:3] == ["a-run-with-a-long-name/0", "1"]
    assert plot.locator("circle").count() == 12
    place = tip.bounding_box()
    assert place is not None
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= width
    page.mouse.move(2, 2)
    assert tip.is_hidden()
    assert not faults
    page.close()
