from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback
from safetensors.torch import load_file, save_file
from torch import Tensor

from lightning_gans.callbacks import EMA, Evaluation, LastCheckpoint, SampleGrid, real_statistics
from lightning_gans.callbacks import evaluation as evaluation_module
from lightning_gans.core.batches import EvaluationImages
from lightning_gans.core.errors import InputError
from lightning_gans.core.precision import metrics_device
from lightning_gans.metrics import DigitFeatures
from lightning_gans.metrics.metric_set import MetricSet
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.metrics_log import read_metrics_log
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix


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
    assert [(line["step"], line["images_seen"]) for line in lines] == [(5, 40), (10, 80)]
    assert 0 < lines[0]["train_seconds"] < lines[1]["train_seconds"]
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
        "device": "cpu",
        "precision": "32-true",
        "neighbors": 5,
        "seed": 0,
    }
    assert [row.as_dict() for row in evaluation.last_rows] == lines[-1:]


def test_the_stamp_is_among_what_loggers_keep(tmp_path: Path) -> None:
    logger = ResumableCSVLogger(tmp_path, name="run")
    evaluation = Evaluation()
    tiny_trainer(tmp_path, max_epochs=1, logger=logger, callbacks=[evaluation]).fit(tiny_dcgan(), TinyData())
    kept = yaml.safe_load((tmp_path / "run" / "version_0" / "hparams.yaml").read_text())
    assert kept["stamp/val"] == str(evaluation.last_rows[0].stamp)
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


def test_statistics_and_scores_name_how_float32_is_rounded(tmp_path: Path) -> None:
    counts, precisions = [], []
    matrix_products: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # torch has not annotated it
    before = matrix_products.fp32_precision
    try:
        for rounded in ("ieee", "bf16"):
            matrix_products.fp32_precision = rounded
            evaluation = Evaluation(extractor=Counting(), cache=tmp_path / "cache")
            tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation]).fit(tiny_dcgan(), TinyData())
            assert isinstance(evaluation.extractor, Counting)
            counts.append(evaluation.extractor.images)
            precisions.append(scored(tmp_path)[-1]["stamp"]["precision"])
    finally:
        matrix_products.fp32_precision = before
    assert counts == [12, 12]
    assert precisions == ["32-true", "32-true,bf16-matrix-products"]


def test_statistics_and_scores_name_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for name in ("NVIDIA H200", "AMD 7900 XT/XTX"):
        for module in (evaluation_module, real_statistics):
            monkeypatch.setattr(module, "device_name", lambda device, name=name: name)
        evaluation = Evaluation(extractor=Counting(), cache=tmp_path / "cache")
        tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation]).fit(tiny_dcgan(), TinyData())
        assert isinstance(evaluation.extractor, Counting)
        counts.append(evaluation.extractor.images)
        assert scored(tmp_path)[-1]["stamp"]["device"] == name
    assert counts == [12, 12]


@pytest.mark.parametrize("sanity", [1, 2])
def test_the_sanity_check_stores_no_statistics_and_later_scores_are_of_all_real_images(
    tmp_path: Path, sanity: int
) -> None:
    def fit(folder: Path, cache: Path, sanity: int) -> float:
        evaluation = Evaluation(neighbors=0, cache=cache)
        trainer = tiny_trainer(folder, max_epochs=1, num_sanity_val_steps=sanity, callbacks=[evaluation])
        trainer.fit(tiny_dcgan(), TinyData())
        assert [line["stamp"]["real"] for line in scored(folder)] == [6]
        return trainer.callback_metrics["val/fid"].item()

    expected = fit(tmp_path / "without", tmp_path / "fresh", 0)
    assert fit(tmp_path / "with", tmp_path / "cache", sanity) == expected
    assert fit(tmp_path / "later", tmp_path / "cache", 0) == expected


def test_statistics_of_fewer_images_than_the_key_says_are_computed_again(tmp_path: Path) -> None:
    def validate() -> float:
        trainer = tiny_trainer(tmp_path, callbacks=[Evaluation(kid=False, neighbors=0, cache=tmp_path / "cache")])
        return trainer.validate(tiny_dcgan(), TinyData(), verbose=False)[0]["val/fid"]

    expected = validate()
    (file,) = (tmp_path / "cache").iterdir()
    state = load_file(file)
    state["real_features_num_samples"] -= 1
    save_file(state, file)
    assert validate() == expected
    assert load_file(file)["real_features_num_samples"] == 6


def test_limited_validations_have_statistics_of_their_own(tmp_path: Path) -> None:
    real = []
    for limit in (1, 2, 1):
        callbacks = [Evaluation(neighbors=0, cache=tmp_path / "cache")]
        trainer = tiny_trainer(tmp_path, limit_val_batches=limit, callbacks=callbacks)
        trainer.validate(tiny_dcgan(), TinyData(), verbose=False)
        real.append(scored(tmp_path)[-1]["stamp"]["real"])
    assert real == [4, 6, 4]


