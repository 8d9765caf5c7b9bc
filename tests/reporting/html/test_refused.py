"""Invalid input of the report command."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from tests.support.report_folders import LOG, make, report
from tests.support.shell import imported_modules, shell

# Invalid input.


def refused(*arguments: str | Path) -> str:
    with pytest.raises(InputError) as error:
        run_command("report", list(map(str, arguments)))
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
    ("content", "message"),
    [
        (b"a: [", "cannot be read; expected the config"),
        (b"\xff\xfe", "cannot be read; expected the config"),
        (b"a: 1", "has no model.class_path"),
    ],
)
def test_a_damaged_config_is_named(content: bytes, message: str) -> None:
    path = make() / "config.yaml"
    path.write_bytes(content)
    said = refused("runs")
    assert said.startswith(f"{path}")
    assert message in said
    assert not list(Path().rglob("*.html"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scores.jsonl", b'{"step": 1', "line 1, is not a row of scores"),
        ("scores.jsonl", b"\xff\xfe", "line 1, is not a row of scores"),
        ("metrics.csv", b"\xff\xfe\x00\x01", "line 1, is not a header with a column step"),
        ("metrics.csv", b"no,header\n1,2\n", "line 1, is not a header with a column step"),
        ("metrics.csv", b"loss/d,step\n1\n1,2\n", "line 2, is not a whole row"),
        ("metrics.csv", b"loss/d,step\n1,1e300\n1,2\n", "line 2, is not a whole row"),
        ("metrics.csv", LOG.encode() + b"2,0.", "line 6, is not a whole row"),
        ("metrics.csv", LOG.encode() + bytes(9), "line 6, is not a whole row"),
        ("watchdog.jsonl", b'{"step": 1}\n', "line 1, is not a warning of the watchdog"),
        ("results.json", b'{"versions": {}}', "holds no results"),
        ("results.json", b"{", "holds no results"),
        ("fit.json", b'{"machine": []}', "holds no facts of a fit"),
        ("results.json", b"\xff", "holds no results"),
        ("samples/epoch-002-step-0000040.png", b"no picture", "is not a complete picture; expected a PNG"),
        ("samples/epoch-002-step-0000040.png", None, "is not a complete picture; expected a PNG"),
    ],
)
def test_what_is_damaged_is_left_out_and_named(
    name: str, content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make() / name
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    page = report("runs")
    assert f"{path}" in page.text
    assert message in page.text
    said = capsys.readouterr().err
    assert f"{path}" in said
    assert message in said


@pytest.mark.parametrize("name", ["metrics.csv", "scores.jsonl", "watchdog.jsonl", "results.json"])
def test_a_folder_in_place_of_a_file_is_named(name: str) -> None:
    path = make() / name
    path.unlink(missing_ok=True)
    path.mkdir()
    assert f"{path} cannot be read (Is a directory)" in report("runs/a").text


def test_an_incomplete_last_row_and_huge_numbers_are_skipped() -> None:
    path = make() / "metrics.csv"
    for rows in ("1,2,3,59,\n2,0.", "1,1e308,1,59,\n2,-1e308,1,69,1\n", "1,1e-320,,59,\n", "1,nan,inf,59,\n"):
        path.write_text(LOG + rows)
        assert "Reached epoch 2, step" in report("runs").text
    path.write_text("")
    assert "None: the run has no metrics.csv" in report("runs").text


def test_files_are_replaced_only_with_overwrite() -> None:
    folder = make()
    for name in ("page.html", "config.yaml"):
        Path(name).write_text("mine")
    Path("folder.html").mkdir()
    Path("link.html").symlink_to("page.html")
    assert refused(folder, "--out", "page.html").startswith("page.html exists already; give --overwrite")
    assert refused(folder, "--out", "config.yaml", "--overwrite").endswith("expected a name that ends in .html")
    assert "which is a folder" in refused(folder, "--out", "folder.html", "--overwrite")
    assert "which is not a regular file" in refused(folder, "--out", "link.html", "--overwrite")
    assert "page.html is a file; expected a folder there" in refused(folder, "--out", "page.html/page.html")
    assert Path("page.html").read_text() == Path("config.yaml").read_text() == "mine"
    run_command("report", [str(folder), "--out", "page.html", "--overwrite"])
    run_command("report", [str(folder), "--out", "new/page.html"])
    assert Path("page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("before", [None, "older"])
def test_a_full_disk_keeps_an_earlier_report(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_folder_that_cannot_be_listed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make()

    def locked(path: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", locked)
    assert refused("runs/a/0", "--out", "x.html") == "runs/a/0/samples cannot be read (Permission denied)"


# The command in a process of its own.


def test_the_command_does_not_load_torch() -> None:
    make()
    modules = imported_modules("report", "runs")
    assert Path("runs/a/0/report.html").is_file()
    assert "lightning_gans.reporting.html.page" in modules
    assert not {"torch", "lightning", "torchvision"} & modules


def test_errors_are_one_line_and_status_two() -> None:
    done = shell("report", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("lightning-gans: error: nowhere is not a folder")
