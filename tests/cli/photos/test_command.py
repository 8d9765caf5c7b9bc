"""``fit photos`` is ``fit --config`` with a config that is written once and then used."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lightning_gans.cli.photos import command
from lightning_gans.cli.photos.arguments import given_values, position
from lightning_gans.cli.photos.command import expand_photos
from lightning_gans.cli.photos.config_file import find_settings
from lightning_gans.cli.photos.parts import Attempt, Cost, Device
from lightning_gans.cli.photos.trial import StepTrial, find_device, make_model
from lightning_gans.cli.start import check_arguments
from lightning_gans.cli.train import build
from lightning_gans.components.penalties import R1R2
from lightning_gans.core.errors import InputError
from lightning_gans.core.machine import free_memory
from lightning_gans.core.shipped_configs import find_config, recipe_names
from tests.support.command_line import QUIET
from tests.support.folders import save
from tests.support.mean_colors import MEAN_COLORS
from tests.support.shell import shell

pytestmark = pytest.mark.usefixtures("empty_folder")

FIT = ["fit", "photos", "--data.root", "flowers"]
FILE = Path("photos-flowers.yaml")


def pictures(folder: Path, count: int) -> Path:
    """So many pictures of 20 x 20 pixels."""
    for index in range(count):
        save(folder / f"{index}.png", (index, 99, 0), (20, 20))
    return folder


class FastTrial:
    def __init__(self, device: Device) -> None:
        pass

    def __call__(self, attempt: Attempt) -> Cost | None:
        return Cost(2**20, 0.1, attempt.batch_size)


@pytest.fixture
def flowers(empty_folder: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of twelve pictures; no step is tried."""
    monkeypatch.setattr(command, "StepTrial", FastTrial)
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    return pictures(Path("flowers"), 12)


def written(path: Path = FILE) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["fit", "photos", "--data.root", "x"], (1, 2)),
        (["fit", "photos", "logger/wandb"], (1, 2)),
        (["fit", "--data.root", "x", "--config", "photos"], (3, 5)),
        (["fit", "-c=photos"], (1, 2)),
        (["fit", "--data.root", "photos"], None),
        (["fit", "fastgan/photos"], None),
        (["--help", "photos"], None),
        ([], None),
    ],
)
def test_photos_is_found_among_the_configs(arguments: list[str], place: Any) -> None:
    assert position(arguments) == place


def test_values_are_read_as_in_a_config() -> None:
    arguments = ["--data.size=[32, 48]", "--data.init_args.flip", "false", "--data.root", "2024", "--model.x", "[!a]"]
    assert given_values(arguments) == {
        "data.size": [32, 48],
        "data.flip": False,
        "data.root": "2024",
        "model.x": "[!a]",
    }


def test_a_run_is_resumed_without_it() -> None:
    with pytest.raises(InputError, match=r"^--resume continues with the settings of the run; leave out photos"):
        check_arguments(["fit", "photos", "--resume", "runs/x"])
    assert "photos" in recipe_names()


