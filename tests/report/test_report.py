"""Run folders in, one HTML file out."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from PIL import Image

from lightning_gans.errors import InputError
from lightning_gans.report.command import run
from lightning_gans.report.contents import names
from lightning_gans.report.pictures import LARGE, read_picture, spaced
from lightning_gans.results.rows import DASH

STAMP = {
    **{"extractor": "digits-0,28px", "real": 2000, "fake": 2000, "split": "test", "weights": "ema"},
    **{"batch_norm": "running", "dropout": "off", "pixels": "uint8-rounded", "neighbours": 5, "seed": 0},
}

LOG = "epoch,loss/d,loss/g,step,val/fid\n0,1.5,0.5,9,\n0,1.25,0.75,19,\n0,,,19,40.0\n1,1.0,1.0,39,30.0\n"

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(
    name: str = "a/0", seed: int = 0, grids: int = 2, domains: tuple[str, ...] = ("",), log: str = "", **settings: Any
) -> Path:
    """A run's folder as ``fit`` leaves it, with an empty log unless given; settings are arguments of the model."""
    folder = Path("runs", name)
    (folder / "samples").mkdir(parents=True)
    model = {"class_path": "lightning_gans.variants.DCGAN", "init_args": settings}
    (folder / "config.yaml").write_text(yaml.safe_dump({"seed_everything": seed, "model": model}))
    (folder / "metrics.csv").write_text(log)
    for index in range(1, grids + 1):
        for domain in domains:
            suffix = f"-{domain}" if domain else ""
            picture = Image.new("L", (20, 10), index)
            picture.save(folder / f"samples/epoch-{index:03d}-step-{20 * index:07d}{suffix}.png")
    score(folder, {"val/fid": 30.0, "val/modes": 9}, split="val", seed=seed)
    return folder


