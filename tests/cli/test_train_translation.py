"""Image-to-image on the command line, as a user meets it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image
from torchvision.transforms.v2.functional import pil_to_tensor

from lightning_gans import load
from lightning_gans.cli.commands.common import run_command
from lightning_gans.cli.train import build, run
from lightning_gans.core.images import to_uint8
from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.datamodules.archives import PAIRED, UNPAIRED, Archive
from lightning_gans.families import Translation
from lightning_gans.networks import IdentityTranslator
from lightning_gans.variants import CycleGAN, Pix2Pix
from tests.support.command_line import QUIET
from tests.support.mean_colors import MEAN_COLORS
from tests.support.small_archives import small_archives

TINY = ["--model.generator.width", "4", "--model.discriminator.width", "4"]
FEW = ["--data.train_size", "6", "--data.val_size", "4", "--data.test_size", "4"]
FEW_SCORES = [*MEAN_COLORS, "--evaluation.kid", "false", "--evaluation.neighbors", "0"]
SHORT = [*TINY, *FEW, *QUIET, "--trainer.max_epochs", "2"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scores(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_cyclegan_from_fit_to_predictions_in_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    build(["fit", "--config", "cyclegan/synthetic", *SHORT])
    folder = Path("runs/cyclegan-synthetic/version_0")
    printed = capsys.readouterr().out.splitlines()
    # Both domains are told of.
    (titles,) = (line.split() for line in printed if line.startswith("val "))
    assert titles == ["val", "a", "b", "better"]
    for start in ("grid: ", "timeline: "):
        assert len([line for line in printed if line.startswith(start)]) == 2
    for line in printed:
        label, _, path = line.partition(": ")
        if label in ("grid", "timeline", "best checkpoint", "last checkpoint", "run"):
            assert Path(path).exists()
    build(["fit", "--config", "cyclegan/synthetic", *SHORT, "--trainer.max_epochs", "3", "--ckpt_path", "last"])
    assert [line["epoch"] for line in scores(folder)] == [1, 1, 2, 2, 3, 3]
    saved = ["--config", str(folder / "config.yaml"), *QUIET]
    build(["test", *saved, "--ckpt_path", "best"])
    build(["predict", *saved, "--ckpt_path", "best"])
    assert {path.name for path in (folder / "predictions").iterdir()} == {"a", "b"}
    predicted = sorted((folder / "predictions").rglob("*.png"))
    assert len(predicted) == 8
    data = SyntheticFacadesDataModule(train_size=6, val_size=4, test_size=4)
    data.setup("predict")
    batch = next(iter(data.predict_dataloader()))
    pair = data.on_after_batch_transfer(batch, 0)
    ours = [load(folder).translate(images, way) for images, way in ((pair.b, "b_to_a"), (pair.a, "a_to_b"))]
    theirs = torch.stack([pil_to_tensor(Image.open(path)) for path in predicted])
    assert (to_uint8(torch.cat(ours)).int() - theirs.int()).abs().max() <= 1
    model = Translation.load_from_checkpoint(folder / "checkpoints" / "last.ckpt")
    assert isinstance(model, CycleGAN)
    assert model.pool_a.images.shape == (18, 3, 64, 64)
    run_command("table", [str(folder)])
    rows = capsys.readouterr().out
    assert "| b/miou |" in rows
    assert "batch norm per-image | dropout off" in rows


def test_a_checkpoint_of_pix2pix_loads_by_itself() -> None:
    cli = build(["fit", "--config", "pix2pix/synthetic", *SHORT])
    model = Translation.load_from_checkpoint("runs/pix2pix-synthetic/version_0/checkpoints/last.ckpt")
    assert isinstance(model, Pix2Pix)
    assert model.direction == "b_to_a"
    images = torch.rand(2, 3, 64, 64)
    assert torch.equal(model.eval()(images), cli.model.eval()(images))


def test_baselines_are_tests_of_what_was_never_trained(capsys: pytest.CaptureFixture[str]) -> None:
    """An untrained generator and one that does nothing, in the same table as the rest."""
    quick = [*FEW, *QUIET, "--ckpt_path", "none", "--trainer.logger.name"]
    build(["test", "--config", "cyclegan/synthetic", *quick, "untrained"])
    cli = build(
        ["test", "--config", "cyclegan/synthetic", *quick, "identity", "--model.generator", "IdentityTranslator"]
    )
    assert isinstance(cli.model.a_to_b, IdentityTranslator)
    for name in ("untrained", "identity"):
        folder = Path("runs") / name / "version_0"
        assert "CycleGAN" in yaml.safe_load((folder / "config.yaml").read_text())["model"]["class_path"]
        assert {line["stamp"]["weights"] for line in scores(folder)} == {"raw"}
    run_command("table", ["runs"])
    rows = capsys.readouterr().out
    assert "| untrained | CycleGAN |" in rows
    assert "| identity | CycleGAN |" in rows


@pytest.mark.parametrize(
    ("config", "width"),
    [
        ("pix2pix/facades", 4),
        pytest.param("cyclegan/horse2zebra", 4, marks=pytest.mark.slow),
        pytest.param("pix2pix/facades", 64, marks=pytest.mark.slow),
        pytest.param("cyclegan/horse2zebra", 64, marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
    ],
)
@pytest.mark.slow
def test_the_papers_settings_train_and_resume_on_the_archives_layout(
    config: str, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 256 pixels; a run of two steps, and one of a step that goes on for one, end alike."""
    variant = config.partition("/")[0]
    root = small_archives(tmp_path / "archives") / variant
    arguments = ["fit", "--config", config, "--data.root", str(root), *QUIET, *FEW_SCORES]
    arguments += ["--model.generator.width", str(width), "--model.discriminator.width", str(width)]
    arguments += ["--data.eval_batch_size", "2", "--trainer.limit_val_batches", "1"]
    arguments += ["--trainer.check_val_every_n_epoch", "1", "--trainer.limit_train_batches", "1"]
    # The whole run's length, which the schedules follow, is the same for both.
    whole = build([*arguments, "--trainer.max_epochs", "2", "--trainer.logger.name", "whole"])
    interrupt_after(1, monkeypatch)
    parts = [*arguments, "--trainer.max_epochs", "2", "--trainer.logger.name", "parts"]
    with pytest.raises(RuntimeError, match="killed"):
        build(parts)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    resumed = build([*parts, "--ckpt_path", "last"])
    assert resumed.trainer.global_step == whole.trainer.global_step == 2
    expected = whole.model.state_dict()
    for key, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[key]), key


