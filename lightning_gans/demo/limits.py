"""Limits of uploads: of one image, of one browser, and of the page's folder.

Imports nothing that takes long, because the command's parser does.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

MB = 2**20
"""Bytes of a megabyte, as browsers and Gradio count."""

CANVAS_PIXELS = 1_000_000
"""Upper bound of the pixels of the page's canvases."""

KEEP_SECONDS = 3600
"""Seconds after which files are deleted; until then they can be downloaded. Also the time that quotas are for."""

MAX_BROWSERS = 1000
"""Number of browsers whose uploads are counted; of the others, only the folder's size is limited."""

LEAST_BYTES = 4096
"""Bytes that a smaller file counts, which it takes on a disk."""

PRUNE_SECONDS = 2
"""Seconds between two looks at the folder's size."""


@dataclass(frozen=True)
class Limits:
    """Limits of uploads.

    Attributes:
        upload_mb: largest file in megabytes.
        pixels: largest number of pixels, width times height.
        side: largest width and height in pixels. A network may pad a narrow image to many times its pixels.
        session_mb: megabytes that one browser may upload in an hour.
        folder_mb: megabytes of all files that are kept, uploaded and shown.
    """

    upload_mb: float = 10
    pixels: int = 4_000_000
    side: int = 8192
    session_mb: float = 100
    folder_mb: float = 1000

    @property
    def upload_bytes(self) -> int:
        """Largest file in bytes."""
        return int(self.upload_mb * MB)

    @property
    def of_drawings(self) -> Limits:
        """Limits that the page's own canvases keep."""
        return replace(self, pixels=max(self.pixels, CANVAS_PIXELS), side=max(self.side, CANVAS_PIXELS))


class UploadQuota:
    """Counts the bytes that each browser has uploaded in the last hour.

    Args:
        limits: limits of uploads.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._taken: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()

    def take(self, browser: str, size: int, now: float | None = None) -> bool:
        """Count an upload.

        Args:
            browser: name of the browser.
            size: bytes of the upload.
            now: seconds; None for the clock.

        Returns:
            False if the browser has no such quota left; the upload is then not counted.
        """
        now = time.monotonic() if now is None else now
        taken = self._taken.setdefault(browser, deque())
        self._taken.move_to_end(browser)
        while len(self._taken) > MAX_BROWSERS:
            self._taken.popitem(last=False)
        while taken and taken[0][0] <= now - KEEP_SECONDS:
            taken.popleft()
        size = max(size, LEAST_BYTES)
        if sum(each for _, each in taken) + size > self.limits.session_mb * MB:
            return False
        taken.append((now, size))
        return True


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def prune_folder(folder: Path, max_bytes: float, kept: Collection[Path] = ()) -> None:
    """Delete the oldest files of a folder and its subfolders until the others have at most ``max_bytes``.

    Args:
        folder: the folder.
        max_bytes: largest size of all files.
        kept: files that are neither counted nor deleted.
    """
    files = []
    for path in files_in(folder):
        with suppress(OSError):  # deleted by Gradio
            status = path.stat()
            files.append((status.st_mtime, max(status.st_size, LEAST_BYTES), path))
    files = sorted(file for file in files if file[2] not in kept)
    total = sum(size for _, size, _ in files)
    for _, size, path in files:
        if total <= max_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size


def keep_pruned(folder: Path, limits: Limits, stopping: threading.Event) -> None:
    """Prune a folder in a thread until the server stops; the files that it has now are those of the page itself."""
    kept = set(files_in(folder))

    def prune() -> None:
        while not stopping.wait(PRUNE_SECONDS):
            with suppress(OSError):  # Gradio deletes files, too
                prune_folder(folder, limits.folder_mb * MB, kept)

    threading.Thread(target=prune, daemon=True).start()
