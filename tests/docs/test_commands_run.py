"""The commands in the shell blocks of README and docs are run, shortened, in the order of their page."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.datamodules.test_sets import idx
from tests.docs.test_pages import CONTRIBUTING, DOCS, PAGES, text_of
from tests.support import films
from tests.support.authors_states import resnet_state
from tests.support.command_line import QUIET
from tests.support.docs_commands import WAIT, Ended, Written, commands, in_fork, program, script, steps, words_of
from tests.support.mean_colors import MEAN_COLORS
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs is not beside the tests")

NOT_RUN = {
    r"(python3? -m (venv|build)|pip|uv|conda|docker|source|pre-commit)\b.*": "installs, "
    "or is of an environment; tests/test_wheel.py builds and installs",
    r"make test|make docs": "is what runs this test, or what .ci/run runs",
    r"wandb .*": "needs an account",
    r".* logger/wandb\b.*": "needs an account, or the process of W&B: tests/cli/test_loggers.py",
    r"lightning-gans study .* --results": "needs runs that are complete: tests/studies",
    r".* cut/horse2zebra --model\.start_from horses": "needs a generator of CUT's code: tests/inference/imported",
    r"sbatch .*": "needs SLURM: tests/cluster/test_slurm.py",
    r".*bash configs/cluster/torchrun\.sh .*": "several processes: tests/cluster/test_torchrun.py",
    r".* --storage .*": "needs a server, or a disk that machines share: tests/sweeps",
    r".* pix2pix/facades_spade .*|.* cityscapes/test_label .*": "needs files as those of "
    "Cityscapes: tests/datamodules/test_instances.py",
    r".* (--data\.unverified true|--data\.dataset monet2photo)": "downloads an archive",
    r".* --evaluation\.extractor (InceptionFeatures|TorchvisionFeatures) .*|.* InceptionFeatures": "needs weights "
    "that are downloaded",
    r"python docs/ship_model\.py .*": "changes the models that ship: tests/docs/test_ship_model.py",
}
"""Commands that are not run here, and why."""

REFUSED = r".* (--model\.optimizer_g\.lrr 1e-3|--trainer\.max_epochs 8 --model\.optimizer_g\.lr 1e-4)"
"""Commands that a page shows to be refused, with the message."""

TRAINED = {
    "dcgan-digits": ["dcgan/digits"],
    "dcgan-mnist": ["dcgan/mnist"],
    "cgan-mnist": ["cgan/mnist"],
    "r3gan-mnist": ["r3gan/mnist"],
    "cyclegan-synthetic": ["cyclegan/synthetic"],
    "pix2pix-facades": ["pix2pix/synthetic", "--trainer.logger.name", "pix2pix-facades"],
    "cyclegan-emoji": ["cyclegan/synthetic", "--trainer.logger.name", "cyclegan-emoji"],
    "stylegan2-photos": ["stylegan2/photos", "--data.root", "FOLDER"],
}
"""Runs that a reader of some pages has, and how they are trained here."""

READERS = {
    "README.md": ["cyclegan-synthetic"],
    "using.md": ["cgan-mnist", "dcgan-mnist", "dcgan-digits", "r3gan-mnist", "stylegan2-photos"],
    "translate.md": ["cyclegan-synthetic", "pix2pix-facades", "cyclegan-emoji"],
    "demo.md": ["cgan-mnist", "cyclegan-synthetic"],
    "export.md": ["cgan-mnist", "cyclegan-synthetic"],
    "gallery.md": ["dcgan-mnist"],
    "transfer.md": ["dcgan-mnist"],
}
"""The runs that a page expects its reader to have; those of other pages train all that they use."""

FEW = ["--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1"]
NARROW = ["--model.generator.width", "8", "--model.discriminator.width", "8"]
PICTURES = [*MEAN_COLORS, *NARROW]

SHORTER = {
    r"(fit|test|predict) .*\b\w+/mnist\b": ["--data.val_size", "20", "--data.batch_size", "10"],
    r"fit .*\bsemi_supervised_gan/": ["--model.labelled", "10"],
    r"fit (--config )?\w+/(synthetic|houses)(?!.* --data )": [
        *("--data.train_size", "8", "--data.val_size", "2", "--data.test_size", "2"),
        *NARROW,
    ],
    r"fit .*\b(dcgan/paper|sngan/cifar10)\b": PICTURES,
    r"fit .*\bsngan/cifar10\b.* --data ImageFolderDataModule": ["--data.val_size", "4"],
    r"fit .*\b(pix2pix/facades|\w+/horse2zebra)\b": [*PICTURES, "--data.size", "64", "--data.load_size", "64"],
    r"fit .*\b\w+/horse2zebra\b.* --model\.start_from": [
        *("--data.dataset", "null", "--data.root", "MY_FOLDERS"),
        *("--model.generator.width", "2", "--model.generator.blocks", "1"),
    ],
    r"fit .*\b\w+/photos\b": [*PICTURES, "--data.size", "32"],
    r"(fit|test) (--config )?photos\b": ["--data.size", "16"],
    r"fit (--config )?photos\b": ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2", *MEAN_COLORS],
    r".* --data\.root emoji": ["--data.val_size", "4", "--evaluation.extractor", "null", *NARROW],
    r"test .*--analysis\.rows": ["--analysis.rows", "2"],
    r"study(?!.*(--results|--write-sweep|--dry-run))": ["--dry-run"],
}
"""What is added to commands that match, in this order; later values of an option take the place of earlier ones."""


def reason_not_to_run(command: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command)), None)


def shortened(arguments: list[str]) -> list[str]:
    """The arguments of ``lightning-gans`` with what makes the command short."""
    command, line = arguments[0], " ".join(arguments)
    if "--help" in arguments or re.search(r"--(print_config|model\.help)", line):
        return arguments
    added = [word for pattern, words in SHORTER.items() if re.match(pattern, line) for word in words]
    if command in ("fit", "validate", "test", "predict"):
        added += [*QUIET, *FEW]
        if command == "fit" and "--resume" not in arguments:
            given = re.search(r"--trainer\.max_epochs (\d+)", line)
            added += ["--trainer.max_epochs", str(min(int(given[1]) if given else 1, 2))]
    elif command == "sweep":
        runs = int(arguments[arguments.index("--runs") + 1])
        before, _, after = line.partition(" -- ")
        fit = [*after.split(), *FEW, *QUIET, "--trainer.max_epochs", "1", "--trainer.devices", "1"]
        return [*before.split(), "--runs", str(max(1, runs // 30)), "--", *fit]
    elif command == "demo":
        added += ["--port", "0", "--no_browser"]
    elif command == "prepare":
        added += ["--size", "16"]
    if command == "study" and "--" in arguments:
        place = arguments.index("--")
        return [*arguments[:place], *added, *arguments[place:]]
    return [*arguments, *added]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text_of(ROOT / "Makefile"), re.MULTILINE)
    assert found
    return [line.strip().removeprefix("@").removeprefix("$(VENV)/bin/") for line in found[1].splitlines()]


def pictures(folder: Path, count: int, width: int = 40, height: int = 30) -> None:
    """Made-up pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{number:03d}.png")


