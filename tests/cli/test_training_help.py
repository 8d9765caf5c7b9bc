"""The short help of the training commands."""

from __future__ import annotations

import re
import sys

import pytest

from lightning_gans.__main__ import TRAINING, main
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.cli.training_help import KEYS, OPTIONS, USAGE, asks_for_all, asks_for_help, help_text


@pytest.mark.parametrize("command", TRAINING)
def test_it_fits_on_two_screens(command: str) -> None:
    lines = help_text(command).splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines)) < 80
    assert sum(line.startswith("  lightning-gans ") for line in lines) == 3
    assert any("--help all" in line for line in lines)
    assert any("--resume" in line for line in lines) == (command == "fit")


def test_its_keys_exist() -> None:
    (config,) = parse_all([["fit", "dcgan/mnist", "--data.root", "x"]])
    keys = {key.replace(".init_args", "") for key in config.fit.keys(branches=True)}
    text = " ".join([*KEYS, *KEYS.values(), *OPTIONS.values()])
    named = {key for key in re.findall(r"--([a-z_.]+)", text) if not key.endswith("help")}
    assert len(named) > 15
    assert named - {"config"} <= keys


def test_its_examples_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [example.split() for examples in USAGE.values() for example in examples[1:]]
    lines = [line for line in examples if not any("version_0" in part for part in line)]
    assert len(lines) == 7
    parse_all([line for line in lines if line[0] == "fit"])


@pytest.mark.parametrize(
    ("arguments", "short", "every"),
    [
        (["fit", "--help"], True, False),
        (["fit", "dcgan/digits", "-h"], True, False),
        (["fit", "--help", "all"], False, True),
        (["fit", "--help=all"], False, True),
        (["fit", "dcgan/digits", "-h", "all"], False, True),
        (["fit", "dcgan/digits", "--model.help", "DCGAN"], False, False),
    ],
)
def test_all_asks_for_every_key(arguments: list[str], short: bool, every: bool) -> None:
    assert (asks_for_help(arguments), asks_for_all(arguments)) == (short, every)


def test_every_key_is_the_parsers_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "fit", "dcgan/digits", "--help", "all"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{key}" in text for key in ("trainer.max_epochs", "ema.half_life", "resume"))
