from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from PIL import Image
from torch import Tensor, nn

from lightning_gans.callbacks import EMA, Evaluation, LastCheckpoint, PredictionWriter, SampleGrid
from lightning_gans.core.errors import InputError
from lightning_gans.core.evaluation_output import EvaluationImages
from lightning_gans.metrics import DigitFeatures
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

# EMA


def test_ema_is_the_weighted_mean_of_the_generators_it_has_seen(tmp_path: Path) -> None:
    seen: list[dict[str, Tensor]] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append({k: v.clone() for k, v in pl_module.generator.state_dict().items()})

    model = tiny_dcgan()
    expected = {k: v.clone() for k, v in model.generator.state_dict().items()}
    tiny_trainer(tmp_path, max_steps=9, limit_val_batches=0, callbacks=[EMA(0.3), Watch()]).fit(model, TinyData())
    for step, state in enumerate(seen, start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        for key, value in state.items():
            if value.is_floating_point():
                expected[key] = decay * expected[key] + (1 - decay) * value
            else:
                expected[key] = value
    average = model.ema["generator"].state_dict()
    assert any("running_mean" in key for key in average)
    for key, value in expected.items():
        torch.testing.assert_close(average[key], value, rtol=1e-5, atol=1e-7)
    assert not any(p.requires_grad for p in model.ema.parameters())


def test_evaluation_and_sampling_use_the_average(tmp_path: Path) -> None:
    model = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0, callbacks=[EMA(0.9)]).fit(model, TinyData())
    latent = torch.randn(4, 3)
    model.eval()
    assert torch.equal(model(latent), model.ema["generator"](latent))
    assert not torch.equal(model(latent), model.generator(latent))
    assert model.weights_kind == "ema"


def test_zero_decay_keeps_no_average(tmp_path: Path) -> None:
    model = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[EMA(0.0)]).fit(model, TinyData())
    assert len(model.ema) == 0
    assert model.weights_kind == "raw"


def test_a_checkpoints_average_is_there_without_the_callback(tmp_path: Path) -> None:
    model = tiny_dcgan()
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0, callbacks=[EMA(0.9), LastCheckpoint()]).fit(
        model, TinyData()
    )
    loaded = DCGAN.load_from_checkpoint(
        tmp_path / "checkpoints" / "last.ckpt",
        generator=tiny_dcgan().generator,
        discriminator=tiny_dcgan().discriminator,
    )
    state = loaded.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


# Evaluation


class Counting(DigitFeatures):
    """Counts the images that it sees."""

    images = 0

    def forward(self, images: Tensor) -> Tensor:
        self.images += len(images)
        return super().forward(images)


def scored(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


def test_scores_are_logged_and_written_with_their_stamp(tmp_path: Path) -> None:
    evaluation = Evaluation()
    trainer = tiny_trainer(tmp_path, max_epochs=2, callbacks=[evaluation, EMA(0.9)])
    trainer.fit(tiny_dcgan(), TinyData())
    lines = scored(tmp_path)
    assert [line["step"] for line in lines] == [5, 10]
    assert lines[-1]["scores"]["val/fid"] == pytest.approx(trainer.callback_metrics["val/fid"].item(), rel=1e-6)
    assert lines[-1]["stamp"] == {
        "extractor": DigitFeatures().description,
        "real": 6,
        "fake": 6,
        "split": "val",
        "weights": "ema",
        "batch_norm": "running",
        "dropout": "off",
        "pixels": "uint8-rounded",
        "neighbours": 5,
        "seed": 0,
    }
    assert "val/fid" in evaluation.last_lines
    assert "ema weights" in evaluation.last_lines


def test_the_stamp_is_among_what_loggers_keep(tmp_path: Path) -> None:
    logger = ResumableCSVLogger(tmp_path, name="run")
    evaluation = Evaluation()
    tiny_trainer(tmp_path, max_epochs=1, logger=logger, callbacks=[evaluation]).fit(tiny_dcgan(), TinyData())
    kept = yaml.safe_load((tmp_path / "run" / "version_0" / "hparams.yaml").read_text())
    assert kept["stamp/val"] in evaluation.last_lines
    assert kept["channels_last"] is False


def test_real_images_are_looked_at_once_and_never_again_by_later_runs(tmp_path: Path) -> None:
    counts, scores = [], []
    for _ in range(2):
        evaluation = Evaluation(extractor=Counting(), cache=tmp_path / "cache")
        trainer = tiny_trainer(tmp_path, max_epochs=3, callbacks=[evaluation])
        trainer.fit(tiny_dcgan(), TinyData())
        assert isinstance(evaluation.extractor, Counting)
        counts.append(evaluation.extractor.images)
        scores.append(trainer.callback_metrics["val/fid"].item())
    assert counts == [6 + 3 * 6, 3 * 6]
    assert scores[0] == scores[1]


def test_cached_statistics_are_not_taken_for_other_images(tmp_path: Path) -> None:
    class Other(TinyData):
        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return 255 - images, labels

    counts = []
    for data in (TinyData(), Other(), TinyData(length=50)):
        evaluation = Evaluation(extractor=Counting(), cache=tmp_path / "cache")
        tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation]).fit(tiny_dcgan(), data)
        assert isinstance(evaluation.extractor, Counting)
        counts.append(evaluation.extractor.images)
    assert counts == [12, 12, 12]