def make_files() -> None:
    raw = Path("data/MNIST/raw")
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 100), ("t10k", 40)):
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx((np.arange(count) % 10).astype(np.uint8)))
    Path("data/KMNIST").symlink_to("MNIST")
    Path("DATA").symlink_to("data")
    for name in ("MY_PHOTOS", "FOLDER", "STICKERS"):
        pictures(Path(name), 24)
    for name in ("photos", "more"):
        pictures(Path(name), 2, 64, 64)
    Path("more/000.png").rename("more/one.jpg")
    pictures(Path("seven"), 1, 28, 28)
    Path("seven/000.png").rename("seven.png")
    Path("seven").rmdir()
    for split in ("train", "val", "test"):
        pictures(Path("MY_PAIRS", split), 4, 128, 64)
        pictures(Path("facades", split), 4, 128, 64)
    for split in ("trainA", "trainB", "testA", "testB"):
        pictures(Path("MY_FOLDERS", split), 8, 64, 64)
    for domain in ("A", "B"):
        pictures(Path("emoji", domain), 12, 64, 64)
    for name in ("photo", "painting"):
        pictures(Path("styles", name), 12, 72, 72)
    pictures(Path("CMP/base"), 12, 64, 64)
    for file in sorted(Path("CMP/base").iterdir()):
        Image.open(file).save(file.with_suffix(".jpg"))
    films.write(Path("film.mp4"))
    films.animation(Path("moving.gif"))
    for name in ("latest_net_G_A.pth", "latest_net_G_B.pth"):
        torch.save(resnet_state("instance", channels_out=3), name)


