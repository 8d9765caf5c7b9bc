"""What is left of ``metrics.csv`` and ``scores.jsonl`` after a full disk, a kill or a power failure."""

from __future__ import annotations

import csv
import errno
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from lightning_gans.core.errors import RunEnded
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.curves import read_log
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import ScoreRow
from tests.support.stamps import STAMP

HEAD = b"a,b,step\r\n"
ROWS = [f"{step}.5,,{step}\r\n".encode() for step in range(8)]
LOG = HEAD + b"".join(ROWS)


def resume(folder: Path, contents: bytes, step: int) -> bytes:
    """Write a log, resume a run at a step, and read what is left of the log."""
    path = folder / "version_0" / "metrics.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(contents)
    logger = ResumableCSVLogger(folder, "", version=0)
    logger.resume_at(step)
    logger.finalize("success")
    return path.read_bytes() if path.exists() else b""


DAMAGE = {
    "half a row": LOG + b"8.5",
    "half a row with a step": LOG + b"8.5,,8",
    "a number that is cut": HEAD + b"".join(ROWS[:6]) + b"6.5,,6",
    "NULs": LOG + bytes(500),
    "NULs and a row": LOG + bytes(500) + b"8.5,,8\r\n",
    "an empty step": LOG + b"8.5,,\r\n",
    "a step that is no number": LOG + b"8.5,,x\r\n8.5,,8.25\r\n8.5,,\xc2\xb2\r\n",
    "a huge step": LOG + b"8.5,," + b"9" * 5000 + b"\r\n",
    "two rows in one": LOG + b"8.5,9.5,,9\r\n",
    "two numbers in one": HEAD + ROWS[0] + b"1.5,0.51.5,1\r\n" + b"".join(ROWS[1:]),
    "no text": LOG + b"\xff\xfe\x00,\x01,2\r\n",
    "a quote": LOG + b'"8.5,,8\r\n9.5,,9\r\n',
    "a long cell": LOG + b"1" * 200_000 + b",,3\r\n",
    "an empty line": LOG + b"\r\n\r\n",
}


@pytest.mark.filterwarnings("ignore:.*metrics.csv")
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_resumed_log_has_the_whole_rows_before_the_checkpoint_and_nothing_else(tmp_path: Path, kind: str) -> None:
    assert resume(tmp_path, DAMAGE[kind], 6) == HEAD + b"".join(ROWS[:6])


@pytest.mark.filterwarnings("ignore:.*metrics.csv")
@pytest.mark.parametrize(
    "contents", [b"", b"a,b,st", bytes(100), b"a,b\r\n1,2\r\n", b"step,step\r\n1,2\r\n", b"\xff\r\n"]
)
def test_a_log_without_a_header_starts_again(tmp_path: Path, contents: bytes) -> None:
    assert resume(tmp_path, contents, 6) == b""
    damaged = tmp_path / "version_0" / "metrics-damaged.csv"
    assert (damaged.read_bytes() if damaged.exists() else b"") == contents
    logger = ResumableCSVLogger(tmp_path, "", version=0)
    logger.log_metrics({"a": 1.0}, 6)
    logger.finalize("success")
    assert Path(logger.log_dir, "metrics.csv").read_bytes() == b"a,step\r\n1.0,6\r\n"


def test_a_repair_says_what_it_drops(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"metrics\.csv, line 10, is not a whole row .* dropped"):
        resume(tmp_path, DAMAGE["two rows in one"], 6)


def test_a_log_is_never_appended_to_half_a_row(tmp_path: Path) -> None:
    path = tmp_path / "version_0" / "metrics.csv"
    path.parent.mkdir()
    path.write_bytes(LOG + b"8")
    logger = ResumableCSVLogger(tmp_path, "", version=0)  # as of a test, which does not resume
    logger.log_metrics({"a": 23.5, "b": 1.0}, 9)
    logger.finalize("success")
    assert path.read_bytes() == LOG + b"23.5,1.0,9\r\n"


def test_a_test_that_adds_columns_to_the_log_of_a_running_fit_mixes_no_rows(tmp_path: Path) -> None:
    fit, test = (ResumableCSVLogger(tmp_path, "", version=0) for _ in range(2))
    fit.log_metrics({"loss": 1.0}, 0)
    fit.save()
    test.log_metrics({"atest": 2.0}, 0)
    test.save()
    fit.log_metrics({"loss": 3.0}, 1)
    fit.save()
    with Path(fit.log_dir, "metrics.csv").open(newline="") as file:
        assert [row["loss"] for row in csv.DictReader(file)] == ["1.0", "", "3.0"]


