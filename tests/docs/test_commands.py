"""Every command line of README, CONTRIBUTING and docs is one that its program takes; none of them is run."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import wandb
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from lightning_gans.__main__ import COMMANDS, TRAINING
from lightning_gans.cli.commands.common import command_module
from lightning_gans.cli.known_names import CLASSES, KEYS, OPTIONS, OPTIONS_OF
from lightning_gans.cli.parser import Trainer
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_names, find_config
from lightning_gans.distributed.strategy import AlternatingDDP
from tests.docs.test_names import SECTIONS
from tests.docs.test_pages import DOCS, FENCE, PAGES, text_of
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs is not beside the tests")

NAMES = "|".join([*TRAINING, *COMMANDS])
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
OURS = re.compile(rf"^(?:\w+=\S+ )*lightning-gans ((?:{NAMES}) .+)$")
SHORT = re.compile(r"^(fit|test) --config .+$")
LAUNCHED = re.compile(r"^(?:\w+=\S+ )*(?:sbatch(?: --\S+)* |bash )(configs/cluster/\S+) (.+)$")
STUDY = "configs/cluster/study.sbatch"
"""The launch script that calls ``study``; the others call ``fit``."""
SCRIPT = re.compile(r"^(?:\w+=\S+ )*(?:\.venv/bin/)?python ((?:benchmarks|docs)\S*)(.*)$")
OPTION = re.compile(r"(?<!\S)(--?[a-z][\w-]*)")

RUNS = r"runs/[\w-]+/\w+"
PLACEHOLDERS = {"CONFIG": "dcgan/digits", "S": "0", "FORMAT": "onnx"}
"""Words in the place of a value that the parser checks."""
REFUSED = {"--model.optimizer_g.lrr": "model.optimizer_g.lrr is not a known key; did you mean lr?"}
"""Options that a page shows to be refused."""
NOT_OURS = {"--kill-on-bad-exit", "--gpus-per-node", "--gpus-per-task", "--gres", "--gpu-bind", "--cpus-per-task"}
NOT_OURS |= {"--signal", "--nodes", "--array", "--strict", "--ipc", "--user"}
"""Options of SLURM, mypy and Docker between backticks."""


def command_lines(page: Path) -> list[str]:
    """The commands of a page, in blocks and between backticks, each on one line and without its comment."""
    text = text_of(page)
    blocks = [line for block in BLOCK.findall(text) for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    prose = FENCE.sub("", text)
    inline = [" ".join(code.split()) for code in INLINE.findall(prose)]
    return [re.sub(r"(^|\s)# .*", "", line).strip() for line in [*blocks, *INDENTED.findall(prose), *inline]]


def ours(page: Path) -> list[list[str]]:
    """The arguments of every call of the command line, without the program's name; launch scripts call it, too."""
    found = []
    for line in command_lines(page):
        if launched := LAUNCHED.match(line):
            found.append(f"study {launched[2]}" if launched[1] == STUDY else f"fit --config {launched[2]}")
        elif match := OURS.match(line) or SHORT.match(line):
            found.append(match[1].partition(" >> ")[0] if match.re is OURS else line)
    return [[PLACEHOLDERS.get(word, word) for word in shlex.split(line)] for line in found]


def make_files() -> None:
    """Write what command lines read: the tutorial's own files, a run, and the config that `fit photos` writes."""
    tutorial = text_of(DOCS / "tutorial.md")
    for name, page in (("my_gan", tutorial), ("my_nets", text_of(DOCS / "networks.md"))):
        (block,) = re.findall(rf"^```python\n(# {name}\.py\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
        Path(f"{name}.py").write_text(block)
    (mine,) = re.findall(r"here\n`mine\.yaml`:\n\n```yaml\n(.*?)^```$", tutorial, re.MULTILINE | re.DOTALL)
    Path("mine.yaml").write_text(mine)
    checkpoints = Path("RUN") / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "last.ckpt").touch()
    shutil.copy(find_config("dcgan/digits"), "RUN/config.yaml")
    shutil.copy(find_config("dcgan/digits"), "photos-MY_PHOTOS.yaml")


