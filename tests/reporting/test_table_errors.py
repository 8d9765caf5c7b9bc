"""Runs and files that the table of results refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from tests.reporting.conftest import Make, score_row
from tests.support.stamps import stamp_dict

# Runs that are not comparable.


@pytest.mark.parametrize(
    ("key", "value", "old"),
    [
        ("model__class_path", "lightning_gans.variants.GAN", "lightning_gans.variants.DCGAN"),
        ("model__init_args__saturating", True, "False"),
        ("model__init_args__penalty", 2, "null"),
        ("data__init_args__batch_size", 16, "8"),
        ("trainer__max_epochs", 20, "10"),
        ("trainer__max_steps", 5, "-1"),
        ("trainer__precision", "bf16-mixed", "null"),
        ("ema__decay", 0.9, "0.999"),
    ],
)
def test_different_recipes_under_one_name_are_refused(key: str, value: Any, old: str, make: Make) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    make("a/1", 1, {"test/fid": 1.0}, **{key: value})
    with pytest.raises(InputError) as error:
        run_command("table", ["runs"])
    assert f"{key.replace('__', '.')} is {old} in runs/a/0 but {value} in runs/a/1" in str(error.value)


def test_folders_of_other_images_are_another_recipe(make: Make) -> None:
    for seed, root in enumerate(("cats", "dogs")):
        data = {"class_path": "lightning_gans.datamodules.ImageFolderDataModule", "init_args": {"root": root}}
        make(f"a/{seed}", seed, {"test/fid": 1.0}, data=data)
    with pytest.raises(InputError, match=r"data\.init_args\.root is cats in runs/a/0 but dogs in runs/a/1"):
        run_command("table", ["runs"])


def paired(folder: str, dataset: str | None, **settings: Any) -> dict[str, Any]:
    init_args = {"root": folder, "dataset": dataset, "download": True, **settings}
    return {"class_path": "lightning_gans.datamodules.PairedImageDataModule", "init_args": init_args}


def test_a_machines_settings_are_no_other_recipe(make: Make) -> None:
    make("pix2pix/a", 0, {"test/fid": 1.0}, data=paired("a", "facades", unverified=True, cache_gb=4.0))
    make("pix2pix/b", 1, {"test/fid": 1.0}, data=paired("b", "facades", unverified=False, cache_gb=8.0))
    run_command("table", ["runs"])


def test_folders_of_other_pairs_are_another_recipe(make: Make) -> None:
    make("pix2pix/a", 0, {"test/fid": 1.0}, data=paired("a", None))
    make("pix2pix/b", 1, {"test/fid": 1.0}, data=paired("b", None))
    with pytest.raises(InputError, match=r"data\.init_args\.root"):
        run_command("table", ["runs"])


def test_a_missing_key_of_an_older_config_equals_null(make: Make) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    make("a/1", 1, {"test/fid": 1.0}, model__init_args__penalty=None)
    run_command("table", ["runs"])


@pytest.mark.parametrize("older", [0, 1])
def test_a_key_that_an_older_config_lacks_is_named(older: int, make: Make) -> None:
    make(f"a/{older}", older, {"test/fid": 1.0})
    make(f"a/{1 - older}", 1 - older, {"test/fid": 1.0}, model__init_args__top_k=1.0)
    with pytest.raises(InputError) as error:
        run_command("table", ["runs"])
    assert f"runs/a/{older}'s config has no model.init_args.top_k" in str(error.value)
    assert f"add it with the value of runs/a/{1 - older}" in str(error.value)


def test_one_seed_twice_is_refused(make: Make) -> None:
    make("a/0", 4, {"test/fid": 1.0})
    make("a/1", 4, {"test/fid": 1.0})
    with pytest.raises(InputError, match="seed_everything is 4 in runs/a/0 and in runs/a/1; expected each seed once"):
        run_command("table", ["runs"])


# Invalid input.


def test_a_run_that_was_not_tested_is_named_and_left_out(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("a/0", 0, {"test/fid": 1.0})
    make("a/1", 1)
    said = "runs/a/1 has no test scores; `lightning-gans test --config runs/a/1/config.yaml` measures them"
    run_command("table", ["runs"])
    printed = capsys.readouterr()
    assert "| a | DCGAN | 1 | 10 | 1 |" in printed.out
    assert printed.err == f"lightning-gans: warning: {said}; skipped\n"
    with pytest.raises(InputError, match=f"^{said}$"):
        run_command("table", ["runs/a/1"])
    run_command("table", ["runs", "--split", "val"])
    assert "| a | DCGAN | 2 |" in capsys.readouterr().out


def test_a_run_that_was_not_validated_is_named(make: Make) -> None:
    folder = make("a/0", 0)
    (folder / "scores.jsonl").write_text(score_row({"test/fid": 1.0}, stamp_dict()))
    with pytest.raises(InputError, match="runs/a/0 has no val scores; `lightning-gans validate"):
        run_command("table", ["runs", "--split", "val"])


def test_folders_without_runs_are_refused(make: Make) -> None:
    Path("empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no scores\.jsonl; expected"):
        run_command("table", ["empty"])
    with pytest.raises(InputError, match="nowhere is not a folder; expected"):
        run_command("table", ["nowhere"])


BROKEN = ['{"step": 0, "sco', "3", '{"scores": {"test/fid": 1}}', '{"scores": {"test/fid": null}, "stamp": {}}', "\0"]


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_row_is_named_and_left_out(line: str, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("a/0", 0, {"test/fid": 1.0})
    make("a/1", 1, {"test/fid": 3.0})
    with (folder / "scores.jsonl").open("a") as file:
        file.write(line + "\n")
    run_command("table", ["runs"])
    printed = capsys.readouterr()
    assert "| a | DCGAN | 2 | 10 | 2 (1" in printed.out
    assert "runs/a/0/scores.jsonl, line 3, is not a row of scores (" in printed.err


def test_a_run_whose_scores_are_all_broken_is_named_and_left_out(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make("a/0", 0, {"test/fid": 1.0}) / "scores.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="runs/a/0 has no test scores;"):
        run_command("table", ["runs/a/0"])
    make("a/1", 1, {"test/fid": 3.0})
    run_command("table", ["runs"])
    printed = capsys.readouterr()
    assert "| a | DCGAN | 1 | 10 | 3 |" in printed.out
    assert "runs/a/0 has no test scores" in printed.err


@pytest.mark.parametrize("content", [None, "a: [", "a: 1", "1"])
def test_a_broken_config_is_named(content: str | None, make: Make) -> None:
    path = make("a/0", 0, {"test/fid": 1.0}) / "config.yaml"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"runs/a/0/config\.yaml .*; expected the config that the run's fit wrote"):
        run_command("table", ["runs"])


def test_only_markdown_is_written_between_markers(make: Make) -> None:
    with pytest.raises(InputError, match="--format is csv; expected markdown"):
        run_command("table", ["runs", "--format", "csv", "--write", "README.md"])