def test_a_full_disk_leaves_no_part_of_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = ResumableCSVLogger(tmp_path, "", version=0)
    for step in range(2):
        logger.log_metrics({"a": 1.0}, step)
        logger.save()
    run = RunFolder(Path(logger.log_dir))
    run.append_scores(ScoreRow({"val/fid": 1.0}, STAMP, 1))
    before = run.metrics.read_bytes(), run.scores.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    logger.log_metrics({"a": 2.0}, 2)
    with pytest.raises(RunEnded, match=r"metrics\.csv cannot be written \(No space left on device\)"):
        logger.save()
    with pytest.raises(RunEnded, match=r"scores\.jsonl cannot be written \(No space left on device\)"):
        run.append_scores(ScoreRow({"val/fid": 2.0}, STAMP, 2))
    assert (run.metrics.read_bytes(), run.scores.read_bytes()) == before


def row_of(step: int, split: str = "val") -> ScoreRow:
    return ScoreRow({f"{split}/fid": 1.0}, STAMP, step, 1)


def test_half_a_line_of_scores_does_not_spoil_the_next(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.append_scores(row_of(1))
    with run.scores.open("a") as file:
        file.write('{"step": 2, "sco')
    run.append_scores(row_of(3))
    said: list[str] = []
    assert [row.step for row in run.read_scores(said.append)] == [1, 3]
    assert len(said) == 1
    assert "scores.jsonl, line 2, is not a row of scores" in said[0]


def test_a_resumed_run_measures_no_score_twice(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for row in (row_of(5), row_of(10), row_of(10, "test"), row_of(15), row_of(20)):
        run.append_scores(row)
    with run.scores.open("ab") as file:
        file.write(bytes(20))
    run.watchdog.write_text('{"step": 5, "symptom": "x"}\n{"step": 15, "symptom": "x"}\n{"ste')
    run.resume_at(10)
    assert [(row.step, row.split) for row in run.read_scores()] == [(5, "val"), (10, "val"), (10, "test")]
    assert [json.loads(line)["step"] for line in run.watchdog.read_text().splitlines()] == [5]


SNIPPETS = (b"\r", b"\n", b",", b'"', b"nan", b"-", b"1e999", b"\xff", b"{")


def damaged(contents: bytes, rng: random.Random) -> bytes:
    """One to three kinds of damage."""
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(contents) + 1), rng.randrange(1, 40)
        kinds: list[bytes] = [
            contents[:at],
            contents[:at] + bytes(length) + contents[at:],
            contents[:at] + bytes(length) + contents[at + length :],
            contents[:at] + contents[at + length :],
            contents[:at] + rng.randbytes(length) + contents[at:],
            contents[:at] + contents[: rng.randrange(len(contents) + 1)] + contents[at:],
            contents[:at] + rng.choice(SNIPPETS) + contents[at:],
        ]
        contents = rng.choice(kinds) or b"\n"
    return contents


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*metrics.csv")
def test_no_damage_to_a_log_ends_a_run_or_a_command(tmp_path: Path) -> None:
    rng = random.Random(0)
    scores = "".join(json.dumps(row_of(step).as_dict()) + "\n" for step in range(1, 9)).encode()
    run = RunFolder(tmp_path / "version_0")
    for _ in range(1500):
        step = rng.randrange(9)
        left = resume(tmp_path, damaged(LOG, rng), step)
        assert all(line.endswith(b"\r\n") for line in left.splitlines(keepends=True))
        for row in csv.DictReader(left.decode().splitlines(), strict=True):
            assert int(row["step"]) < step
            assert None not in row
            assert all(not cell or float(cell) is not None for cell in row.values())
        assert resume(tmp_path, left, step) == left
        read_log(run.metrics)
        run.scores.write_bytes(damaged(scores, rng))
        said: list[Any] = []
        rows = run.read_scores(said.append)
        assert all(isinstance(row, ScoreRow) for row in rows)
        run.append_scores(row_of(5))
        assert run.read_scores() == [*rows, row_of(5)]
        run.resume_at(step)
        assert run.read_scores() == [row for row in [*rows, row_of(5)] if row.step is None or row.step <= step]
        assert run.scores.read_bytes().endswith(b"\n") or not run.scores.read_bytes()
