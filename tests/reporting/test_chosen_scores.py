"""The table of chosen scores: the best after equal training times, or those of one extractor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from tests.reporting.conftest import Make
from tests.reporting.test_table import table
from tests.support.stamps import stamp_dict

DASH = "\N{EN DASH}"


def measure(folder: Path, *rows: tuple[float | None, dict[str, float]], seed: int = 0, **stamp: Any) -> None:
    """Add test scores after so many minutes each, with one step for each row."""
    with (folder / "scores.jsonl").open("a") as file:
        for step, (minutes, scores) in enumerate(rows, start=1):
            row = {"step": step, "epoch": 1, "scores": scores, "stamp": stamp_dict(seed=seed, **stamp)}
            known = {} if minutes is None else {"train_seconds": 60 * minutes, "images_seen": 100 * step}
            file.write(json.dumps({**row, **known}) + "\n")


def fids(*points: tuple[float | None, float]) -> list[tuple[float | None, dict[str, float]]]:
    return [(minutes, {"test/fid": fid, "test/recall": fid / 100}) for minutes, fid in points]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    capsys.readouterr()
    run_command("table", ["runs", *arguments])
    return table(capsys.readouterr().out)


@pytest.fixture
def curves(make: Make) -> None:
    """Two seeds of one recipe, which trained for 30 and 40 minutes, and another one, which trained for 20."""
    for seed, points in enumerate(([(10, 9.0), (20, 5.0), (30, 6.0)], [(12, 8.0), (22, 4.0), (40, 3.0)])):
        measure(make(f"slow/{seed}", seed), *fids(*points), seed=seed)
    measure(make("fast/0", 0), *fids((5, 7.0), (20, 7.5)))


@pytest.mark.usefixtures("curves")
def test_the_best_within_a_time_is_shown_with_its_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    expected = {
        "15": [f"8.5 (8{DASH}9)", f"11 (10{DASH}12)"],
        "25.5": [f"4.5 (4{DASH}5)", f"21 (20{DASH}22)"],
        "equal": [f"6.5 (5{DASH}8)", f"16 (12{DASH}20)"],  # 20 minutes
        "1e6": [f"4 (3{DASH}5)", f"30 (20{DASH}40)"],
    }
    for minutes, slow in expected.items():
        rows = {row["Run"]: [row["fid"], row["Minutes"]] for row in printed(capsys, "--minutes", minutes)}
        assert rows == {"slow": slow, "fast": ["7", "5"]}
    run_command("table", ["runs", "--minutes", "equal"])
    assert capsys.readouterr().out.endswith(
        "the measurement with the best first score after at most 20 minutes of training, validations included.\n"
    )
    assert "Minutes" not in printed(capsys)[0]


@pytest.mark.usefixtures("curves")
def test_the_first_chosen_score_decides_and_all_scores_are_of_one_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (row,) = (row for row in printed(capsys, "--minutes", "20", "--scores", "recall,fid") if row["Run"] == "fast")
    assert (row["recall"], row["fid"], row["Minutes"]) == ("0.075", "7.5", "20")


def test_all_domains_are_of_one_step_and_one_protocol(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("cycle/0", 0)
    measure(folder, (1, {"test/b/fid": 1.0}), extractor="older")
    measure(folder, *((minutes, {"test/b/fid": fid}) for minutes, fid in ((1, 4.0), (2, 2.0), (3, 3.0))))
    measure(folder, *((minutes, {"test/a/fid": fid}) for minutes, fid in ((1, 7.0), (2, 9.0), (3, 8.0))))
    (row,) = printed(capsys, "--minutes", "5", "--scores", "b/fid,a/fid")
    assert (row["b/fid"], row["a/fid"], row["Minutes"]) == ("2", "9", "2")


@pytest.mark.usefixtures("curves")
def test_runs_without_times_are_named_and_left_out(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    measure(make("older/0", 0), *fids((None, 1.0)))
    run_command("table", ["runs", "--minutes", "equal"])
    shown = capsys.readouterr()
    assert {row["Run"] for row in table(shown.out)} == {"slow", "fast"}
    assert "runs/older/0 has no test scores whose training time is known, as in rows of earlier versions" in shown.err
    with pytest.raises(InputError, match="--minutes is equal, but no run has test scores whose training time is known"):
        run_command("table", ["runs/older", "--minutes", "equal"])
    with pytest.raises(InputError, match="has no test scores within 4 minutes of training; its earliest are of 5"):
        run_command("table", ["runs/fast", "--minutes", "4"])


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "equals"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"--minutes is {text}; expected a number above 0, or equal"):
        run_command("table", ["runs", f"--minutes={text}"])


def test_the_scores_of_one_extractor_are_shown(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        folder = make(f"dcgan/{seed}", seed)
        measure(
            folder, (10, {"test/fid": 1.0 + seed}), (20, {"test/fid": 3.0 + seed}), seed=seed, extractor="lite0-1,128px"
        )
        head: dict[str, Any] = {"seed": seed, "extractor": "lite0-1,128px+linear-head"}
        measure(folder, (20, {"test/head/label_accuracy": 0.5}), **head)
        measure(folder, (15, {"test/fid": 7.0}), seed=seed, extractor="lite1-2,240px")
    (row,) = printed(capsys, "--extractor", "lite0")
    assert row["fid"] == f"3.5 (3{DASH}4)"
    assert row["head/label_accuracy"] == f"0.5 (0.5{DASH}0.5)"
    (row,) = printed(capsys, "--extractor", "lite1")
    assert row["fid"] == f"7 (7{DASH}7)"
    (row,) = printed(capsys, "--extractor", "lite0", "--minutes", "equal", "--scores", "fid")
    assert (row["fid"], row["Minutes"]) == (f"1.5 (1{DASH}2)", f"10 (10{DASH}10)")
    with pytest.raises(
        InputError, match=r"has no test scores of the extractor lite2; it has lite0-1,128px, .*lite1-2,240px"
    ):
        run_command("table", ["runs", "--extractor", "lite2"])
