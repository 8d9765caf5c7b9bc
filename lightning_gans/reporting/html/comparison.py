"""The page of a comparison: what a translator was given, what it made, and what it should have made.

The page refers to files beside it, one for each image, and loads nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from lightning_gans.core.video_files import VIDEO_EXTENSIONS
from lightning_gans.inference.translation_jobs import Job
from lightning_gans.reporting.html.page import page_environment, page_facts, write_page
from lightning_gans.runs.record import ModelMetadata


class Shown(NamedTuple):
    """A file on the page.

    Attributes:
        title: what it is.
        address: relative to the page.
        is_video: whether it is a video.
    """

    title: str
    address: str
    is_video: bool


class Row(NamedTuple):
    """The translations of a file: its name, and the files that are shown side by side."""

    name: str
    files: list[Shown]


def write_comparison(path: Path, jobs: Sequence[Job], metadata: ModelMetadata, direction: str) -> None:
    """Write the page.

    Args:
        path: of the page; the files of ``jobs`` are in folders below its own.
        jobs: what was translated; see :func:`.compared_jobs`. The answers to a file are shown side by side.
        metadata: of the model.
        direction: "a_to_b" or "b_to_a".

    Raises:
        InputError: if it cannot be written.
    """
    names = metadata.get("domains", {})
    given, made = (names.get(letter, letter.upper()) for letter in direction.split("_to_"))
    answers: dict[Path, list[Job]] = {}
    for job in jobs:
        answers.setdefault(job.source, []).append(job)
    rows = []
    for several in answers.values():
        files = [(f"{given}, the input", job.given_copy) for job in several]
        files += [
            (f"{made}, answer {job.answer}" if len(several) > 1 else f"{made}, translated", job.target)
            for job in several
        ]
        files += [(f"{made}, the truth", job.truth_copy) for job in several]
        shown = [_shown(title, file, path.parent) for title, file in files if file]
        rows.append(Row(several[0].name.as_posix(), shown))
    model = str(metadata.get("variant", "")).rpartition(".")[2]
    template = page_environment().get_template("comparison.html.j2")
    title = f"{given} to {made}"
    write_page(path, template.render(title=f"{title}, {model}" if model else title, rows=rows, **page_facts()))


def _shown(title: str, file: Path, folder: Path) -> Shown:
    # Bytes, because the name of a file need not be UTF-8.
    address = quote(bytes(file.relative_to(folder)))
    return Shown(title, address, file.suffix.lower() in VIDEO_EXTENSIONS)
