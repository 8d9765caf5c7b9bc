"""A real Chromium without a window; Debian's, as Playwright's own is not in package registries."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

MAY_INSTALL = "LIGHTNING_GANS_INSTALL_CHROMIUM"
"""The variable with which ``make test-browser`` says that packages may be installed."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str | None:
    """Where a Chromium is."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def install() -> str:
    """Install Debian's; why it is not there, if it is not."""
    if os.environ.get(MAY_INSTALL) != "1" or shutil.which("apt-get") is None:
        return "no Chromium found; `make test-browser` installs that of Debian"
    if os.geteuid() != 0:
        return "no Chromium found; install it as root: apt-get install chromium"
    wait = ["-qq", "-o", "DPkg::Lock::Timeout=300"]
    subprocess.run(["apt-get", "update", *wait], check=False)
    subprocess.run(["apt-get", "install", "--yes", *wait, "chromium"], check=False, stdin=subprocess.DEVNULL)
    return "" if chromium() else "apt-get could not install chromium"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser, or a reason why there is none."""
    if chromium() is None and (why := install()):
        pytest.skip(why)
    path = chromium()
    assert path is not None
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=Path(path), args=ARGUMENTS)
        yield started
        started.close()
