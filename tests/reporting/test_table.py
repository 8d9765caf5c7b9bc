"""The table of results."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from lightning_gans.reporting.table import format_number
from tests.reporting.conftest import Make, score_row
from tests.support.shell import imported_modules, shell
from tests.support.stamps import STAMP, stamp_dict


def table(text: str) -> list[dict[str, str]]:
    """The rows of a Markdown table, each by column."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert set(cells[1]) == {"---"}
    assert {len(row) for row in cells} == {len(cells[0])}
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


# Contents of the table.


def test_median_and_range_over_seeds(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, fid in enumerate((3.14159, 30.0, 2.5)):
        make(f"dcgan-mnist/version_{seed}", seed, {"test/fid": fid, "test/relative_fid": 0.5, "test/modes": 9 + seed})
    make("wgan-mnist/version_0", 0, {"test/fid": 7.0}, model__class_path="lightning_gans.variants.WGANGP")
    run_command("table", ["runs"])
    out = capsys.readouterr().out
    assert table(out) == [
        {
            "Run": "dcgan-mnist",
            "Variant": "DCGAN",
            "Seeds": "3",
            "Epochs": "10",
            "relative_fid": "0.5 (0.5\N{EN DASH}0.5)",
            "fid": "3.142 (2.5\N{EN DASH}30)",
            "modes": "10 (9\N{EN DASH}11)",
        },
        {
            "Run": "wgan-mnist",
            "Variant": "WGANGP",
            "Seeds": "1",
            "Epochs": "10",
            "relative_fid": "",
            "fid": "7",
            "modes": "",
        },
    ]
    assert out.splitlines()[0].startswith("| Run | Variant | Seeds | Epochs | relative_fid | fid | modes |")
    assert out.count("split test") == 1
    assert out.endswith("uint8-rounded | 5 neighbors | cpu | 32-true | seeds 0, 1, 2`\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.05760058, "0.0576"),
        (11.0870, "11.09"),
        (1000, "1000"),
        (1000.0, "1000"),
        (0.0, "0"),
        (9999.7, "10000"),
        (12345.6, "12350"),
        (1.2e-05, "1.2e-05"),
        (1e30, "1e+30"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert format_number(value) == text


def test_one_diverged_seed_is_not_hidden(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, fid in enumerate((1.0, float("nan"), 2.0)):
        make(f"a/{seed}", seed, {"test/fid": fid})
    run_command("table", ["runs/a"])
    assert table(capsys.readouterr().out)[0]["fid"] == "nan (nan\N{EN DASH}nan)"


def test_a_score_that_one_seed_lacks_is_not_shown(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("a/0", 0, {"test/fid": 1.0, "test/modes": 10})
    make("a/1", 1, {"test/fid": 2.0})
    run_command("table", ["runs/a"])
    (row,) = table(capsys.readouterr().out)
    assert (row["fid"], row["modes"]) == ("1.5 (1\N{EN DASH}2)", "")


def test_the_last_row_counts(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("a/0", 0, {"test/fid": 1.0})
    with (folder / "scores.jsonl").open("a") as file:
        file.write(score_row({"test/fid": 2.0}, stamp_dict()))
        file.write(score_row({"val/fid": 60.0}, stamp_dict(split="val")))
    run_command("table", ["runs/a"])
    assert table(capsys.readouterr().out)[0]["fid"] == "2"
    run_command("table", ["runs/a", "--split", "val"])
    out = capsys.readouterr().out
    assert table(out)[0]["fid"] == "60"
    assert "split val" in out


def test_scores_can_be_chosen(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("a/0", 0, {"test/fid": 1.0, "test/kid": 2.0, "test/modes": 3.0})
    run_command("table", ["runs/a", "--scores", "modes,fid"])
    out = capsys.readouterr().out
    assert "| Epochs | modes | fid |" in out
    assert "kid" not in out
    run_command("table", ["runs/a", "--scores", "modes", "--format", "csv"])
    assert "epochs,modes,modes_min,modes_max,stamp" in capsys.readouterr().out
    with pytest.raises(InputError, match="--scores has mood; the runs have fid, kid, modes"):
        run_command("table", ["runs/a", "--scores", "modes,mood"])


def test_networks_without_training_are_no_seeds_of_a_trained_model(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    path = make("a/1", 0, {"test/fid": 99.0}) / "scores.jsonl"
    path.write_text(path.read_text().replace('"step": 70', '"step": 0'))
    run_command("table", ["runs"])
    rows = table(capsys.readouterr().out)
    assert [(row["Run"], row["Seeds"], row["Epochs"], row["fid"]) for row in rows] == [
        ("a", "1", "10", "1"),
        ("a", "1", "0", "99"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [("extractor", "inception-1"), ("real", 5), ("fake", 5), ("split", "all"), ("weights", "raw"), ("new", 1)],
)
@pytest.mark.parametrize("name", ["a", "b"])
def test_each_stamp_has_a_table(
    name: str, field: str, value: Any, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    make(f"{name}/1", 1, {"test/fid": 2.0, "test/modes": 3.0}, stamp={field: value})
    make("a/2", 2, {"test/fid": 5.0})
    run_command("table", ["runs"])
    first, second = re.split(r"\n(?=\| Run )", capsys.readouterr().out)
    assert [row["fid"] for row in table(first)] == ["3 (1\N{EN DASH}5)"]
    assert [(row["Run"], row["Seeds"], row["fid"], row["modes"]) for row in table(second)] == [(name, "1", "2", "3")]
    old = str(stamp_dict().get(field, "null"))
    assert second.endswith(f"the first table, where stamp.{field} is {old}; here it is {value}.\n")
    run_command("table", ["runs", "--format", "csv", "--scores", "modes,fid"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["fid"], row["modes"]) for row in rows] == [("3.0", ""), ("2.0", "3.0")]
    assert rows[0]["stamp"] != rows[1]["stamp"]


def test_domains_keep_their_columns_and_stamps(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("a/0", 0, {"test/horse/fid": 1.0})
    with (folder / "scores.jsonl").open("a") as file:
        file.write(score_row({"test/zebra/fid": 2.0}, stamp_dict(real=50)))
    run_command("table", ["runs/a"])
    out = capsys.readouterr().out
    (row,) = table(out)
    assert (row["horse/fid"], row["zebra/fid"]) == ("1", "2")
    assert "`horse: digits-0,28px | 2000 real" in out
    assert "`zebra: digits-0,28px | 50 real" in out


def test_a_folder_given_twice_counts_once(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("a/0", 0, {"test/fid": 1.0})
    run_command("table", ["runs", "runs/a", str(folder)])
    assert table(capsys.readouterr().out)[0]["Seeds"] == "1"


def test_a_run_given_as_the_current_folder_has_its_name(
    make: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make("a/0", 0, {"test/fid": 1.0}))
    run_command("table", ["."])
    assert table(capsys.readouterr().out)[0]["Run"] == "a"


def test_epochs_and_steps_are_those_of_the_newest_config(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    make("a/0", 0, {"test/fid": 1.0}, config="config-2.yaml", trainer__max_epochs=20)
    make("a/0", 0, {"test/fid": 1.0}, config="config-10.yaml", trainer__max_epochs=None, trainer__max_steps=500)
    run_command("table", ["runs/a"])
    (row,) = table(capsys.readouterr().out)
    assert (row["Epochs"], row["Max steps"]) == ("", "500")


# Other formats.


def test_csv(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, fid in enumerate((0.123456789, 0.2, 0.3)):
        make(f"a/{seed}", seed, {"test/fid": fid})
    make("b/0", 0, {"test/modes": 10})
    run_command("table", ["runs", "--format", "csv"])
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["run"], first["variant"], first["seeds"], first["epochs"]) == ("a", "DCGAN", "3", "10")
    assert (first["fid"], first["fid_min"], first["fid_max"], first["modes"]) == ("0.2", "0.123456789", "0.3", "")
    assert first["stamp"] == STAMP.describe([0, 1, 2])
    assert (second["modes"], second["modes_min"], second["fid"]) == ("10", "10", "")
    assert second["stamp"] == str(STAMP)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_text_between_markers_is_replaced(
    newline: str, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    run_command("table", ["runs"])
    expected = capsys.readouterr().out.replace("\n", newline)
    lines = ["# Über", r"`<!-- table results -->` and `<!-- end -->` \1", "<!-- table other -->", "old", "<!-- end -->"]
    before = newline.join([*lines, "<!-- table results -->", ""])
    after = newline.join(["<!-- end -->", "text  ", "<!-- end -->", "no line end"])
    file = Path("README.md")
    for old in ("", f"old{newline}{newline}older{newline}"):
        file.write_bytes(f"{before}{old}{after}".encode())
        for _ in range(2):
            run_command("table", ["runs", "--write", "README.md"])
            assert file.read_bytes().decode() == f"{before}{expected}{after}"
            assert capsys.readouterr().out == "table: README.md\n"
    run_command("table", ["runs", "--write", "README.md", "--name", "other"])
    assert file.read_bytes().decode() == f"{before}{expected}{after}".replace(f"old{newline}", expected, 1)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "<!-- table results -->\n",
        "<!-- end -->\n<!-- table results -->\n",
        "<!-- table other -->\n<!-- end -->\n",
        "<!-- table results -->\n<!-- table other -->\n<!-- end -->\n",
        "<!-- table results -->\n<!-- end -->\n" * 2,
    ],
)
def test_missing_markers_are_refused(content: str | None, make: Make) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    file = Path("README.md")
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=r"README\.md.*expected"):
        run_command("table", ["runs", "--write", "README.md"])
    assert (file.read_text() if file.exists() else None) == content


# The command in a process of its own.


def test_the_command_prints_a_table_without_loading_torch(make: Make) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    done = shell("table", "runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert table(done.stdout)[0]["fid"] == "1"
    modules = imported_modules("table", "runs")
    assert "lightning_gans.reporting.table" in modules
    assert not {"torch", "lightning", "torchvision"} & modules


def test_the_commands_errors_are_one_line_and_status_two(make: Make) -> None:
    make("a/0", 0)
    done = shell("table", "runs")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("lightning-gans: error: runs/a/0 has no test scores")
    assert "lightning-gans table" in shell("table", "--help").stdout


def test_kid_comes_first_if_images_are_few_and_a_note_says_why(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"test/fid": 3.0, "test/relative_fid": 0.1, "test/class_kl": 0.2, "test/kid": 0.01, "test/kid_ci95": 0.002}
    make("few/0", 0, scores, {"real": 1999})
    run_command("table", ["runs/few"])
    out = capsys.readouterr().out
    assert out.startswith("| Run | Variant | Seeds | Epochs | kid | kid_ci95 | relative_fid | fid | class_kl |")
    assert "KID comes first, as there are 1999 images: below 2,000 FID is too large" in out
    run_command("table", ["runs/few", "--scores", "fid"])
    assert "KID" not in capsys.readouterr().out
    make("many/0", 0, scores)
    run_command("table", ["runs/many"])
    out = capsys.readouterr().out
    assert out.startswith("| Run | Variant | Seeds | Epochs | relative_fid | fid | kid | kid_ci95 | class_kl |")
    assert "KID comes first" not in out


def test_only_scores_that_compare_sets_count_as_few_images(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("a/0", 0, {"test/fid": 1.0, "test/kid": 0.1})
    with (folder / "scores.jsonl").open("a") as file:
        file.write(score_row({"test/probe/accuracy": 0.9}, stamp_dict(fake=0)))
    run_command("table", ["runs/a"])
    out = capsys.readouterr().out
    assert table(out)[0]["probe/accuracy"] == "0.9"
    assert "KID comes first" not in out


def test_scores_of_single_classes_are_shown_only_on_request(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("a/0", 0, {"test/fid": 1.0, "test/class_fid": 2.0, "test/class_fid_3": 4.0})
    run_command("table", ["runs/a"])
    assert set(table(capsys.readouterr().out)[0]) == {"Run", "Variant", "Seeds", "Epochs", "fid", "class_fid"}
    run_command("table", ["runs/a", "--scores", "class_fid_3"])
    assert table(capsys.readouterr().out)[0]["class_fid_3"] == "4"
