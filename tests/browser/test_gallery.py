"""The gallery in a browser: it fits narrow and wide windows, shows all pictures, and loads nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lightning_gans.cli.commands.common import run_command

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_gallery_fits_the_window_and_all_pictures_are_drawn(
    browser: Browser, models: Path, width: int, scheme: str
) -> None:
    run_command("gallery", ["--out", "gallery.html"])
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else faults.append(request.url)
    )
    page.goto((models.parent / "gallery.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    drawn = page.evaluate("[...document.images].map(image => image.complete && image.naturalWidth > 0)")
    assert drawn == [True] * 3
    page.locator("nav a").nth(1).click()
    assert page.locator("#model-1").bounding_box()["y"] < 900  # type: ignore[index]
    assert not faults
    page.close()
