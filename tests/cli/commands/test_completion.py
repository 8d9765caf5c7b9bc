"""Completion at TAB, as bash does it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lightning_gans.__main__ import COMMANDS, TRAINING
from lightning_gans.cli.commands.common import command_line
from lightning_gans.cli.commands.completion import script
from lightning_gans.cli.known_names import class_names
from lightning_gans.core.shipped_configs import config_names

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")

ASK = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_lightning_gans
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "script"
    path.write_text(script("bash"))
    return path


def completed(file: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    line = ["bash", "--norc", "-c", ASK, "bash", str(file), "lightning-gans", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["fi"], ["fit"]),
        (["fit", "dcgan/d"], ["dcgan/digits"]),
        (["fit", "dcgan/digits", "--trainer.max_e"], ["--trainer.max_epochs"]),
        (["fit", "dcgan/digits", "--model.optimizer_g.l"], ["--model.optimizer_g.lr"]),
        (["fit", "--res"], ["--resume"]),
        (["test", "--res"], []),
        (["fit", "--config", "data/k"], ["data/kmnist"]),
        (["fit", "--model", "DC"], ["DCGAN"]),
        (["fit", "--model", "=", "DC"], ["DCGAN"]),
        (["fit", "--data", "="], class_names("data")),
        (["fit", "--help", ""], ["all"]),
        (["fit", "--resume", ""], []),  # bash offers files
        (["fit", "my_"], []),
        (["sample", ""], []),
        (["sample", "runs", "--o"], ["--out", "--overwrite"]),
        (["sample", "runs", "--out", ""], []),
        (["sample", "runs", "--overwrite", "--se"], ["--seed"]),
        (["export", "runs", "--format", "o"], ["onnx"]),
        (["sweep", "ra"], ["random"]),
        (["completion", "z"], ["zsh"]),
        (["help", "tr"], ["translate"]),
    ],
    ids=str,
)
def test_what_may_follow_is_offered(words: list[str], offered: list[str], file: Path) -> None:
    assert sorted(completed(file, *words)) == sorted(offered)


def test_every_command_and_config_is_offered(file: Path) -> None:
    assert {*TRAINING, *COMMANDS, "help"} < {*completed(file, "")}
    assert completed(file, "fit", "") == config_names()


def test_zsh_reads_the_script_of_bash(capsys: pytest.CaptureFixture[str]) -> None:
    command_line("completion", ["zsh"])
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert (first.split()[3], second.split()[3]) == ("compinit", "bashcompinit")
    assert rest[1:] == script("bash").splitlines()[1:]


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line("completion", ["fish"])
    assert "invalid choice: 'fish'" in capsys.readouterr().err