def test_generated_images_of_a_score_are_the_same_every_time(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[Evaluation()])
    model = tiny_dcgan()
    first, second = (trainer.validate(model, TinyData(), verbose=False)[0] for _ in range(2))
    assert first == second


def test_no_extractor_enters_a_checkpoint_and_the_last_scores_do(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Evaluation(), LastCheckpoint()])
    trainer.fit(tiny_dcgan(), TinyData())
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert {key.partition(".")[0] for key in checkpoint["state_dict"]} == {"generator", "discriminator"}
    state = checkpoint["callbacks"]["Evaluation"]
    measured = {
        "kid",
        "kid_ci95",
        "relative_fid",
        "fid",
        "variance_ratio",
        "precision",
        "recall",
        "density",
        "coverage",
    }
    assert state["last"][0]["scores"].keys() == {f"val/{name}" for name in measured | {"class_kl", "modes"}}
    assert state["last"][0]["stamp"]["real"] == 6


def test_best_and_last_checkpoints_are_both_kept(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "checkpoints", filename="best", monitor="val/fid")
    trainer = tiny_trainer(tmp_path, max_epochs=4, callbacks=[Evaluation(), best, LastCheckpoint()])
    trainer.fit(tiny_dcgan(), TinyData())
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    fids = {line["step"]: line["scores"]["val/fid"] for line in scored(tmp_path)}
    stored = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["global_step"]
    assert stored == min(fids, key=lambda step: fids[step])


def test_two_domains_are_scored_and_drawn_apart(tmp_path: Path) -> None:
    class Two(Callback):
        """Shows the callbacks a second domain, as a translation family does."""

        def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
            outputs["b"] = EvaluationImages(*(-image for image in outputs["images"][:2]))

    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Two(), Evaluation(), SampleGrid(count=4)])
    trainer.fit(tiny_dcgan(), TinyData())
    assert {"val/images/fid", "val/b/fid"} <= set(trainer.callback_metrics)
    names = {path.name for path in (tmp_path / "samples").iterdir()}
    assert {"epoch-001-step-0000005-images.png", "epoch-001-step-0000005-b.png", "timeline-b.gif"} <= names


# Pictures


def test_grids_show_the_same_noise_every_time(tmp_path: Path) -> None:
    class Frozen(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            for optimizer in trainer.optimizers:
                optimizer.param_groups[0]["lr"] = 0.0

    model = tiny_dcgan()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    trainer = tiny_trainer(tmp_path, max_epochs=3, callbacks=[SampleGrid(count=6, columns=3), Frozen()])
    trainer.fit(model, TinyData())
    grids = sorted((tmp_path / "samples").glob("*.png"))
    assert [path.name[:9] for path in grids] == ["epoch-001", "epoch-002", "epoch-003"]
    with Image.open(grids[0]) as picture:
        assert picture.size == (3 * 30 + 2, 2 * 30 + 2)
    assert grids[0].read_bytes() == grids[1].read_bytes() == grids[2].read_bytes()
    assert (tmp_path / "samples" / "timeline.gif").is_file()


def test_the_timeline_has_a_frame_for_each_grid(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_epochs=3, callbacks=[SampleGrid(count=6)])
    model = tiny_dcgan(optimizer_g=lambda p: torch.optim.SGD(p, lr=5.0))
    trainer.fit(model, TinyData())
    with Image.open(tmp_path / "samples" / "timeline.gif") as timeline:
        assert timeline.n_frames == 3  # type: ignore[attr-defined]


def test_no_grids_for_count_zero_and_nothing_in_a_fast_dev_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_trainer(tmp_path, max_epochs=1, callbacks=[SampleGrid(count=0)]).fit(tiny_dcgan(), TinyData())
    assert not (tmp_path / "samples").exists()
    callbacks: list[Callback] = [SampleGrid(), Evaluation(), LastCheckpoint(every_n_steps=1)]
    tiny_trainer(tmp_path, fast_dev_run=2, callbacks=callbacks).fit(tiny_dcgan(), TinyData())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kwargs", [{"count": -1}, {"columns": 0}, {"frame_ms": 1}])
def test_bad_numbers_of_the_grid_are_named(kwargs: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(kwargs))} is"):
        SampleGrid(**kwargs)