def score(folder: Path, scores: dict[str, float], **stamp: Any) -> None:
    """Add a measurement, as an evaluation does."""
    row = {"step": 40, "epoch": 2, "scores": scores, "stamp": {**STAMP, **stamp}}
    with (folder / "scores.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def test(folder: Path, scores: dict[str, float], **stamp: Any) -> None:
    """Leave what ``test`` leaves."""
    score(folder, scores, **stamp)
    Image.new("L", (20, 10)).save(folder / "samples/test-epoch-002-step-0000040.png")
    results = {"versions": {"torch": "2.99.0"}, "machine": {"cores": 3}, "commit": "abc123", "train_seconds": 3725.0}
    (folder / "results.json").write_text(json.dumps(results))


test.__test__ = False  # type: ignore[attr-defined]


class Page(HTMLParser):
    """What a page has: tags with their attributes, its texts, and the cells of its tables."""

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
        """The only row of a table that begins so."""
        (row,) = [row for row in self.rows if row and row[0] == name]
        return row


def report(*arguments: str | Path) -> Page:
    run([*map(str, arguments), "--out", "report.html", "--overwrite"])
    return Page(Path("report.html"))


# What the page says.


def test_a_run_that_was_only_trained(capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(seed=7, log=LOG)
    run([str(folder)])
    assert capsys.readouterr().out == "report: runs/a/0/report.html\n"
    page = Page(folder / "report.html")
    assert "Variant DCGAN Seed 7 Reached epoch 2, step 40" in page.text
    assert "Validation scores, epoch 2, step 40 digits-0,28px | 2000 real, 2000 generated | split val" in page.text
    assert "fid 30 modes 9" in page.text
    assert "No test scores" in page.text
    assert "No warnings" in page.text
    assert "Not known: a test records it" in page.text
    assert "seed_everything: 7" in page.source
    # The newest grid is seen, the earlier one by the slider.
    assert [("hidden" in image, image["data-step"]) for image in page.all("img")] == [(True, "20"), (False, "40")]
    assert [slider["max"] for slider in page.all("input") if slider["type"] == "range"] == ["1"]
    assert {plot["role"] for plot in page.all("svg")} == {"img"}
    assert "loss, a/0: d from 1.5 at step 10 to 1 at 40; g from 0.5 at step 10 to 1 at 40" in page.source


def test_a_run_that_was_tested_and_warned() -> None:
    folder = make()
    test(folder, {"test/fid": 12.5, "test/class_fid_3": 77.0})
    warning = {"step": 30, "epoch": 1, "symptom": "dead_discriminator", "evidence": {"logit/real": 0.123456}}
    (folder / "watchdog.jsonl").write_text(json.dumps(warning) + "\n")
    (folder / "inspection").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "inspection/neighbours.png")
    page = report(folder)
    assert "Test scores, epoch 2, step 40 digits-0,28px | 2000 real, 2000 generated | split test" in page.text
    assert page.text.count("77") == 1  # a class of its own is no headline
    assert "dead discriminator, epoch 1, step 30 logit/real 0.1235" in page.text
    assert "Commit abc123 torch 2.99.0 Cores 3 Training took 1 h 2 min Test took not known" in page.text
    assert [image["alt"] for image in page.all("img")][-2:] == [
        "Grid of samples of a/0, test, epoch 2, step 40",
        "Samples and their nearest training images, a/0",
    ]


def test_runs_stand_beside_each_other() -> None:
    for seed, fid in enumerate((3.0, 2.0)):
        test(make(f"a/{seed}", seed, log=LOG, width=32 * (seed + 1)), {"test/fid": fid}, seed=seed)
    page = report("runs")
    assert [row for row in page.rows if row[:1] == ["fid"]] == [
        ["fid", "3", "2"],  # test
        ["fid", "30", "30"],  # validation
    ]
    assert page.row("seed_everything") == ["seed_everything", "0", "1"]
    assert page.row("model.init_args.width") == ["model.init_args.width", "32", "64"]
    assert not [row for row in page.rows if row[:1] == ["model.class_path"]]
    assert "seeds 0, 1" in page.text
    # One figure of losses with a line for each run, and those of each run alone.
    assert "loss, d: a/0 from 1.5 at step 10 to 1 at 40; a/1 from 1.5 at step 10 to 1 at 40" in page.source
    assert page.text.count("loss, d") == 1
    assert len({attributes["id"] for _, attributes in page.tags if "id" in attributes}) == sum(
        "id" in attributes for _, attributes in page.tags
    )


@pytest.mark.parametrize("field", ["extractor", "real", "weights", "of a later version"])
def test_scores_of_different_stamps_are_never_in_one_row(field: str) -> None:
    for name, value in (("a/0", 1), ("b/0", 2), ("c/0", 1)):
        test(make(name), {"test/fid": 10.0 + value}, **{field: value})
    page = report("runs")
    rows = [row for row in page.rows if row[:1] == ["fid"]]
    assert rows[:2] == [["fid", "11", DASH, "11"], ["fid", DASH, "12", DASH]]
    stamps = [row[0] for row in page.rows if row[:1] and row[0].startswith("Test scores")]
    assert len(set(stamps)) == 2


def test_scores_of_one_run_are_never_in_one_column_either() -> None:
    folder = make()
    for real, fid in ((2000, 11.0), (500, 12.0), (2000, 13.0)):
        test(folder, {"test/fid": fid}, real=real)
    page = report(folder)
    assert [row for row in page.rows if row and row[0] in ("2", "epoch")] == [
        *(["epoch", "step", "fid"], ["2", "40", "13"], ["2", "40", "11"]),
        *(["epoch", "step", "fid"], ["2", "40", "12"]),
        *(["epoch", "step", "fid", "modes"], ["2", "40", "30", "9"]),
    ]


def test_each_domain_has_a_timeline_of_its_own() -> None:
    page = report(make(domains=("a", "b")))
    assert [image["alt"] for image in page.all("img") if "hidden" not in image] == [
        f"Grid of samples of a/0, validation, domain {domain}, epoch 2, step 40" for domain in "ab"
    ]
    assert sum(slider["type"] == "range" for slider in page.all("input")) == 2


def test_a_long_timeline_is_thinned_and_says_so() -> None:
    page = report(make(grids=60))
    steps = [int(image["data-step"]) for image in page.all("img")]
    assert (len(steps), steps[0], steps[-1]) == (24, 20, 1200)
    assert {b - a for a, b in pairwise(steps)} <= {40, 60}
    assert "24 of the run's 60 grids, evenly spaced." in page.text


def test_a_bare_run_has_a_page() -> None:
    folder = make(grids=0)
    for name in ("metrics.csv", "scores.jsonl", "samples"):
        path = folder / name
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "checkpoints").mkdir()
    page = report(folder)
    for text in ("Reached not known", "No scores", "drawn no grids", "None: the run has no metrics.csv"):
        assert text in page.text
    # A test of a model that took no step is logged at one.
    (folder / "metrics.csv").write_text("step,test/fid\n0,5.0\n")
    assert "Reached not known" in report(folder).text