def interrupt_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the process, as it were, before the step after this one."""
    alternate = Translation.training_step

    def killed(self: Translation, batch: Any, batch_idx: int) -> None:
        if self.global_step == step:
            raise RuntimeError("killed")
        alternate(self, batch, batch_idx)

    monkeypatch.setattr(Translation, "training_step", killed)


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "DigitsDataModule"], "whose images are of one domain; Pix2Pix expects two"),
        (["--data.paired", "false"], "data is SyntheticFacadesDataModule without pairs"),
        (["--data.size", "100"], "model.generator.size is 100; expected one of [64, 128, 256, 512]"),
        *(
            (["--model.size", size], f"model.size is {size} but the data has 64; expected the same, or no value")
            for size in ("128", "256")  # the second is the default
        ),
        (["--model.generator.norm", "torch.nn.Identity"], "norm is torch.nn.Identity; expected a subclass of Norm"),
        (["--model.discriminator.norm", "InstancNorm"], "no known class; did you mean InstanceNorm"),
        (["--model.objective", "Hing"], "model.objective is Hing, which is no known class; did you mean Hinge?"),
        (["--model.lambda_l1", "-1"], "model.lambda_l1 is -1.0; expected at least 0"),
        (["--data", "PairedImageDataModule", "--data.root", "nowhere"], "data.root is nowhere, which is not there"),
        (["--data", "PairedImageDataModule", "--data.dataset", "facadez"], "did you mean facades?"),
    ],
)
def test_bad_input_to_translation_is_one_line_too(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--data.train_size", "4"] if "--data" not in arguments else []
    monkeypatch.setattr(
        sys, "argv", ["lightning-gans", "fit", "--config", "pix2pix/synthetic", *QUIET, *small, *arguments]
    )
    with pytest.raises(SystemExit):
        run()
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("lightning-gans: error: ")
    assert message in line


# The authors' archives.


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("config", "name", "module", "archives"),
    [
        ("pix2pix/facades", "facades", "PairedImageDataModule", PAIRED),
        ("cyclegan/horse2zebra", "horse2zebra", "UnpairedImageDataModule", UNPAIRED),
    ],
)
@pytest.mark.slow
def test_a_data_set_named_by_the_user_is_fetched_and_trained_on(
    config: str, name: str, module: str, archives: dict[str, Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = small_archives(tmp_path / "made") / config.partition("/")[0]
    kind = Path(archives[name].url).name.removeprefix(f"{name}.")
    shutil.make_archive(str(tmp_path / "served" / name), {"tar.gz": "gztar", "zip": "zip"}[kind], made, name)
    handler = partial(QuietHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        digest = hashlib.sha256((tmp_path / "served" / f"{name}.{kind}").read_bytes()).hexdigest()
        url = f"http://127.0.0.1:{server.server_port}/{name}.{kind}"
        monkeypatch.setitem(archives, name, Archive(url, sha256=digest))
        arguments = ["fit", "--config", config, *TINY, *QUIET, *FEW_SCORES]
        cli = build([*arguments, "--trainer.fast_dev_run", "true", "--data.eval_batch_size", "2"])
        server.shutdown()
    assert cli.trainer.global_step == 1
    assert type(cli.datamodule).__name__ == module
    # Where the user finds it, and nothing else is left there.
    root = Path("data") / config.partition("/")[0]
    assert [path.name for path in root.iterdir() if not path.name.startswith(".")] == [name]
    assert len(list((root / name).rglob("*.jpg"))) == len(list((made / name).rglob("*.jpg")))