def test_predictions_are_written_once_per_test_image_and_never_over_others(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[PredictionWriter()])
    model = tiny_dcgan()
    trainer.predict(model, TinyData(length=10), return_predictions=False)
    paths = sorted((tmp_path / "predictions").glob("*.png"))
    assert [path.name for path in paths] == [f"{index:06d}.png" for index in range(10)]
    with Image.open(paths[0]) as picture:
        assert (picture.size, picture.mode) == ((28, 28), "L")
    with pytest.raises(InputError, match="already contains PNG files"):
        trainer.predict(model, TinyData(length=10), return_predictions=False)


# Loggers


def test_wandb_offline_holds_images_and_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(name="tiny", project="tests", save_dir=tmp_path, offline=True)
    trainer = tiny_trainer(tmp_path, max_epochs=1, logger=logger, callbacks=[Evaluation(), SampleGrid(count=4)])
    trainer.fit(tiny_dcgan(), TinyData())
    logger.experiment.finish()
    (run,) = (tmp_path / "wandb").glob("offline-run-*")
    assert list((run / "files" / "media" / "images").glob("samples*.png"))
    (record,) = run.glob("*.wandb")
    # W&B's own process writes the record, and may do so after finish() has returned.
    deadline = time.monotonic() + 240
    while b"val/fid" not in record.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.2)
    content = record.read_bytes()
    assert b"val/fid" in content
    assert b"loss/d" in content


def test_tensorboard_holds_images_and_scores(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name="tiny")
    trainer = tiny_trainer(tmp_path, max_epochs=1, logger=logger, callbacks=[Evaluation(), SampleGrid(count=4)])
    trainer.fit(tiny_dcgan(), TinyData())
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    assert "samples" in events.Tags()["images"]
    assert {"val/fid", "loss/d", "loss/g"} <= set(events.Tags()["scalars"])


def test_a_resumed_csv_log_goes_on_and_holds_each_step_once(tmp_path: Path) -> None:
    first = ResumableCSVLogger(tmp_path, name="run", version=0)
    for step in range(6):
        first.log_metrics({"loss": float(step)}, step)
    first.finalize("killed")
    second = ResumableCSVLogger(tmp_path, name="run", version=0)
    second.resume_at(4)
    for step in range(4, 8):
        second.log_metrics({"loss": 10.0 + step, "fid": 1.0}, step)
    second.finalize("success")
    rows = (tmp_path / "run" / "version_0" / "metrics.csv").read_text().splitlines()
    assert rows[0] == "fid,loss,step"
    assert [row.split(",")[1:] for row in rows[1:]] == [
        [str(float(step) if step < 4 else 10.0 + step), str(step)] for step in range(8)
    ]


# Checkpoints


def checkpoint(value: int) -> dict[str, Any]:
    return {"state_dict": {"a": torch.full((1000,), float(value))}, "global_step": 1, "epoch": 0, "loops": {}}


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io, path = AtomicCheckpointIO(), tmp_path / "last.ckpt"
    io.save_checkpoint(checkpoint(1), path)

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        io.save_checkpoint(checkpoint(0), path)
    assert io.load_checkpoint(path)["state_dict"]["a"][0] == 1


class Malicious:
    """Pickles into a call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this code must not run",)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "code", "foreign", "bit"])
def test_a_bad_checkpoint_is_named_and_no_code_in_it_runs(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(checkpoint(1), path)
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "code":
        torch.save({"a": Malicious()}, path)
    elif kind == "foreign":
        torch.save({"model": torch.ones(3)}, path)
    elif kind == "bit":  # one that torch does not notice
        place = content.index(torch.ones(2).numpy().tobytes())
        path.write_bytes(content[:place] + b"\1" + content[place + 1 :])
        assert torch.load(path, weights_only=True)["state_dict"]["a"][0] != 1
    else:
        path.write_bytes({"empty": b"", "text": b"hello\n", "truncated": content[: len(content) // 2]}[kind])
    with pytest.raises(InputError, match=rf"ckpt_path is {path}"):
        AtomicCheckpointIO().load_checkpoint(path)
    assert "must not run" not in capsys.readouterr().out


def test_last_checkpoint_refuses_a_negative_interval() -> None:
    with pytest.raises(ValueError, match=r"^every_n_steps is -1"):
        LastCheckpoint(every_n_steps=-1)