def test_an_earlier_report_is_no_part_of_a_run() -> None:
    folder = make()
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    run([str(folder)])
    assert "Started 1970-01-01 00:00 UTC Last written 1970-01-01 00:00 UTC" in report(folder).text


def test_runs_are_found_below_a_folder_and_told_apart() -> None:
    first, second = make("x/a/0"), make("y/a/0")
    for path in ("wandb/files", "checkpoints"):
        (first / path).mkdir(parents=True)
        (first / path / "config.yaml").write_text("no run's")
    page = report("runs", second)
    assert page.text.startswith("2 runs")
    assert page.rows[0] == ["", "x/a/0", "y/a/0"]
    assert names([Path("/a/0"), Path("/a/1")]) == ["a/0", "a/1"]


def test_the_newest_config_counts() -> None:
    folder = make()
    config = (folder / "config.yaml").read_text()
    (folder / "config-2.yaml").write_text(config.replace("DCGAN", "LSGAN"))
    assert "Variant LSGAN" in report(folder).text


# A page that is safe to open, anywhere.


def test_the_page_asks_nobody_for_anything() -> None:
    for seed in range(2):
        test(make(f"a/{seed}", seed, log=LOG), {"test/fid": 1.0})
    page = report("runs")
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for key in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert (attributes.get(key) or "#").startswith(("#", "data:image/png;base64,", "data:image/webp;base64,"))
    assert not re.search(r"url\((?!#)|@import", page.source)
    assert "://" not in re.sub(r"<pre.*?</pre>", "", page.source, flags=re.DOTALL)
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "'unsafe-inline'" not in policy[policy.index("script-src") :]


def test_names_and_settings_are_text() -> None:
    evil = "<script>alert(1)<!-- \"' $x^{ ]]>"
    for seed in range(2):
        folder = make(
            f"{evil}/{seed}", seed, grids=1, domains=("'><img src=x onerror=alert(1)>",), note=f"{evil}{seed}"
        )
        test(folder, {f"test/{evil}": 1.0}, extractor=evil)
        (folder / "metrics.csv").write_text(
            f'"loss/{evil.replace(chr(34), chr(34) * 2)}",loss/é漢,step\n1,2,1\n2,3,5\n'
        )
        row = {"symptom": evil, "evidence": {evil: evil}, evil: evil}
        (folder / "watchdog.jsonl").write_text(json.dumps(row) + "\n")
        (folder / "results.json").write_text(json.dumps({"versions": {evil: evil}, "machine": {}, "commit": evil}))
    page = report("runs")
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert page.text.count("<script>alert(1)<!--") > 20


# What is refused.


def refused(*arguments: str | Path) -> str:
    with pytest.raises(InputError) as error:
        run(list(map(str, arguments)))
    assert not list(Path().rglob(".writing*"))
    return str(error.value)


def test_folders_without_runs_are_refused() -> None:
    Path("empty").mkdir()
    Path("configs").mkdir()
    Path("configs/config.yaml").write_text("a: 1")
    assert refused("nowhere").startswith("nowhere is not a folder; expected")
    assert refused("empty").startswith("empty holds no run")
    assert refused("configs").startswith("configs holds no run")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.yaml", b"a: [", "cannot be read; expected the config"),
        ("config.yaml", b"\xff\xfe", "cannot be read; expected the config"),
        ("config.yaml", b"a: 1", "has no model.class_path"),
        ("scores.jsonl", b'{"step": 1', "line 1, is no row of scores"),
        ("scores.jsonl", b"\xff\xfe", "cannot be read; expected rows of scores"),
        ("metrics.csv", b"\xff\xfe\x00\x01", "cannot be read as a log"),
        ("metrics.csv", b"no,header\n1,2\n", "cannot be read as a log"),
        ("metrics.csv", b"loss/d,step\n1\n1,2\n", "cannot be read as a log"),
        ("metrics.csv", b"loss/d,step\n1,1e300\n1,2\n", "cannot be read as a log"),
        ("watchdog.jsonl", b'{"step": 1}\n', "line 1, is no warning of the watchdog"),
        ("results.json", b'{"versions": {}}', "holds no results"),
        ("results.json", b"{", "holds no results"),
        ("results.json", b"\xff", "expected text in UTF-8"),
        ("samples/epoch-002-step-0000040.png", b"no picture", "is no whole picture; expected a PNG"),
        ("samples/epoch-002-step-0000040.png", None, "is no whole picture; expected a PNG"),
    ],
)
def test_a_damaged_file_is_named(name: str, content: bytes | None, message: str) -> None:
    path = make() / name
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    said = refused("runs")
    assert said.startswith(f"{path}")
    assert message in said
    assert not list(Path().rglob("*.html"))