def test_the_settings_are_written_with_their_reasons_and_used_from_then_on(
    flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data.flip", "false", "--trainer.max_steps", "20"]
    assert expand_photos([*FIT, *given]) == ["fit", str(FILE), *FIT[2:], *given]
    said = capsys.readouterr().err
    assert "photos: flowers\nimages        train 12\n" in said
    assert "augmentation  DiffAugment: D would memorize 12 pictures; data.flip is given\n" in said
    assert "; for this run --trainer.max_steps 20 takes its place\n" in said
    assert f"`lightning-gans fit --config {FILE} --trainer.max_steps 20` trains the same\n" in said
    text = FILE.read_text()
    assert max(map(len, text.splitlines())) <= 120
    assert "# channels: 3, color (no picture is gray)\n" in text
    content = written()
    assert content["data"]["class_path"] == "ImageFolderDataModule"
    assert content["data"]["init_args"]["root"] == "flowers"
    assert content["data"]["init_args"]["flip"] is False
    assert content["model"]["init_args"]["generator"] == {
        "class_path": "CompactGenerator",
        "init_args": {"width": 64},
    }
    assert content["model"]["init_args"]["penalty"] == {"init_args": {"weight": 0.07, "interval": 4}}
    assert content["trainer"]["max_steps"] == 5000
    FILE.write_text(text.replace("max_steps: 5000", "max_steps: 123"))
    assert expand_photos([*FIT, "--data.flip=false", "--data.size", "16"])[:2] == ["fit", str(FILE)]
    assert capsys.readouterr().err == (
        f"photos: the settings in {FILE} are used; rename or delete it to have others chosen; given for this run: "
        "--data.size\n"
    )
    assert written()["trainer"]["max_steps"] == 123
    assert expand_photos(["test", "--config=photos", *FIT[2:]])[:3] == ["test", "--config", str(FILE)]


def test_each_set_of_pictures_has_a_file_of_its_own(flowers: Path) -> None:
    FILE.write_text("mine: true\n")
    expand_photos(FIT)
    other = pictures(Path("other/flowers"), 12)
    expand_photos(["fit", "photos", "--data.root", str(other)])
    assert FILE.read_text() == "mine: true\n"
    assert find_settings(str(flowers.resolve())) == Path("photos-flowers-2.yaml")
    assert find_settings(str(other)) == Path("photos-flowers-3.yaml")


def test_a_test_needs_settings(flowers: Path) -> None:
    with pytest.raises(InputError, match="no settings were chosen yet for flowers; expected `lightning-gans fit"):
        expand_photos(["test", *FIT[1:]])


def test_errors_of_the_data_have_their_key(flowers: Path) -> None:
    with pytest.raises(InputError, match=r"^data\.root is nowhere, which is not there"):
        expand_photos(["fit", "photos", "--data.root", "nowhere"])
    pictures(Path("few"), 9)
    with pytest.raises(InputError, match=r"^data\.root is few, whose pictures cannot be trained on: there are 9, but"):
        expand_photos(["fit", "photos", "--data.root", "few"])
    assert not list(Path().glob("*.yaml"))


def test_the_other_processes_wait_for_the_first(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(command, "PATIENCE", 0)
    with pytest.raises(InputError, match="the first process has written no settings for flowers to"):
        expand_photos(FIT)
    monkeypatch.setattr(command, "PATIENCE", 60)
    timer = threading.Timer(0.2, FILE.write_text, ["data: {init_args: {root: flowers}}"])
    timer.start()
    assert expand_photos(FIT)[:2] == ["fit", str(FILE)]
    timer.join()


def test_the_trial_has_the_networks_and_the_penalty_of_the_recipe() -> None:
    recipe = written(Path(find_config("photos")))["model"]
    model = make_model(Attempt(3, (16, 24), 0, (64, 64), True, 4))
    assert type(model).__name__ == recipe["class_path"]
    for name, part in (("generator", model.generator), ("discriminator", model.discriminator)):
        assert type(part).__name__ == recipe["init_args"][name]
    assert isinstance(model.penalty, R1R2)
    given = recipe["init_args"]["penalty"]["init_args"]
    assert given == {"weight": model.penalty.weight, "interval": model.penalty.interval}
    with pytest.raises(InputError, match=r"^model\.generator\.width is 4 and model\.discriminator\.width 4, "):
        make_model(Attempt(3, (16, 24), 0, (4, 4), True, 4))


@pytest.mark.slow
def test_a_step_is_tried_without_changing_random_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    small, large = (
        StepTrial(Device("cpu", "this CPU", 2**40))(Attempt(4, (16, 24), 2, (8, 8), True, size)) for size in (4, 64)
    )
    assert torch.equal(torch.rand(3), expected)
    assert small is not None
    assert large is not None
    assert (small.images, large.images) == (4, 16)
    assert 0 < small.memory < large.memory
    assert StepTrial(Device("cpu", "this CPU", 1000))(Attempt(4, (16, 24), 2, (8, 8), True, 4)) is None
    assert 2**20 < free_memory() < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.gpu
def test_on_a_gpu_running_out_of_memory_is_caught() -> None:
    device = find_device("auto", 1)
    assert device.kind == "cuda"
    step = Attempt(3, (64, 64), 0, (64, 64), True, 16)
    cost = StepTrial(device)(step)
    assert cost is not None
    assert 0 < cost.memory < device.memory
    assert cost.images == 16
    torch.cuda.set_per_process_memory_fraction(0.001)
    try:
        assert StepTrial(device)(step._replace(size=(256, 256), batch_size=64)) is None
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert StepTrial(device)(step) is not None


SMALL = ["--data.size", "16", "--model.generator.width", "8", "--model.discriminator.width", "8"]


@pytest.mark.slow
def test_the_written_config_trains_the_same_without_photos() -> None:
    pictures(Path("flowers"), 12)
    run = ["--trainer.max_steps", "2", *QUIET, *MEAN_COLORS]
    first = build([*FIT, *SMALL, *run])
    again = build(["fit", "--config", str(FILE), *run])
    third = build([*FIT, *run])
    for cli in (again, third):
        assert cli.trainer.global_step == 2
        for name, value in first.model.state_dict().items():
            assert torch.equal(cli.model.state_dict()[name], value), name
    assert Path("runs/photos-flowers/version_2/config.yaml").is_file()


@pytest.mark.slow
def test_two_processes_use_the_settings_that_the_first_chooses_and_a_job_resumes(tmp_path: Path) -> None:
    pictures(tmp_path / "flowers", 24)
    job = [*FIT, *SMALL, "--trainer.accelerator", "cpu", "--trainer.devices", "2", *QUIET, *MEAN_COLORS]
    job += ["--trainer.logger.version", "job", "--ckpt_path", "auto"]
    done = shell(*job, "--trainer.max_steps", "4")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("settings      photos-flowers.yaml") == 1
    again = shell(*job, "--trainer.max_steps", "6")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("the settings in photos-flowers.yaml are used") == 1
    checkpoint = torch.load("runs/photos-flowers/job/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 6
