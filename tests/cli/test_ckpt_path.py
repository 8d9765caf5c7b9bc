"""``--ckpt_path``: which run is resumed, and what may be changed beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.cli.ckpt_path import checkpoint_in, errors_name_ckpt_path
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.families import LatentGAN
from lightning_gans.variants import DCGAN
from tests.support.command_line import QUIET, SHORT, scores
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # the second run is a copy
def test_a_runs_own_config_means_that_run_and_else_the_newest_is_taken(finished_run: Path) -> None:
    first, second = finished_run, finished_run.with_name("version_1")
    shutil.copytree(first, second, copy_function=shutil.copyfile)  # newer
    build(["test", "--config", str(first / "config.yaml"), *QUIET, "--ckpt_path", "best"])
    assert (len(scores(first)), len(scores(second))) == (3, 2)
    build(["test", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "best"])
    assert (len(scores(first)), len(scores(second))) == (3, 3)


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # the second run is a copy
def test_an_evaluation_takes_the_newest_of_a_folder_of_runs(finished_run: Path) -> None:
    newer = finished_run.with_name("version_1")
    shutil.copytree(finished_run, newer, copy_function=shutil.copyfile)
    for folder in ("runs", "runs/dcgan-digits"):
        run, path = checkpoint_in(Path(folder), fits=False)
        assert (run.path, path) == (newer, newer / "checkpoints" / "best.ckpt")
    with pytest.raises(InputError, match=f"ckpt_path is runs, which has no checkpoint.*, such as {newer}"):
        checkpoint_in(Path("runs"), fits=True)


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # it has, and Lightning says so to the user
@pytest.mark.slow
def test_a_new_run_and_one_from_another_checkpoint_get_folders_of_their_own(finished_run: Path) -> None:
    last = finished_run / "checkpoints" / "last.ckpt"
    before = last.read_bytes()
    best = str(finished_run / "checkpoints" / "best.ckpt")
    build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_epochs", "3", "--ckpt_path", best])
    assert last.read_bytes() == before
    assert Path("runs/dcgan-digits/version_1/checkpoints/last.ckpt").is_file()


def test_a_checkpoint_of_the_command_line_loads_by_itself() -> None:
    cli = build(["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_steps", "3", "--model.n_critic", "2"])
    path = "runs/dcgan-digits/version_0/checkpoints/last.ckpt"
    model = LatentGAN.load_from_checkpoint(path)
    assert isinstance(model, DCGAN)
    assert model.sides["g"].interval == 2
    latent = torch.randn(2, 100)
    assert torch.equal(model.eval()(latent), cli.model.eval()(latent))
    assert set(torch.load(path, weights_only=True)["hyper_parameters"]["generator"]) == {"class_path", "init_args"}


@pytest.mark.slow
def test_values_beside_a_checkpoint_win_or_are_refused(finished_run: Path) -> None:
    again = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_epochs", "3", "--ckpt_path", "last"]
    with pytest.raises(
        InputError, match=r"model\.optimizer_g\.init_args\.lr is 0\.5 here but 0\.\d+ in the checkpoint"
    ):
        build([*again, "--model.optimizer_g.lr", "0.5"])
    with pytest.raises(InputError, match="seed_everything is 7 here but 0"):
        build([*again, "--seed_everything", "7"])
    with pytest.raises(InputError, match=r"model\.generator\.init_args\.width is 3 here but 2 in the checkpoint"):
        build([*again, "--model.generator.width", "3"])
    # Given as a path: Lightning would let the hyperparameters in it override the command line.
    again[-1] = str(finished_run / "checkpoints" / "last.ckpt")
    cli = build([*again, "--model.n_critic", "2", "--model.clip_g", "0.25"])
    assert cli.model.sides["g"].interval == 2
    assert cli.model.sides["g"].clip == 0.25
    assert cli.trainer.current_epoch == 3


def test_no_checkpoint_to_resume_from_is_refused_and_not_a_new_run() -> None:
    with pytest.raises(InputError, match="ckpt_path is last, but no run in runs/dcgan-digits has one"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "last"])
    with pytest.raises(InputError, match="ckpt_path is last, but no run in runs/dcgan-digits has one"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "last", "--trainer.logger", "false"])
    with pytest.raises(InputError, match=r"ckpt_path is nowhere\.ckpt, which does not exist"):
        build(["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "nowhere.ckpt"])


@pytest.mark.slow
def test_wandb_beside_another_logger_goes_on_with_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_SILENT", "true")
    csv = {
        "class_path": "lightning_gans.runs.csv_logger.ResumableCSVLogger",
        "init_args": {"save_dir": "runs", "name": "two"},
    }
    online = {"class_path": "lightning.pytorch.loggers.WandbLogger", "init_args": {"save_dir": "runs", "offline": True}}
    Path("two.yaml").write_text(yaml.safe_dump({"trainer": {"logger": [csv, online]}}))
    arguments = ["fit", "--config", "dcgan/digits", "--config", "two.yaml", *SHORT]
    ids = []
    for more in ([], ["--trainer.max_epochs", "3", "--ckpt_path", "last"]):
        build([*arguments, *more])
        assert wandb.run is not None
        ids.append(wandb.run.id)
        wandb.finish()
    assert ids[0] == ids[1]
    assert [path.name for path in Path("runs/two").iterdir()] == ["version_0"]


@pytest.mark.slow
def test_a_requeued_job_goes_on_in_its_folder_and_wandb_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_SILENT", "true")
    arguments = ["fit", "--config", "dcgan/digits", "--config", "logger/wandb", *SHORT]
    arguments += ["--trainer.logger.offline", "true", "--trainer.logger.version", "job_7", "--ckpt_path", "auto"]
    for epochs in ("1", "2"):
        cli = build([*arguments, "--trainer.max_epochs", epochs])
        assert wandb.run is not None
        assert wandb.run.id == "job_7"
        wandb.finish()
    assert cli.trainer.global_step == 14
    assert [path.name for path in Path("runs/lightning-gans").iterdir()] == ["job_7"]
    assert [line["epoch"] for line in scores(Path("runs/lightning-gans/job_7"))] == [1, 2]


def test_auto_wants_the_name_of_a_run_and_starts_it_where_there_is_none() -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--ckpt_path", "auto"]
    with pytest.raises(InputError, match=r"ckpt_path is auto.*expected trainer\.logger\.version"):
        build(arguments)
    arguments += ["--trainer.logger.version", "mine"]
    assert build(arguments).trainer.global_step == 14
    cli = build([*arguments, "--trainer.max_epochs", "3"])
    assert cli.config.fit.ckpt_path == "runs/dcgan-digits/mine/checkpoints/last.ckpt"
    assert cli.trainer.global_step == 21
    assert [path.name for path in Path("runs/dcgan-digits").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "fields",
    [
        {"loops": {}},
        {"loops": {"fit_loop": 5}},
        {"optimizer_states": []},
        {"optimizer_states": [5, 5]},
        {"optimizer_states": [{"state": {0: {"step": "x"}}, "param_groups": 7}] * 2},
        {"lr_schedulers": [5]},
        {"state_dict": {}},
        {"accumulated_gradients": {"generator.nowhere": 5}},
        {"pytorch-lightning_version": 5},
        {"pytorch-lightning_version": "1.0"},
    ],
    ids=str,
)
def test_a_checkpoint_whose_parts_do_not_fit_is_one_sentence(fields: dict[str, Any], tmp_path: Path) -> None:
    callbacks = [EMA(0.9), LastCheckpoint()]
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=callbacks).fit(tiny_dcgan(), TinyData())
    path = tmp_path / "checkpoints" / "last.ckpt"
    torch.save({**torch.load(path), **fields}, path)
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, callbacks=[EMA(0.9), LastCheckpoint()])
    expected = pytest.raises(InputError, match=r"ckpt_path is|the checkpoint's")
    with expected as refused, errors_name_ckpt_path(lambda: path):
        trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=path)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_auto_continues_exactly_from_the_end_of_an_epoch_without_validation() -> None:
    arguments = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.limit_val_batches", "0", "--ckpt_path", "auto"]
    # Schedules depend on the length of the run.
    arguments += ["--model.scheduler_g", "null", "--model.scheduler_d", "null"]

    def run(name: str, steps: int) -> Path:
        build([*arguments, "--trainer.logger.version", name, "--trainer.max_steps", str(steps)])
        return Path("runs/dcgan-digits") / name

    steps_of_an_epoch = 7
    expected, folder = run("whole", 9), run("cut", steps_of_an_epoch)
    assert run("cut", 9) == folder
    whole, resumed = (torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in (expected, folder))
    assert resumed["loops"] == whole["loops"]
    assert all(torch.equal(value, resumed["state_dict"][key]) for key, value in whole["state_dict"].items())
