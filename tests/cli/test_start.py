"""What a command says and refuses before it loads torch."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from lightning_gans.__main__ import TRAINING
from lightning_gans.cli.start import GROUPS, OPTIONS, OPTIONS_OF, announce_loading, check_arguments
from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.core.errors import InputError

REFUSED = {
    "unknown command fitt": ["fitt"],
    "--config is dcgan/digit, which is neither a file nor a shipped config; did you mean dcgan/digits": [
        "fit",
        "dcgan/digit",
    ],
    "--config is gan/mnits": ["test", "--config=gan/mnits"],
    "max_epochs is not a known key; did you mean trainer.max_epochs?": ["fit", "dcgan/digits", "--max_epochs", "3"],
    "emma.decay is not a known key; did you mean ema.decay?": ["fit", "dcgan/digits", "--emma.decay=0.9"],
    "unrecognized arguments: --nn": ["sample", "runs", "--out", "x", "--nn", "3"],
    "argument --format: invalid choice: 'onx'": ["export", "runs", "--format", "onx"],
    "--out is x.jpg; expected a file that ends in .png, .gif or .mp4": ["interpolate", "runs", "--out", "x.jpg"],
    "the following arguments are required: IN": ["translate", "runs", "--out", "x"],
    "unrecognized arguments: --jsn": ["inspect", "runs", "--jsn"],
    "--port: invalid int value: 'x'": ["demo", "runs", "--port", "x"],
}
"""Parts of messages, and the arguments that they answer."""

WITHOUT_TORCH = """
import json, sys
from lightning_gans.__main__ import main
for line in json.loads(sys.argv[1]):
    sys.argv[1:] = line
    try:
        main()
    except SystemExit as ended:
        print(ended.code, sorted({"torch", "lightning"} & sys.modules.keys()))
"""


def test_what_needs_no_torch_is_answered_without_it() -> None:
    lines = list(REFUSED.values())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, json.dumps(lines)], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["2 []"] * len(lines), done.stderr
    for message in REFUSED:
        assert message in done.stderr


@pytest.mark.parametrize(
    "command", ["fit", *(pytest.param(each, marks=pytest.mark.slow) for each in TRAINING if each != "fit")]
)
def test_the_first_parts_of_keys_are_the_parsers(command: str) -> None:
    (config,) = parse_all([[command, "--config", "dcgan/digits"]])
    parsed = {key.partition(".")[0] for key in config[command].keys()}  # noqa: SIM118 (a Namespace has no iterator)
    known = {*GROUPS, *OPTIONS, *OPTIONS_OF.get(command, ())}
    assert known - {"help", "print_config", "resume"} == parsed - {"__default_config__"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "dcgan/digits", "--trainer.callbacks+=X", "--data.batch_size", "-1", "--model.generator.width=8"],
        ["fit", "--print_config=skip_null", "--model.help", "DCGAN", "-c", "dcgan/digits"],
        ["fit", "--help"],
        ["validate", "--verbose", "true"],
        ["predict", "--return_predictions", "false"],
        ["fit", "--unlike_any_key", "3"],
        ["--help", "fit"],
    ],
)
def test_what_is_right_or_unclear_is_left_to_the_parser(arguments: list[str]) -> None:
    check_arguments(arguments)


def test_a_key_of_another_command_is_refused() -> None:
    with pytest.raises(InputError, match="verbos is not a known key; did you mean verbose"):
        check_arguments(["test", "--verbos", "true"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "shown"),
    [
        (Terminal(), {}, "loading torch ...\n"),
        (Terminal(), {"LOCAL_RANK": "0"}, "loading torch ...\n"),
        (Terminal(), {"LOCAL_RANK": "1"}, ""),
        (Terminal(), {"SLURM_PROCID": "3"}, ""),
        (io.StringIO(), {}, ""),
    ],
)
def test_the_first_process_says_on_a_terminal_what_is_loading(
    stream: io.StringIO, environment: dict[str, str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)
    announce_loading()
    assert stream.getvalue() == shown
