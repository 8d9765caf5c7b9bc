"""Every pattern that reads jsonargparse's reports matches a report of the installed version.

A pattern whose test fails has to follow a change of jsonargparse's words: until then users read the raw report.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lightning_gans.cli import input_errors
from lightning_gans.cli.input_errors import summarize_parser_error
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.core.errors import InputError

FIT = ["fit", "--config", "dcgan/digits"]

REPORTS = {
    "_UNRECOGNIZED": (
        [*FIT, "--trainer.max_epoch", "3"],
        "trainer.max_epoch is not a known key; did you mean trainer.max_epochs",
    ),
    "_REFUSED_KEY": ([*FIT, "--model.n_critc", "2"], "model.n_critc is not a known key; did you mean n_critic"),
    "_NO_CLASS": ([*FIT, "--model", "DGCAN"], "model is DGCAN, which is no known class; did you mean DCGAN"),
    "_OTHER_CLASS": (
        [*FIT, "--model.generator", "lightning_gans.networks.PatchGAN"],
        "model.generator is lightning_gans.networks.PatchGAN; expected a subclass of Generator",
    ),
    "_NOT_IMPORTED": (
        [*FIT, "--model", "my_gan.MyGAN"],
        "model is my_gan.MyGAN, which cannot be imported here (No module named 'my_gan')",
    ),
    "_AMBIGUOUS": (
        [*FIT, "--model.scheduler_g", "ReduceLROnPlateau"],
        "model.scheduler_g is ReduceLROnPlateau, the name of several classes; expected one of "
        "torch.optim.lr_scheduler.ReduceLROnPlateau, lightning.pytorch.cli.ReduceLROnPlateau",
    ),
    "_MISSING": (
        ["fit"],  # refused earlier on the command line
        "data, model must be given, on the command line or in a config (`lightning-gans configs`)",
    ),
    "_TYPE": ([*FIT, "--model.optimizer_g.betas", "[1]"], "optimizer_g.betas is [1]; expected a list of 2 values"),
    "_UNION": ([*FIT, "--trainer.max_epochs", "abc"], "trainer.max_epochs is abc; expected a whole number or null"),
    "_VALUE": ([*FIT, "--model.generator.width", "abc"], "model.generator.width is abc; expected a whole number"),
    "_VALUE_OF_UNION": (
        [*FIT, "--trainer.deterministic", "x"],
        "x; expected true, false, warn or null",
    ),
}
"""For each pattern arguments whose report it matches, and what the summary contains."""


def test_every_pattern_has_a_report() -> None:
    patterns = {name for name, value in vars(input_errors).items() if isinstance(value, re.Pattern)}
    assert patterns == set(REPORTS)


@pytest.mark.parametrize("name", REPORTS)
def test_the_pattern_matches_the_installed_parsers_report(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, summary = REPORTS[name]
    reports: list[str] = []

    def recorded(report: str, *args: Any) -> str:
        reports.append(report)
        return summarize_parser_error(report, *args)

    monkeypatch.setattr("lightning_gans.cli.parser.summarize_parser_error", recorded)
    with pytest.raises(InputError, match=re.escape(summary)):
        parse_all([arguments])
    assert getattr(input_errors, name).search(reports[-1])


NO_NUMBER = "expected a whole number"


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["--model.generator.width", "a,b"], f"model.generator.width is a,b; {NO_NUMBER}"),
        (["--data.batch_size", "two, or 3. or so"], f"data.batch_size is two, or 3. or so; {NO_NUMBER}"),
        (["--data.batch_size", "[a, b], c"], f"data.batch_size is [a, b], c; {NO_NUMBER}"),
        (["--data.batch_size", "{a: 1, b: 2}"], f"data.batch_size is {{'a': 1, 'b': 2}}; {NO_NUMBER}"),
        (["--data.batch_size", ""], f"data.batch_size is ''; {NO_NUMBER}"),
        (["--model.optimizer_g.lr", "1,5"], "model.optimizer_g.lr is 1,5; expected a number"),
        (["--evaluation.kid", "yes, please"], "evaluation.kid is yes, please; expected true or false"),
        (["--model", "my.net,GAN"], "model is my.net,GAN, which is no known class"),
        (["--model", "my net"], "model is my net, which is no known class"),
        (["--model", ""], "model is '', which is no known class"),
        (["--trainer.unknown,key", "3"], "trainer.unknown,key is not a known key"),
        (["--model.generator", "{'unlike,x': 3}"], "model.generator.unlike,x is not a known key"),
    ],
)
def test_a_value_is_shown_whole(arguments: list[str], summary: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_all([[*FIT, *arguments]])
    assert str(caught.value) == summary


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (["--model", "D-CGAN"], "which is no known class; did you mean DCGAN?"),
        (["--model.generator", "unet"], "which is no known class; did you mean UNet?"),
        (["--model.optimizer_g", "adam"], "which is no known class; did you mean Adam?"),
        (["--trainer.logger", "wandb"], "which is no known class; did you mean WandbLogger?"),
        (["--model.penalty", "none"], "which is no known class; write null for none"),
        (["--model.lr", "1e-3"], "is not a known key; did you mean model.optimizer_g.lr or model.optimizer_d.lr?"),
        (["--model.optimizer", "Adam"], "is not a known key; did you mean model.optimizer_g or model.optimizer_d?"),
        (["--model.optimizer_g.betas", "0.5,0.9"], "is 0.5,0.9; expected a list, written [0.5, 0.9]"),
        (["--model.optimizer_g.betas", "(0.5, 0.9)"], "is (0.5, 0.9); expected a list, written [0.5, 0.9]"),
        (["--model.optimizer_g.betas", "0.5"], "is 0.5; expected a list, written [0.5, ...]"),
    ],
)
def test_what_was_probably_meant_is_named(arguments: list[str], end: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_all([[*FIT, *arguments]])
    assert str(caught.value).endswith(end)


def test_none_is_null_on_the_command_line_and_in_a_config(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model: {init_args: {scheduler_g: None}}\ntrainer: {max_epochs: None, max_steps: 3}\n")
    line = [*FIT, "--config", str(file), "--model.penalty=None", "--model.scheduler_d", "None"]
    (config,) = parse_all([line])
    arguments = config.fit.model.init_args
    assert (arguments.penalty, arguments.scheduler_g, arguments.scheduler_d) == (None, None, None)
    assert (config.fit.trainer.max_epochs, config.fit.trainer.max_steps) == (None, 3)


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["LearningRateMonitor", "--trainer.callbacks.logging_interval", "a"], "logging_interval is a; expected step"),
        (["EarlyStopping"], "monitor must be given"),
        (
            ["ModelCheckpoint", "--trainer.callbacks.train_time_interval", "1"],
            "train_time_interval is 1; expected a time such as 1:30:00 or null",
        ),
    ],
)
def test_of_the_reports_about_one_key_the_first_counts(arguments: list[str], summary: str) -> None:
    with pytest.raises(InputError, match=rf"^trainer\.callbacks\.{re.escape(summary)}"):
        parse_all([[*FIT, "--trainer.callbacks+", *arguments]])


def test_the_key_of_a_nested_report_is_the_path_of_all_its_keys() -> None:
    inner = 'Parser key "generator":\n      Key "a" is not expected'
    report = f'Parser key "model":\n  Problem with given class_path:\n    {inner}'
    assert summarize_parser_error(report, ["width"], []) == "model.generator.a is not a known key"


def test_a_missing_argument_of_a_class_has_the_classs_key() -> None:
    with pytest.raises(InputError, match=r"^data\.root must be given"):
        parse_all([[*FIT, "--data", "ImageFolderDataModule"]])


def test_the_last_config_that_sets_the_value_is_named(tmp_path: Path) -> None:
    paths = []
    for index, width in enumerate((3, 4, 3, 5)):
        path = tmp_path / f"{index}.yaml"
        path.write_text(f"model: {{init_args: {{generator: {{init_args: {{width: {width}}}}}}}}}")
        paths.append(str(path))
    assert input_errors.config_that_sets("model.generator.width", paths, "3") == f" (in {paths[2]})"
    assert input_errors.config_that_sets("model.generator.width", paths) == f" (in {paths[3]})"
    assert input_errors.config_that_sets("model.generator.width", paths, "6") == ""
    assert input_errors.config_that_sets("width", paths, "4") == f" (in {paths[1]})"
    assert input_errors.config_that_sets("model.width", paths) == ""


def test_an_unknown_report_stays_whole() -> None:
    assert summarize_parser_error("something\n  new", [], []) == "something new"
