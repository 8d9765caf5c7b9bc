"""What a command says and refuses before it loads torch."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_gans.cli.start import announce_loading, check_arguments
from lightning_gans.core.errors import InputError

REFUSED = {
    "unknown command fitt; did you mean fit?": ["fitt"],
    "unknown command train; did you mean fit?": ["train", "dcgan/digits"],
    "unknown command evaluate; did you mean test?": ["evaluate"],
    "unknown command Sample; did you mean sample?": ["Sample"],
    "fit is given no config; expected one, such as `lightning-gans fit dcgan/digits`, a file, or one of acgan/": [
        "fit",
    ],
    "test is given no config; expected that of a run, such as `lightning-gans test --config RUN/config.yaml`": [
        "test",
        "--seed_everything=3",
    ],
    "--config is dcgan/digit, which is neither a file nor a shipped config; did you mean dcgan/digits?": [
        "fit",
        "dcgan/digit",
    ],
    "--config is gan/mnits": ["test", "--config=gan/mnits"],
    "did you mean dcgan/resize or lsgan/resize?": ["fit", "resize"],
    "fit photos is given no pictures; expected --data.root with a folder, or a zip or tar archive": ["fit", "photos"],
    "--config is DCGAN/MNIST, which is neither a file nor a shipped config; did you mean dcgan/mnist?": [
        "fit",
        "DCGAN/MNIST",
    ],
    "model is dcgan, which is no known class; did you mean DCGAN?": ["fit", "dcgan/digits", "--model", "dcgan"],
    "data is image_folder, which is no known class; did you mean ImageFolderDataModule?": [
        "fit",
        "dcgan/digits",
        "--data=image_folder",
    ],
    "lr is not a known key; did you mean model.optimizer_g.lr or model.optimizer_d.lr?": [
        "fit",
        "dcgan/digits",
        "--lr",
        "1e-3",
    ],
    "epochs is not a known key; did you mean trainer.max_epochs?": ["fit", "gan/grid", "--epochs=3"],
    "trainer.max_epoch is not a known key; did you mean trainer.max_epochs?": [
        "fit",
        "dcgan/digits",
        "--trainer.max_epoch=3",
    ],
    "evaluation.neighbours is not a known key; did you mean evaluation.neighbors?": [
        "fit",
        "dcgan/digits",
        "--evaluation.neighbours=3",
    ],
    "max_epochs is not a known key; did you mean trainer.max_epochs?": ["fit", "dcgan/digits", "--max_epochs", "3"],
    "emma.decay is not a known key; did you mean ema.decay?": ["fit", "dcgan/digits", "--emma.decay=0.9"],
    "unrecognized arguments: --nn": ["sample", "runs", "--out", "x", "--nn", "3"],
    "argument --format: invalid choice: 'onx'": ["export", "runs", "--format", "onx"],
    "--out is x.jpg; expected a file that ends in .png, .gif or .mp4": ["interpolate", "runs", "--out", "x.jpg"],
    "the following arguments are required: IN": ["translate", "runs", "--out", "x"],
    "unrecognized arguments: --jsn; did you mean --json?": ["inspect", "runs", "--jsn"],
    "argument shell: invalid choice: 'fish'": ["completion", "fish"],
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


def test_what_needs_no_torch_is_answered_without_it(tmp_path: Path) -> None:
    lines = list(REFUSED.values())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, json.dumps(lines)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["2 []"] * len(lines), done.stderr
    for message in REFUSED:
        assert message in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "dcgan/digits", "--trainer.callbacks+=X", "--data.batch_size", "-1", "--model.generator.width=8"],
        ["fit", "--print_config=skip_null", "--model.help", "DCGAN", "-c", "dcgan/digits"],
        ["fit", "--help"],
        ["validate", "dcgan/digits", "--verbose", "true"],
        ["predict", "dcgan/digits", "--return_predictions", "false"],
        ["fit", "dcgan/digits", "--unlike_any_key", "3"],
        ["fit", "--model", "DCGAN", "--data", "DigitsDataModule"],
        ["fit", "dcgan/digits", "--model", "MyDCGAN", "--model.lr", "1e-3"],
        ["fit", "dcgan/digits", "--trainer.logger", "CSVLogger", "--trainer.logger.name=x", "--data.root", "mnist"],
        ["fit", "--trainer.logger.help", "CSVLogger"],
        ["--help", "fit"],
    ],
)
def test_what_is_right_or_unclear_is_left_to_the_parser(arguments: list[str]) -> None:
    check_arguments(arguments)


def test_a_key_of_another_command_is_refused() -> None:
    with pytest.raises(InputError, match="verbos is not a known key; did you mean verbose"):
        check_arguments(["test", "dcgan/digits", "--verbos", "true"])


def test_an_evaluation_without_a_config_names_that_of_the_newest_run(finished_run: Path) -> None:
    with pytest.raises(InputError, match=f"`lightning-gans predict --config {finished_run}/config.yaml`"):
        check_arguments(["predict"])


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
