"""Run folders as ``fit`` and ``test`` write them, and a parser of report pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from lightning_gans.cli.commands.common import run_command
from tests.support.stamps import stamp_dict

LOG = "epoch,loss/d,loss/g,step,val/fid\n0,1.5,0.5,9,\n0,1.25,0.75,19,\n0,,,19,40.0\n1,1.0,1.0,39,30.0\n"


def make(
    name: str = "a/0",
    seed: int = 0,
    grids: int = 2,
    domains: tuple[str, ...] = ("",),
    log: str = "",
    data: str = "",
    **settings: Any,
) -> Path:
    """A run's folder as ``fit`` writes it, with an empty log unless given; settings are arguments of the model."""
    folder = Path("runs", name)
    (folder / "samples").mkdir(parents=True)
    model = {"class_path": "lightning_gans.variants.DCGAN", "init_args": settings}
    config = {"seed_everything": seed, "model": model}
    config |= {"data": {"class_path": data, "init_args": {"root": "photos/cats"}}} if data else {}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "metrics.csv").write_text(log)
    for index in range(1, grids + 1):
        for domain in domains:
            suffix = f"-{domain}" if domain else ""
            picture = Image.new("L", (20, 10), index)
            picture.save(folder / f"samples/epoch-{index:03d}-step-{20 * index:07d}{suffix}.png")
    score(folder, {"val/fid": 30.0, "val/modes": 9}, split="val", seed=seed)
    return folder


def score(folder: Path, scores: dict[str, float], step: int = 40, minutes: float | None = None, **stamp: Any) -> None:
    """Add a measurement, as an evaluation does; without the minutes of training as an earlier version did."""
    row = {"step": step, "epoch": 2, "scores": scores, "stamp": stamp_dict(**stamp)}
    row |= {} if minutes is None else {"images_seen": 100 * step, "train_seconds": 60 * minutes}
    with (folder / "scores.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def add_test(folder: Path, scores: dict[str, float], **stamp: Any) -> None:
    """Write the files of ``test``."""
    score(folder, scores, **stamp)
    Image.new("L", (20, 10)).save(folder / "samples/test-epoch-002-step-0000040.png")
    results = {"versions": {"torch": "2.99.0"}, "machine": {"cores": 3}, "commit": "abc123", "train_seconds": 3725.0}
    (folder / "results.json").write_text(json.dumps(results))


class Page(HTMLParser):
    """A page: tags with their attributes, texts, and cells of tables."""

    VOID = ("meta", "img", "input", "br", "wbr")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "wbr":
            self.texts.append(" ")
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "script" not in self.open:
            self.texts.append(data)
        if "tr" in self.open:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str) -> Iterator[dict[str, Any]]:
        return (attributes for name, attributes in self.tags if name == tag)

    def row(self, name: str) -> list[str]:
        """The only row of a table whose first cell is ``name``."""
        (row,) = [row for row in self.rows if row and row[0] == name]
        return row


def report(*arguments: str | Path) -> Page:
    run_command("report", [*map(str, arguments), "--out", "report.html", "--overwrite"])
    return Page(Path("report.html"))