def parser_of(command: str) -> Any:
    return command_module(command).make_parser()


def options_of(arguments: list[str]) -> list[list[str]]:
    """A training command's options, each with its value; configs that are given by name alone get their option."""
    options: list[list[str]] = []
    for word in arguments[1:]:
        if word.startswith("-"):
            options.append([word])
        elif options and len(options[-1]) == 1:
            options[-1].append(word)
        else:
            options.append(["--config", word])
    return options


def chooses(option: list[str]) -> bool:
    """Whether an option decides which keys there are: a config, a run or a class."""
    return option[0] in ("--config", "--resume") or bool(re.fullmatch(r"(\w+\.)*[A-Z]\w+", option[-1]))


def merged(lines: list[list[str]]) -> list[list[str]]:
    """Training commands with the options of all lines of the same configs and classes; to parse one takes a second.

    Values that differ go into different commands, so that every value is parsed. Shipped configs alone are left out.
    """
    commands: dict[tuple[str, ...], list[dict[str, list[str]]]] = {}
    for line in lines:
        base = (line[0], *(part for option in options_of(line) if chooses(option) for part in option))
        others = {option[0]: option for option in options_of(line) if not chooses(option)}
        for options in commands.setdefault(base, []):
            if all(options.get(key, option) == option for key, option in others.items()):
                options |= others
                break
        else:
            commands[base].append(others)
    shipped = {"--config", "--resume", "RUN", *config_names()}
    found = [[*base, *chain(*options.values())] for base, each in commands.items() for options in each]
    return [
        command for command in found if not shipped >= {*command[1:]}
    ]  # test_shipped_configs and test_resume run those


def training_lines() -> list[list[str]]:
    """The pages' training commands that are to be accepted, and what they add to those of a sweep."""
    found = []
    for arguments in (arguments for page in PAGES for arguments in ours(page)):
        if "--help" in arguments:
            continue  # the short help parses nothing
        if arguments[0] in TRAINING and not REFUSED.keys() & {*arguments}:
            found.append([re.sub(rf"^{RUNS}(?=/config\.yaml$|$)", "RUN", word) for word in arguments])
        elif arguments[0] in ("sweep", "study"):
            given = parser_of(arguments[0]).parse_args(arguments[1:]).fit_arguments
            found.append(["fit", "--config", "dcgan/digits" if arguments[0] == "sweep" else "dcgan/mnist", *given])
    return found


