from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lightning.pytorch.cli import LightningCLI

from lightning_gans.__main__ import COMMANDS, TRAINING, help_text, main
from lightning_gans.core import __version__


def test_every_command_is_listed() -> None:
    assert set(LightningCLI.subcommands()) == set(TRAINING)


def test_the_help_is_80_columns_wide() -> None:
    assert max(map(len, help_text().splitlines())) < 80


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_starts_without_torch(option: str) -> None:
    code = "import sys; from lightning_gans.__main__ import main; main(); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ([__version__] if option == "--version" else [*TRAINING, *COMMANDS]))


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (["help"], "usage: lightning-gans COMMAND"),
        (["help", "fit"], "usage: lightning-gans fit [CONFIG ...]"),
        (["help", "sample"], "usage: lightning-gans sample [-h]"),
    ],
)
def test_help_may_be_a_command(
    arguments: list[str], beginning: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lightning-gans", *arguments])
    with contextlib.suppress(SystemExit):
        main()
    assert capsys.readouterr().out.startswith(beginning)


@pytest.mark.parametrize("given", [{}, {"THP_MEM_ALLOC_ENABLE": "0"}])
def test_huge_pages_are_used_unless_the_user_says_otherwise(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", environment := dict(given))
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "--version"])
    main()
    assert environment == {"THP_MEM_ALLOC_ENABLE": "1", **given}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: lightning-gans COMMAND"),
        (["fitt"], "lightning-gans: error: unknown command fitt; did you mean fit?"),
        (["xyz"], "lightning-gans: error: unknown command xyz; expected one of fit, validate, test, predict, sample"),
    ],
)
def test_no_known_command_is_refused(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lightning-gans", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(message)


def test_a_removed_current_folder_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for command in ("fit", "table"):
        monkeypatch.setattr(sys, "argv", ["lightning-gans", command, "x"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("lightning-gans: error: the current folder no longer exists;")
