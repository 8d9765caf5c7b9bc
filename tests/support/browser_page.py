"""What a test sees of a page, and what it must never see."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.support.demo_process import WAIT, Demo

OWN = ("data:", "blob:")


@contextmanager
def opened(
    browser: Browser, demo: Demo, width: int = 1200, refusing: bool = False, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Page]:
    """The page in a tab; all that it asks for must come from its own server, and nothing may go wrong in it.

    Args:
        browser: shows it.
        demo: serves it.
        width: of the tab in pixels.
        refusing: whether the server's refusals are expected.
        scheme: theme of the page and of the browser.
    """
    faults: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page.set_default_timeout(1000 * WAIT)
    page.on("request", lambda request: None if request.url.startswith((demo.url, *OWN)) else faults.append(request.url))
    if not refusing:
        page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{demo.url}/?__theme={scheme}")
    page.wait_for_selector("h1")
    try:
        yield page
        assert not faults, "\n".join(faults)
    finally:
        page.close()


def pictures(page: Page, name: str) -> list[Image.Image]:
    """The pictures of an element, as their files have them."""
    found = page.locator(f"#{name} img[src*='file=']")
    addresses = [found.nth(index).get_attribute("src") for index in range(found.count())]
    return [Image.open(io.BytesIO(page.request.get(str(address)).body())) for address in addresses]


def changed(page: Page, name: str, before: list[Image.Image]) -> list[Image.Image]:
    """The pictures of an element, once they are others."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        now = pictures(page, name)
        if now and [picture.tobytes() for picture in now] != [picture.tobytes() for picture in before]:
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} has not changed in {WAIT} seconds")


def first(page: Page, name: str) -> Image.Image:
    """The first picture of an element, once there is one."""
    return changed(page, name, [])[0]


def settled(page: Page, name: str, expected: Image.Image, levels: int = 1, place: int = 0) -> None:
    """The picture at this place of an element becomes the expected one, to a number of gray levels."""
    end = time.monotonic() + WAIT
    apart = -1
    while time.monotonic() < end:
        for picture in pictures(page, name)[place : place + 1]:
            apart = difference(picture, expected)
            if 0 <= apart <= levels:
                assert picture.format == "PNG"
                return
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} differs by {apart} levels after {WAIT} seconds")


def difference(one: Image.Image, other: Image.Image) -> int:
    """Levels by which two pictures differ at most; -1 if they have different sizes."""
    if one.size != other.size:
        return -1
    return int(np.abs(np.asarray(one.convert("RGB"), int) - np.asarray(other.convert("RGB"), int)).max())


def set_slider(page: Page, name: str, value: float) -> None:
    """Move a slider, as an arrow key or a finger does."""
    page.locator(f"#{name} input[type=range]").fill(str(value))
