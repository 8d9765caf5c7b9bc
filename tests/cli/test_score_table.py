"""The table of scores at the end of a command."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

from lightning_gans.cli.score_table import score_table
from lightning_gans.runs.scores import ScoreRow, Stamp
from tests.support.stamps import STAMP

ONE = replace(STAMP, real=1797, fake=1797)


def row(stamp: Stamp = ONE, epoch: int | None = 8, **scores: float) -> ScoreRow:
    return ScoreRow({name.replace("__", "/"): value for name, value in scores.items()}, stamp, 100, epoch)


def test_the_headline_is_first_and_has_the_best_so_far() -> None:
    history = [row(epoch=4, val__kid=9.0, val__fid=15.3406), row(val__kid=8.702939, val__fid=28.43547)]
    table = score_table(history[-1:], history, "val/fid", "min")
    assert table.splitlines() == [
        "val  score  better",
        "fid  28.44  lower, best 15.34 of epoch 4",
        "kid  8.703  lower",
        f"[{ONE}]",
    ]


def test_numbers_are_aligned_and_have_four_digits_and_a_test_has_no_score_of_validation_beside_it() -> None:
    latest = row(test__fid=0.123456, test__modes=10.0, test__variance_ratio=12345.678, test__class_fid_3=1.0)
    table = score_table([latest], [row(val__fid=0.1), latest], "val/fid", "min")
    assert table.splitlines() == [
        "test             score  better",
        "fid             0.1235  lower",
        "modes               10  higher",
        "variance_ratio   12350",
        f"[{ONE}]",
    ]


def test_domains_are_columns_and_the_monitored_one_has_the_best() -> None:
    def both(epoch: int, a: float, b: float) -> list[ScoreRow]:
        return [row(epoch=epoch, val__a__l1=0.1, val__a__miou=a), row(epoch=epoch, val__b__l1=0.2, val__b__miou=b)]

    history = [*both(1, 0.9, 0.8), *both(2, 0.5, 0.4)]
    table = score_table(history[-2:], history, "val/b/miou", "max")
    assert table.splitlines() == [
        "val     a    b  better",
        "miou  0.5  0.4  higher, best b 0.8 of epoch 1",
        "l1    0.1  0.2  lower",
        f"[{ONE}]",
    ]


def test_scores_of_another_protocol_are_not_compared() -> None:
    other = replace(ONE, weights="raw")
    history = [row(other, epoch=1, val__fid=1.0), row(epoch=2, val__fid=3.0), row(epoch=3, val__fid=4.0)]
    assert "best 3 of epoch 2" in score_table(history[-1:], history, "val/fid", "min")


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    history = [row(epoch=1, val__fid=3.0), row(epoch=2, val__fid=float("nan"))]
    assert "nan  lower, best 3 of epoch 1" in score_table(history[-1:], history, "val/fid", "min")


@pytest.mark.parametrize("headline", ["", "loss/g", "val/none"])
def test_without_the_monitored_score_the_most_informative_one_is_first(headline: str) -> None:
    few, many = row(val__fid=1.0, val__kid=2.0), row(replace(ONE, real=5000, fake=5000), val__kid=2.0, val__fid=1.0)
    assert score_table([few], [few], headline, "max").splitlines()[1] == "kid      2  lower"
    assert score_table([many], [many], headline, "max").splitlines()[1] == "fid      1  lower"


def test_stamps_that_differ_are_named_by_domain() -> None:
    other = replace(ONE, real=9)
    rows = [row(val__a__l1=0.1), row(other, val__b__l1=0.2)]
    assert score_table(rows, rows).splitlines()[-2:] == [f"a: [{ONE}]", f"b: [{other}]"]


def test_scores_with_a_stamp_of_their_own_are_a_column_beside_those_of_the_only_domain() -> None:
    other = replace(ONE, extractor="digits-0,28px+linear-head-100-0.77")
    rows = [row(test__fid=0.1), row(other, test__head__label_accuracy=0.5)]
    assert score_table(rows, [*rows, *rows], "test/fid", "min").splitlines() == [
        "test            score  head  better",
        "fid               0.1        lower, best 0.1 of epoch 8",
        "label_accuracy          0.5  higher",
        f"[{ONE}]",
        f"head: [{other}]",
    ]


def test_a_terminal_has_the_stamp_in_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", Terminal())
    lines = score_table([row(val__fid=1.0)], []).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(lines[2:]) == f"[{ONE}]"
