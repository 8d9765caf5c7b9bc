"""``fit --resume RUN`` continues a run from anywhere, and every hint to resume can be typed as it is printed."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import dict_to_namespace
from lightning.pytorch.callbacks import Callback

from lightning_gans.cli.resume import expand_resume
from lightning_gans.cli.run_config import absolute_paths, place_in, start_folder
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.runs.folder import RunFolder
from tests.support.command_line import SHORT, scores

pytestmark = pytest.mark.usefixtures("empty_folder")

FIT = ["fit", "--config", "dcgan/digits", *SHORT]


class Interrupt(Callback):
    """Sends itself Ctrl-C, or another signal, in a step."""

    def __init__(self, step: int = 3, number: int = int(signal.SIGINT)) -> None:
        self.step = step
        self.number = number

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)


INTERRUPT = f"--trainer.callbacks={__name__}.Interrupt"


def state(folder: Path) -> Any:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def typed(text: str) -> list[str]:
    """The arguments of the command that a message ends with."""
    command = text.partition("lightning-gans fit")[2].strip()
    return ["fit", *shlex.split(command)]


@pytest.mark.parametrize(
    "form",
    [
        ["--resume", "RUN"],
        pytest.param(["--resume=RUN"], marks=pytest.mark.slow),
        pytest.param(["--resume", "RUN/checkpoints/last.ckpt"], marks=pytest.mark.slow),
    ],
)
def test_a_run_is_resumed_from_anywhere_with_its_settings(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    before = finished_run.resolve()
    monkeypatch.chdir(elsewhere)
    words = [word.replace("RUN", f"../{finished_run}") for word in form]
    cli = build(["fit", "--trainer.max_epochs", "3", *words, "--model.clip_g", "0.5"])
    assert cli.model.sides["g"].clip == 0.5
    assert (cli.trainer.global_step, cli.config.fit.data.init_args.batch_size) == (21, 256)
    assert not list(Path().iterdir())
    assert [path.name for path in before.parent.iterdir()] == [before.name]
    assert [row["step"] for row in scores(before)] == [7, 14, 21]
    saved = yaml.safe_load((before / "config-2.yaml").read_text())
    assert (saved["trainer"]["max_epochs"], saved["ckpt_path"]) == (3, None)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_hint_after_a_signal_is_what_is_typed(number: int) -> None:
    more = [INTERRUPT, f"--trainer.callbacks.number={int(number)}", "--trainer.logger.version", "my run"]
    with pytest.raises(RunEnded, match=r"ended by SIG.* after step 4, .*; resume with: lightning-gans") as ended:
        build([*FIT, *more])
    folder = Path("runs/dcgan-digits/my run")
    assert state(folder)["global_step"] == 4
    command = typed(str(ended.value))
    assert command == ["fit", "--resume", str(folder)]
    cli = build(command)
    assert cli.trainer.global_step == 14
    assert [row["step"] for row in scores(folder)] == [7, 14]
    assert [path.name for path in folder.parent.iterdir()] == ["my run"]


def test_a_second_ctrl_c_says_how_the_run_is_resumed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def twice(self: Interrupt, trainer: Any, *_: Any) -> None:
        if trainer.global_step == 9:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Interrupt, "on_train_batch_start", twice)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit):
            build([*FIT, INTERRUPT])
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning ignores it from here on
    assert caplog.messages[-1] == "resume with: lightning-gans fit --resume runs/dcgan-digits/version_0"


def test_a_fault_says_how_the_run_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Interrupt, trainer: Any, *_: Any) -> None:
        if trainer.global_step == 9:
            raise ZeroDivisionError

    monkeypatch.setattr(Interrupt, "on_train_batch_start", fail)
    with pytest.raises(ZeroDivisionError) as error:
        build([*FIT, INTERRUPT])
    assert error.value.__notes__ == ["resume with: lightning-gans fit --resume runs/dcgan-digits/version_0"]


@pytest.mark.slow
def test_a_finished_run_says_so_with_its_scores_and_the_command_to_train_longer(finished_run: Path) -> None:
    before = sorted(finished_run.rglob("*"))
    again = [*FIT, "--trainer.logger.version", "0", "--ckpt_path"]
    lines = [[*again, "last"], [*again, "auto"], [*again, str(finished_run)]]
    for line in (["fit", "--resume", str(finished_run)], *lines):
        with pytest.raises(RunEnded) as ended:
            build(line)
        first, fid, longer = str(ended.value).splitlines()
        assert first.startswith("nothing is left to train: ")
        assert "14 steps and 2 whole epochs, and trainer.max_epochs is 2" in first
        assert f"val/fid {scores(finished_run)[-1]['scores']['val/fid']:.4g}" in fid
        assert longer == f"to train longer: lightning-gans fit --resume {finished_run} --trainer.max_epochs 4"
        assert ended.value.status == 0
    assert sorted(finished_run.rglob("*")) == before
    with pytest.raises(RunEnded, match=r"max_steps is 9 and trainer\.max_epochs is 2\n"):
        build(["fit", "--resume", str(finished_run), "--trainer.max_steps", "9"])
    assert build(typed(longer)).trainer.global_step == 28


def test_a_fork_gets_a_folder_of_its_own(finished_run: Path) -> None:
    mine = finished_run.rename(finished_run.with_name("mine"))
    before = (mine / "checkpoints" / "last.ckpt").read_bytes()
    best = str(mine / "checkpoints" / "best.ckpt")
    build(["fit", "--resume", best, "--trainer.max_epochs", "3"])
    assert (mine / "checkpoints" / "last.ckpt").read_bytes() == before
    assert state(finished_run)["global_step"] == 21


@pytest.mark.slow
def test_a_run_that_was_moved_is_resumed_where_it_is_and_keeps_its_best_score(finished_run: Path) -> None:
    moved = Path("archive/digits/first")
    shutil.copytree(finished_run, moved)
    build(["fit", "--resume", str(moved), "--trainer.max_epochs", "3"])
    assert (state(moved)["global_step"], state(finished_run)["global_step"]) == (21, 14)
    (kept,) = (each for key, each in state(moved)["callbacks"].items() if key.startswith("BestCheckpoint"))
    fids = [row["scores"]["val/fid"] for row in scores(moved)]
    assert float(kept["best_model_score"]) == pytest.approx(min(fids))
    assert Path(kept["best_model_path"]).samefile(moved / "checkpoints" / "best.ckpt")


def test_a_run_without_a_logger_gets_a_folder_as_one_with_a_logger(finished_run: Path) -> None:
    fast = ["--trainer.max_steps", "1", "--trainer.limit_val_batches", "0"]
    build([*FIT, *fast, "--trainer.logger", "false"])
    assert sorted(path.name for path in Path().iterdir()) == ["runs"]
    assert state(finished_run.with_name("version_1"))["global_step"] == 1


def test_a_run_with_packs_is_resumed_with_the_same_packs() -> None:
    cli = build([*FIT, "--trainer.max_steps", "1", "--trainer.limit_val_batches", "0", "--model.packing", "2"])
    assert cli.model.discriminator.channels == 2
    line = ["fit", "--resume", "runs/dcgan-digits/version_0", "--trainer.max_steps", "2"]
    with pytest.raises(InputError, match=r"model.discriminator.init_args.channels is 1 here but 2 in the checkpoint"):
        build([*line, "--model.packing", "1"])
    assert build(line).model.packing == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--model.generator.width", "3"], r"generator.init_args.width is 3 here but 2 in the checkpoint"),
        (["--model.packing", "3"], r"model.discriminator.init_args.channels is 3 here but 1"),
        (["--data.batch_size", "1"], r"the checkpoint was written with 256 of 1797 images per step"),
    ],
    ids=str,
)
def test_a_refused_resume_leaves_the_runs_settings_as_they_are(change: list[str], message: str) -> None:
    folder = RunFolder(Path("runs/dcgan-digits/version_0"))
    build([*FIT, "--trainer.max_steps", "3", "--trainer.limit_val_batches", "0"])
    line = ["fit", "--resume", str(folder), "--trainer.max_steps", "4"]
    with pytest.raises(InputError, match=message):
        build([*line, *change])
    assert [path.name for path in folder.configs()] == ["config.yaml"]
    build(line)
    assert [path.name for path in folder.configs()] == ["config.yaml", "config-2.yaml"]
    assert folder.read_settings()["trainer.max_steps"] == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["fit", "--resume"], "--resume has no value; expected a run's folder"),
        (["fit", "--resume", "--trainer.max_epochs"], "--resume has no value"),
        (["fit", "--resume", "nowhere"], "--resume is nowhere, which does not exist"),
        (["fit", "--resume", "runs"], r"--resume is runs, which is no run's folder.* runs/dcgan-digits/version_0"),
        (["test", "--resume", "RUN"], "test takes a run by --ckpt_path RUN"),
        (["fit", "--resume", "RUN", "--ckpt_path", "last"], "expected one of them"),
        (["fit", "--resume", "alone.ckpt"], r"in no run's folder.*--ckpt_path alone\.ckpt"),
        (["fit", "dcgan/digits", "--ckpt_path", "runs"], r"ckpt_path is runs, .* such as runs/dcgan-digits/version_0"),
    ],
    ids=str,
)
def test_what_cannot_be_resumed_is_named(finished_run: Path, line: list[str], message: str) -> None:
    shutil.copyfile(finished_run / "checkpoints" / "last.ckpt", "alone.ckpt")
    with pytest.raises(InputError, match=message):
        build([word.replace("RUN", str(finished_run)) for word in line] if message.startswith("expected") else line)


def test_configs_on_top_of_a_resumed_run_come_after_its_own(finished_run: Path) -> None:
    expanded = expand_resume(["fit", "data/kmnist", "--seed_everything", "1", "--resume", str(finished_run)])
    configs = ["--config", str(finished_run / "config.yaml"), "--config", "data/kmnist"]
    assert expanded == ["fit", *configs, "--ckpt_path", str(finished_run), "--seed_everything", "1"]


def a_run(place: Path, **trainer: Any) -> RunFolder:
    (place / "checkpoints").mkdir(parents=True)
    (place / "config.yaml").write_text(yaml.safe_dump({"trainer": trainer}))
    return RunFolder(place)


@pytest.mark.parametrize(
    ("place", "save_dir", "start"),
    [
        ("work/runs/name/version_0", "runs", "work"),
        ("work/a/b/name/mine", "a/b", "work"),
        ("runs/name/version_0", "runs", "."),
        ("elsewhere/name/version_0", "runs", None),
        ("runs/name/version_0", "/runs", None),
    ],
)
def test_where_a_run_was_started_follows_from_where_it_lies(place: str, save_dir: str, start: str | None) -> None:
    logger = {"class_path": "CSVLogger", "init_args": {"save_dir": save_dir, "name": "name", "version": None}}
    run = a_run(Path(place), logger=[logger])
    written = yaml.safe_load(run.config.read_text())
    assert start_folder(run, written) == (None if start is None else Path(start).resolve())


def test_paths_of_a_runs_config_are_relative_to_where_it_was_started() -> None:
    logger = {"class_path": "CSVLogger", "init_args": {"save_dir": "runs", "name": "a", "version": 3}}
    roots = {"root": Path("data"), "test_root": Path("/there"), "name": "data"}
    config = dict_to_namespace(
        {
            "data": {"class_path": "Images", "init_args": roots},
            "trainer": {"logger": [dict_to_namespace(logger)], "default_root_dir": None},
            "best": {"dirpath": "kept", "filename": "best"},
            "predictions": {"folder": Path("pictures")},
        }
    )
    run = a_run(Path("work/runs/a/version_3"), logger=logger)
    place_in(config, run, given={"predictions.folder"})
    work = Path("work").resolve()
    data, placed = config.data.init_args, config.trainer.logger[0].init_args
    assert (data.root, data.test_root, data.name) == (work / "data", Path("/there"), "data")
    assert (config.best.dirpath, config.best.filename) == (str(work / "kept"), "best")
    assert (placed.save_dir, placed.name, placed.version) == (str(work / "runs"), "a", None)
    assert config.predictions.folder == Path("pictures")
    assert absolute_paths(Path("x"), work, {"key"}, "key") == Path("x")


@pytest.mark.slow
def test_a_run_without_a_logger_is_resumed_and_tested_too(finished_run: Path) -> None:
    build([*FIT, "--trainer.logger", "false"])
    folder = finished_run.with_name("version_1")
    assert sorted(path.name for path in Path().iterdir()) == ["runs"]
    assert (state(folder)["global_step"], state(finished_run)["global_step"]) == (14, 14)
    build(["fit", "--resume", str(folder), "--trainer.max_epochs", "3"])
    assert (state(folder)["global_step"], len(scores(folder))) == (21, 3)
    build(["test", "--config", "dcgan/digits", *SHORT, "--trainer.logger", "false"])
    assert (folder / "results.json").is_file()