@pytest.fixture
def _files_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    yield
    for name in ("my_gan", "my_nets"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("_files_of_pages")
@pytest.mark.parametrize("arguments", merged(training_lines()) if DOCS.is_dir() else [], ids=shlex.join)
def test_training_commands_are_parsed(arguments: list[str]) -> None:
    make_files()
    prints = any(option in arguments for option in ("--print_config", "--model.help"))
    with pytest.raises(SystemExit, match=r"^0$") if prints else nullcontext():
        parse_all([arguments])


@pytest.mark.usefixtures("_files_of_pages")
@pytest.mark.parametrize("option", REFUSED)
def test_commands_that_are_shown_to_be_refused_are(option: str) -> None:
    ((page, arguments),) = [(page, line) for page in PAGES for line in ours(page) if option in line]
    assert f"lightning-gans: error: {REFUSED[option]}\n" in text_of(page)
    with pytest.raises(InputError, match=re.escape(REFUSED[option])):
        parse_all([arguments])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_commands_are_parsed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, *rest in ours(page):
        if command in COMMANDS:
            try:
                parser_of(command).parse_args(rest)
            except SystemExit:
                pytest.fail(f"lightning-gans {shlex.join([command, *rest])}: {capsys.readouterr().err}")


@cache
def known_options() -> set[str]:
    """Options of all commands and of the benchmarks, the trainer's keys and those of its loggers and strategy."""
    helps = "".join(parser_of(name).format_help() for name in COMMANDS)
    benchmarks = "".join(text_of(path).replace('"', " ") for path in (ROOT / "benchmarks").rglob("*.py"))
    owners: dict[str, tuple[Callable[..., Any], ...]] = {
        "trainer": (Trainer, L.Trainer),
        "trainer.logger": (WandbLogger, TensorBoardLogger, wandb.init),
        "trainer.strategy": (AlternatingDDP,),
    }
    keys = {
        f"--{group}.{name}" for group, found in owners.items() for each in found for name in signature(each).parameters
    }
    keys |= {f"--{group}.{name}" for group, names in KEYS.items() for name in names}
    training = {f"--{name}" for name in (*KEYS, *CLASSES, *OPTIONS, *chain(*OPTIONS_OF.values()), "version")}
    return {*OPTION.findall(helps), *OPTION.findall(benchmarks), *training, *keys}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_between_backticks_exist(page: Path) -> None:
    codes = [code for code in INLINE.findall(FENCE.sub("", text_of(page))) if re.match(rf"--|(?:{NAMES}) ", code)]
    options = {option for code in codes for option in re.findall(r"(?<!\S)--[a-z][\w.-]*", code)}
    ours = {option for option in options if re.match(rf"--(?:{SECTIONS})\.", option)}  # checked in test_names
    assert sorted(options - ours - known_options() - NOT_OURS) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_and_targets_exist(page: Path) -> None:
    makefile = text_of(ROOT / "Makefile")
    for line in command_lines(page):
        if target := re.match(r"^make ([a-z-]+)$", line):
            assert f"\n{target[1]}:" in makefile, line
        for path in re.findall(r"^(?:\S+/)?pytest (?:.* )?(tests/[\w/.]+)", line):
            assert (ROOT / path).exists(), line
        for path in re.findall(r"configs/(?:cluster|sweeps)/[\w.]+", line):
            assert (ROOT / path).is_file(), line
        if script := SCRIPT.match(line):
            path = ROOT / script[1]
            files = [path] if path.is_file() else sorted(path.rglob("*.py"))
            assert files, line
            text = "".join(map(text_of, files))
            given = script[2].partition("--with ")[0]  # what follows is for `fit`
            unknown = [option for option in OPTION.findall(given) if f'"{option}"' not in text]
            assert unknown == [], line


def test_commands_are_found() -> None:
    lines = {shlex.join(arguments) for page in PAGES for arguments in ours(page)}
    assert len(lines) > 80
    assert {line.split()[0] for line in lines} == {*TRAINING, *COMMANDS} - {"configs", "doctor", "models", "validate"}
    assert "fit --config dcgan/mnist --data.root data" in lines
    assert any("pix2pix/synthetic --data.size 256" in line for line in lines)  # between backticks, over two lines
    assert any(SCRIPT.match(line) for line in command_lines(DOCS / "scaling.md"))
    assert any("--trainer.check_val_every_n_epoch" in line for line in command_lines(DOCS / "tutorial.md"))
    for option in ("--config", "--trainer.max_epochs", "--trainer.logger.group", "--truncation", "--max_pixels"):
        assert option in known_options()
    assert "--trainer.max_epoch" not in known_options()


def test_training_commands_are_merged_without_loss() -> None:
    lines = [["fit", "a", "--x", "1"], ["fit", "--config", "a", "--y", "2"], ["fit", "a", "--x", "3", "--model", "GAN"]]
    lines += [["fit", "dcgan/mnist", "--config", "logger/wandb"]]
    both = ["fit", "--config", "a", "--x", "1", "--y", "2"]
    assert merged([*lines, ["fit", "a", "--x", "4"]]) == [
        both,
        ["fit", "--config", "a", "--x", "4"],
        ["fit", "--config", "a", "--model", "GAN", "--x", "3"],
    ]
