"""Folders to which nothing can be written, and paths that begin with ``~``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from lightning_gans.cli.commands.common import run_command
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.core.files import default_cache
from lightning_gans.metrics.cache import RealCache, download_weights
from tests.support.command_line import QUIET, SHORT, scores

pytestmark = pytest.mark.usefixtures("empty_folder")

FIT = ["fit", "--config", "dcgan/digits", *SHORT]


# Caches.


@pytest.mark.filterwarnings("ignore:The number of training batches")
def test_a_cache_that_cannot_be_written_is_one_warning_and_ends_nothing() -> None:
    Path("cache").write_text("")
    with pytest.warns(UserWarning, match="statistics of the real images cannot be kept in cache") as said:
        build([*FIT, "--evaluation.cache", "cache"])
    assert sum("cannot be kept" in str(each.message) for each in said) == 1
    assert [row["step"] for row in scores(Path("runs/dcgan-digits/version_0"))] == [7, 14]
    assert Path("runs/dcgan-digits/version_0/checkpoints/last.ckpt").is_file()


def test_a_full_disk_leaves_no_part_of_a_cache_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache = RealCache(Path("cache"))
    with pytest.warns(UserWarning, match="No space left on device"):
        cache.write("key", {"a": torch.ones(2)})
    cache.write("other", {"a": torch.zeros(2)})
    assert not list(Path("cache").iterdir())
    assert cache.read("key", {"a"}) is not None
    assert cache.read("other", {"a"}) is not None


def test_without_a_home_statistics_are_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_cache() == Path("/home/me/.cache/lightning-gans")

    def none(_: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(none))
    assert default_cache() is None
    cache = RealCache(None)
    cache.write("key", {"a": torch.ones(2)})
    assert cache.read("key", {"a"}) is not None
    assert not list(Path().iterdir())


@pytest.mark.parametrize("place", ["file", "~/.cache/torch/hub"])
def test_weights_are_downloaded_for_this_process_where_they_cannot_be_kept(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("")
    asked: list[str] = []

    def download(url: str, path: str, hash_prefix: str) -> None:
        asked.append(path)
        Path(path).write_text("weights")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: place)
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.warns(UserWarning, match="Net's weights cannot be kept in .*TORCH_HOME"):
        path = download_weights("https://example.org/net-0123abcd.pth", "Net")
    assert path.read_text() == "weights"
    assert download_weights("https://example.org/net-0123abcd.pth", "Net") == path
    assert asked == [str(path)]
    assert [each.name for each in Path().iterdir()] == ["file"]
    path.unlink()


# A run's folder.


def test_a_folder_that_cannot_be_written_to_is_refused_with_its_key(finished_run: Path) -> None:
    Path("file").write_text("")
    for key in ("trainer.logger.save_dir", "best.dirpath"):
        with pytest.raises(InputError, match=rf"{key} is file.*, but .*/file is a file; expected a folder there"):
            build([*FIT, f"--{key}", "file"])
        with pytest.raises(InputError, match=rf"{key} is file/a, but .*/file is a file; expected a folder there"):
            build([*FIT, f"--{key}", "file/a"])
    with pytest.raises(InputError, match=r"trainer\.default_root_dir is file, but"):
        build([*FIT, "--trainer.logger", "false", "--trainer.default_root_dir", "file"])
    with pytest.raises(InputError, match=r"predictions\.folder is file, but"):
        build(["predict", "--config", "dcgan/digits", *SHORT, "--predictions.folder", "file"])


@pytest.mark.parametrize("locked", [".", "runs", "runs/dcgan-digits/version_0"])
def test_a_folder_without_permission_is_refused_with_its_key(
    finished_run: Path, locked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if locked == ".":
        shutil.rmtree("runs")
    place, access = Path(locked).resolve(), os.access  # these tests may run as root, who has all permissions

    def denied(path: Path, mode: int) -> bool:
        return access(path, mode) and Path(path).resolve() != place

    monkeypatch.setattr(os, "access", denied)
    command = FIT if locked != "runs/dcgan-digits/version_0" else ["test", "--config", f"{locked}/config.yaml", *QUIET]
    more = [] if command == FIT else ["--ckpt_path", "best"]
    if locked == "runs":
        monkeypatch.chdir("runs")
        shutil.rmtree("dcgan-digits")
        more = ["--trainer.logger.save_dir", "."]
    with pytest.raises(
        InputError, match=r"trainer\.logger\.save_dir is .*, but nothing can be written to .* \(Permission denied\)"
    ):
        build([*command, *more])


# Paths that begin with ~.


@pytest.mark.slow
def test_a_home_folder_is_found_in_every_path_of_configs_and_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    own = {
        "trainer": {"logger": {"init_args": {"save_dir": "~/runs"}}, "default_root_dir": "~/root"},
        "best": {"dirpath": "~/best"},
        "evaluation": {"cache": "~/cache"},
    }
    (home / "own.yaml").write_text(yaml.safe_dump(own))
    cli = build([*FIT, "--config=~/own.yaml"])
    assert not Path("~").exists()
    assert cli.trainer.default_root_dir == str(home / "root")
    run = home / "runs" / "dcgan-digits" / "version_0"
    assert (run / "metrics.csv").is_file()
    assert (home / "best" / "best.ckpt").is_file()
    assert list((home / "cache").iterdir())
    build(["test", "--config", "~/own.yaml", *FIT[1:], "--ckpt_path", "~/best/best.ckpt"])
    assert sorted(path.name for path in home.iterdir()) == ["best", "cache", "own.yaml", "runs"]
    run_command("sample", ["~/best/best.ckpt", "--out", "~/grid.png"])
    assert (home / "grid.png").is_file()
    run_command("report", ["~/runs", "--out", "~/page.html"])
    run_command("inspect", ["~/best/best.ckpt"])
    assert not list(tmp_path.glob("~*"))


def test_data_are_read_from_below_the_home_folder(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(small_mnist.parent))
    few = ["--data.root", "~/data", "--data.val_size", "4", "--data.batch_size", "4", "--trainer.fast_dev_run", "1"]
    build(["fit", "--config", "dcgan/mnist", *SHORT, *few])
    assert not Path("~").exists()
