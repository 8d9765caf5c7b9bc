"""Stamps, and rows of scores with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lightning_gans.runs.scores import ScoreRow, Stamp, better, order_scores, parse_complete_rows, read_score_rows
from tests.support.stamps import STAMP, stamp_dict


def test_a_stamp_has_all_its_fields_in_its_text_and_differs_if_any_does() -> None:
    values = stamp_dict()
    assert Stamp.from_dict(values) == STAMP
    assert all(str(value) in str(STAMP) for value in values.values())
    assert STAMP.describe([0, 2]).endswith(" | seeds 0, 2")
    for name, value in values.items():
        other = Stamp.from_dict(stamp_dict(**{name: value + 1 if isinstance(value, int) else "other"}))
        assert other != STAMP
        assert (other.key == STAMP.key) == (name == "seed")


def test_fields_of_a_later_version_are_kept() -> None:
    values = stamp_dict(grid="1x1", later=None)
    stamp = Stamp.from_dict(values)
    assert stamp.as_dict() == values
    assert str(stamp).endswith(" | seed 0 | grid 1x1 | later null")
    assert stamp.key != STAMP.key


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "stamp is None"),
        ({}, "stamp.extractor is None; expected str"),
        (stamp_dict(real="2000"), "stamp.real is '2000'; expected int"),
    ],
)
def test_an_incomplete_stamp_is_named(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Stamp.from_dict(values)


@pytest.mark.parametrize(
    ("scores", "split", "domain", "short"),
    [
        ({"val/fid": 1.0, "val/kid": 2.0}, "val", "", ["fid", "kid"]),
        ({"test/a/fid": 1.0}, "test", "a", ["a/fid"]),
        ({"test/probe/accuracy": 1.0}, "test", "probe", ["probe/accuracy"]),
        ({"val/fid": 1.0, "test/fid": 2.0}, "", "val", ["val/fid", "test/fid"]),
    ],
)
def test_names_of_scores_have_split_and_domain(
    scores: dict[str, float], split: str, domain: str, short: list[str]
) -> None:
    row = ScoreRow(scores, STAMP, 7, 2)
    assert (row.split, row.domain, list(row.short_scores)) == (split, domain, short)
    assert ScoreRow.from_dict(row.as_dict()) == row


def test_a_row_of_an_earlier_version_has_no_images_and_no_time() -> None:
    row = {"step": 7, "epoch": 2, "scores": {"val/fid": 1.0}, "stamp": stamp_dict()}
    read = ScoreRow.from_dict({**row, "images_seen": 448, "train_seconds": 60})
    assert (read.images_seen, read.train_seconds) == (448, 60.0)
    impossible: list[dict[str, Any]] = [{"train_seconds": value} for value in (None, "x", float("nan"), -1, 10**400)]
    unknown: list[dict[str, Any]] = [{}, {"images_seen": None}, {"images_seen": "x"}]
    for values in (*unknown, *impossible):
        older = ScoreRow.from_dict({**row, **values})
        assert (older.images_seen, older.train_seconds) == (None, None)


def test_rows_that_differ_in_the_time_only_are_equal() -> None:
    rows = [ScoreRow({"val/fid": 1.0}, STAMP, 7, 2, 448, seconds) for seconds in (60.0, 61.0)]
    assert rows[0] == rows[1]
    assert rows[0] != ScoreRow({"val/fid": 1.0}, STAMP, 7, 2, 449, 60.0)


def test_damaged_lines_are_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    row = {"scores": {"test/fid": 1}, "stamp": stamp_dict()}
    lines = ['{"scores": {"test/fid": null}, "stamp": {}}', "3", json.dumps(row), "", '{"step": 1, "sco']
    path.write_bytes("\n".join(lines).encode() + b"\xff")
    said: list[str] = []
    assert read_score_rows(path, said.append) == parse_complete_rows([row])
    assert [line.partition(", is not a row")[0] for line in said] == [f"{path}, line {n}" for n in (1, 2, 5)]
    assert read_score_rows(tmp_path / "none", said.append) == []
    assert len(said) == 3


def test_a_row_of_an_older_version_is_refused_by_the_name_of_the_missing_field(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    stamp = stamp_dict()
    del stamp["device"]
    path.write_text(json.dumps({"scores": {"test/fid": 1}, "stamp": stamp}))
    said: list[str] = []
    assert read_score_rows(path, said.append) == []
    assert said == [f"{path}, line 1, is not a row of scores (stamp.device is None; expected str)"]


def test_kid_comes_first_if_images_are_few() -> None:
    names = ["class_kl", "fid", "a/kid", "relative_fid"]
    assert order_scores(names, 1999) == ["a/kid", "relative_fid", "fid", "class_kl"]
    assert order_scores(names, 2000) == ["relative_fid", "fid", "a/kid", "class_kl"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("fid", "min"), ("val/fid", "min"), ("test/a/fid", "min"), ("class_fid_12", "min"), ("b/miou", "max")),
        *(("probe/accuracy", "max"), ("probe/pixels", None), ("val/variance_ratio", None), ("loss/d", None)),
    ],
)
def test_less_or_more_of_a_score_is_better(name: str, expected: str | None) -> None:
    assert better(name) == expected