def test_statistics_are_not_taken_for_the_same_images_with_other_labels(tmp_path: Path) -> None:
    class Relabelled(TinyData):
        def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().load(train=train)
            return images, labels.flip(0)

    counts = []
    for data in (TinyData(), Relabelled()):
        evaluation = Evaluation(extractor=Counting(), cache=tmp_path / "cache")
        tiny_trainer(tmp_path, callbacks=[evaluation]).validate(tiny_dcgan(), data, verbose=False)
        assert isinstance(evaluation.extractor, Counting)
        counts.append(evaluation.extractor.images)
    assert counts == [12, 12]


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


def test_one_domain_is_scored_under_the_names_of_a_model_of_one_direction(tmp_path: Path) -> None:
    evaluation = Evaluation(None, domain="b")
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation])
    trainer.fit(tiny_cyclegan(), tiny_facades())
    names = {name for name in trainer.callback_metrics if name.startswith("val/")}
    assert {"val/miou", "val/ssim", "val/cycle_l1"} <= names
    assert not any(name.startswith(("val/a/", "val/b/")) for name in names)
    assert "best/miou" in trainer.callback_metrics
    (row,) = evaluation.last_rows
    assert row.domain == ""


@pytest.mark.parametrize(("domain", "expected"), [("a", "null or b"), ("b", "null or a")])
def test_a_domain_of_which_there_are_no_images_is_refused_before_training(
    domain: Literal["a", "b"], expected: str, tmp_path: Path
) -> None:
    model = tiny_pix2pix(direction="a_to_b" if domain == "a" else "b_to_a")
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Evaluation(None, domain=domain)])
    with pytest.raises(InputError, match=f"evaluation.domain is {domain}, of which .* expected {expected}$"):
        trainer.fit(model, tiny_facades())
    assert trainer.global_step == 0
    with pytest.raises(InputError, match=r"expected null$"):
        tiny_trainer(tmp_path, callbacks=[Evaluation(None, domain=domain)]).validate(tiny_dcgan(), TinyData())


def best_logged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, computed: list[dict[str, float]], ckpt_path: Path | None = None
) -> list[dict[str, str]]:
    """What is logged as the best in a run of one validation for each of the computed scores."""
    left = iter(computed)
    monkeypatch.setattr(MetricSet, "compute", lambda _: next(left))
    logger = ResumableCSVLogger(folder, name="run", version=0, flush_logs_every_n_steps=1)
    settings: dict[str, Any] = {
        "logger": logger,
        "limit_train_batches": 1,
        "log_every_n_steps": 100,
        "max_epochs": len(computed),
    }
    if ckpt_path is not None:
        settings["max_epochs"] += torch.load(ckpt_path, weights_only=False)["epoch"] + 1
    trainer = tiny_trainer(folder, callbacks=[Evaluation(None), LastCheckpoint()], **settings)
    trainer.fit(tiny_dcgan(), TinyData(), ckpt_path=ckpt_path, weights_only=False)
    log = read_metrics_log(Path(logger.log_dir, "metrics.csv"))
    return [{name: row[name] for name in log.columns if name.startswith("best/")} for row in log.rows]


def test_beside_each_score_the_best_so_far_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("fid", "coverage", "class_fid_3", "variance_ratio", "of_ones_own")
    rows = best_logged(tmp_path, monkeypatch, [dict.fromkeys(names, value) for value in (3.0, 2.0, math.nan, 4.0, 1.0)])
    assert [row.pop("best/fid") for row in rows] == ["3.0", "2.0", "2.0", "2.0", "1.0"]
    assert [row.pop("best/coverage") for row in rows] == ["3.0", "3.0", "3.0", "4.0", "4.0"]
    assert rows == [{}] * 5
    checkpoint = tmp_path / "run" / "version_0" / "checkpoints" / "last.ckpt"
    (*_, row) = best_logged(tmp_path, monkeypatch, [{"fid": 7.0}], checkpoint)
    assert row["best/fid"] == "1.0"


def test_metrics_are_on_the_cpu_where_the_device_has_no_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation of a model on MPS, for which torch's meta device stands in: it has no values to compute with."""
    assert metrics_device(torch.device("mps")) == torch.device("cpu")
    assert metrics_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
    monkeypatch.setattr(evaluation_module, "metrics_device", lambda _: torch.device("cpu"))
    evaluation = Evaluation(DigitFeatures())
    model = tiny_dcgan().to("meta")
    evaluation._set_extractor(None)
    evaluation._start(SimpleNamespace(), model, "val")  # type: ignore[arg-type]
    assert evaluation.extractor is not None
    assert {p.device.type for p in evaluation.extractor.parameters()} == {"cpu"}


def test_the_data_choose_the_extractor_once(tmp_path: Path) -> None:
    evaluation, data = Evaluation(cache=tmp_path / "cache"), TinyData()
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation])
    model = tiny_dcgan()
    trainer.fit(model, data)
    chosen = evaluation.extractor
    assert isinstance(chosen, DigitFeatures)
    trainer.test(model, data)
    assert evaluation.extractor is chosen


def test_features_that_mean_nothing_for_the_data_are_refused_before_training(tmp_path: Path) -> None:
    data = TinyData()
    data.contents = "pictures"
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Evaluation(DigitFeatures())])
    with pytest.raises(InputError, match="extractor is DigitFeatures, whose features mean something for"):
        trainer.fit(tiny_dcgan(), data)
    assert trainer.global_step == 0