def fit(*arguments: str) -> Ended:
    return in_fork(program(shortened(["fit", *arguments])), Path("log.txt"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``runs`` in which :func:`give_run` keeps what it has trained."""
    return tmp_path_factory.mktemp("trained") / "runs"


def give_run(name: str, trained: Path) -> None:
    """Put a run of ``TRAINED`` into the current folder's ``runs``."""
    if not (trained / name).is_dir():
        ended = fit(*TRAINED[name])
        assert ended.status == 0, ended.output
        shutil.copytree(Path("runs", name), trained / name)
    else:
        shutil.copytree(trained / name, Path("runs", name))


@pytest.fixture
def _reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader in a folder of their own, with a home of their own; programs find this checkout's package."""
    folder, home = tmp_path / "reader", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with contextlib.chdir(folder):
        yield


def run(command: str, log: Path) -> Ended:
    """Run a command of a page, shortened."""
    name, *arguments = words_of(command)
    if name == "python":
        return in_fork(script(arguments[0]), log)
    assert name == "lightning-gans", command
    if arguments and arguments[0][0] != "-":
        arguments = shortened(arguments)
    if "--trainer.devices" in arguments and arguments[0] == "fit":  # Lightning starts the same program again
        line = [sys.executable, "-m", "lightning_gans", *arguments]
        done = subprocess.run(line, capture_output=True, text=True, timeout=WAIT, check=False)
        return Ended(done.returncode, done.stdout + done.stderr)
    return in_fork(program(arguments), log, "page: http" if arguments[0] == "demo" else "")


def newest_run() -> Path:
    """What a reader puts in the place of ``RUN``."""
    return max(Path("runs").glob("*/version_*"), key=lambda folder: folder.stat().st_mtime_ns)


RUN_PAGES = [page for page in PAGES if any(not reason_not_to_run(command) for command in commands(text_of(page)))]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_run_in_their_order(page: Path, trained: Path, tmp_path: Path) -> None:
    # Imported here: all processes are forked from this one.
    import lightning_gans.cli.train  # noqa: F401

    make_files()
    for name in READERS.get(page.name, []):
        give_run(name, trained)
    for step in steps(text_of(page)):
        if isinstance(step, Written):
            Path(step.name).write_text(step.text)
        elif step == "make quickstart":
            for line in recipe("quickstart"):
                ended = run(line, tmp_path / "log.txt")
                assert ended.status == 0, f"{line}\n{ended.output}"
        elif not reason_not_to_run(step):
            ended = run(re.sub(r"\bRUN\b", lambda _: str(newest_run()), step), tmp_path / "log.txt")
            if re.fullmatch(REFUSED, step):
                (error,) = re.findall(r"^lightning-gans: error: .{20}", ended.output, re.MULTILINE)
                assert error in text_of(page)
                assert ended.status == 2
            else:
                assert ended.status == 0, f"{step}\n{ended.output}"


def test_every_command_is_run_or_has_a_reason_not_to() -> None:
    given = [command for page in PAGES for command in commands(text_of(page))]
    assert len(given) > 150
    run = [command for command in given if not reason_not_to_run(command)]
    assert {words_of(command)[0] for command in run} == {"lightning-gans", "make", "python"}
    assert {command for command in run if command.startswith("make")} == {"make quickstart"}
    assert all(re.fullmatch(r"python \w+\.py", command) for command in run if command.startswith("python"))
    assert len(run) > 100
    unused = [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, command) for command in given)]
    assert unused == []
    assert READERS.keys() <= {page.name for page in RUN_PAGES}
    assert CONTRIBUTING not in RUN_PAGES


def test_commands_are_shortened_without_other_changes() -> None:
    assert shortened(["fit", "--help"]) == ["fit", "--help"]
    assert shortened(["fit", "--resume", "RUN", "--trainer.max_epochs", "4"])[-1] == FEW[-1]
    assert shortened(["study", "cifar10", "--", "--data.root", "data"])[2:4] == ["--dry-run", "--"]
    assert recipe("quickstart")[0].startswith("lightning-gans fit --config cgan/digits")