@pytest.mark.parametrize("name", ["metrics.csv", "scores.jsonl", "watchdog.jsonl", "results.json"])
def test_a_folder_in_place_of_a_file_is_named(name: str) -> None:
    path = make() / name
    path.unlink(missing_ok=True)
    path.mkdir()
    assert refused("runs/a").startswith(f"{path} cannot be read")


def test_a_row_that_a_kill_cut_short_and_numbers_beyond_all_axes_are_passed_over() -> None:
    path = make() / "metrics.csv"
    for rows in ("1,2,3,59,\n2,0.", "1,1e308,1,59,\n2,-1e308,1,69,1\n", "1,1e-320,,59,\n", "1,nan,inf,59,\n"):
        path.write_text(LOG + rows)
        assert "Reached epoch 2, step" in report("runs").text
    path.write_text("")
    assert "None: the run has no metrics.csv" in report("runs").text


def test_nothing_is_overwritten_unasked() -> None:
    folder = make()
    for name in ("page.html", "config.yaml"):
        Path(name).write_text("mine")
    Path("folder.html").mkdir()
    Path("link.html").symlink_to("page.html")
    assert refused(folder, "--out", "page.html").startswith("page.html is there already; give --overwrite")
    assert refused(folder, "--out", "config.yaml", "--overwrite").endswith("expected a name that ends in .html")
    assert "which is a folder" in refused(folder, "--out", "folder.html", "--overwrite")
    assert "which is no ordinary file" in refused(folder, "--out", "link.html", "--overwrite")
    assert "page.html is a file; expected a folder there" in refused(folder, "--out", "page.html/page.html")
    assert Path("page.html").read_text() == Path("config.yaml").read_text() == "mine"
    run([str(folder), "--out", "page.html", "--overwrite"])
    run([str(folder), "--out", "new/page.html"])
    assert Path("page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("before", [None, "older"])
def test_a_full_disk_leaves_what_was_there(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make()
    out = Path("report.html")
    if before:
        out.write_text(before)

    def full(path: Path, content: bytes) -> NoReturn:
        with path.open("wb") as file:
            file.write(content[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    said = refused(folder, "--out", out, "--overwrite")
    assert said == "report.html cannot be written (No space left on device)"
    assert (out.read_text() if out.exists() else None) == before


def test_a_run_that_may_not_be_looked_into_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make()

    def locked(path: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", locked)
    assert refused("runs/a/0", "--out", "x.html") == "runs/a/0/samples cannot be read (Permission denied)"


# Parts.


def test_a_large_grid_takes_less_space() -> None:
    Image.effect_noise((1000, 1000), 90).save("noise.png")
    assert Path("noise.png").stat().st_size > LARGE
    picture = read_picture(Path("noise.png"))
    assert picture.recoded
    assert picture.uri.startswith("data:image/webp;base64,")
    assert (picture.width, picture.height) == (1000, 1000)
    assert len(picture.uri) < Path("noise.png").stat().st_size


@pytest.mark.parametrize("most", [1, 2, 3, 7, 24])
@pytest.mark.parametrize("count", [0, 1, 2, 24, 25, 100])
def test_evenly_spaced(count: int, most: int) -> None:
    found = spaced(range(count), most)
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    assert found[-1:] == [count - 1][:count]
    if most > 1:
        assert found[:1] == [0][:count]


# The real command.


def test_the_command_is_quick_and_does_not_load_torch() -> None:
    make()
    code = "import sys; from lightning_gans.__main__ import main; main(); print(*sys.modules)"
    root = str(Path(__file__).resolve().parents[2])
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "report", "runs"],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert time.perf_counter() - start < 20  # about 2 on a machine with nothing else to do
    assert (done.returncode, done.stderr) == (0, "")
    first, modules = done.stdout.splitlines()
    assert first == "report: runs/a/0/report.html"
    assert not {"torch", "lightning", "torchvision"} & set(modules.split())


def test_errors_are_one_line_and_status_two() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lightning_gans", "report", "nowhere"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("lightning-gans: error: nowhere is not a folder")
