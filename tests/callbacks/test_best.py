"""The score of the best checkpoint, chosen or refused before training, and sets that are too small for scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from lightning_gans.callbacks import BestCheckpoint, Evaluation, LastCheckpoint
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.datamodules.two_domains import TwoDomains
from lightning_gans.families import Adversarial
from lightning_gans.metrics import PixelFeatures
from lightning_gans.runs.folder import RunFolder
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import SIZE, tiny_cyclegan, tiny_facades, tiny_pix2pix

PIXELS = PixelFeatures(3 * SIZE * SIZE)


def evaluation(**kwargs: Any) -> Evaluation:
    return Evaluation(**{"kid": False, "neighbors": 0, **kwargs})


def unpaired() -> SyntheticFacadesDataModule:
    """Two folders of a user's own: nothing is known of what an image should become."""

    class Own(SyntheticFacadesDataModule):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            self.splits = {name: TwoDomains(data.a, data.b, aligned=False) for name, data in self.splits.items()}

    return Own(SIZE, False, train_size=4, val_size=4, test_size=4, eval_batch_size=2)


def set_up(callbacks: list[Callback], model: Adversarial, data: Any, folder: Path, **settings: Any) -> Any:
    """A trainer after the hooks ``setup`` of a fit, without a step of it."""
    trainer: Any = tiny_trainer(folder, callbacks=callbacks, max_epochs=0, **settings)
    trainer.fit(model, data)
    return trainer


@pytest.mark.parametrize(
    ("model", "data", "extractor", "expected", "mode"),
    [
        (tiny_pix2pix, tiny_facades, None, "val/miou", "max"),
        (lambda: tiny_pix2pix(direction="b_to_a"), tiny_facades, None, "val/ssim", "max"),
        (tiny_pix2pix, tiny_facades, PIXELS, "val/fid", "min"),
        (tiny_cyclegan, lambda: tiny_facades(paired=False), None, "val/b/miou", "max"),
        (tiny_cyclegan, unpaired, PIXELS, "val/b/fid", "min"),
    ],
)
def test_the_score_is_chosen_from_those_to_come(
    model: Callable[[], Adversarial],
    data: Callable[[], Any],
    extractor: PixelFeatures | None,
    expected: str,
    mode: str,
    tmp_path: Path,
) -> None:
    best = BestCheckpoint()
    set_up([evaluation(extractor=extractor), best], model(), data(), tmp_path)
    assert (best.monitor, best.mode) == (expected, mode)
    assert best.kth_value == float("inf" if mode == "min" else "-inf")


def test_the_checkpoint_with_the_highest_score_is_kept(tmp_path: Path) -> None:
    best = BestCheckpoint(tmp_path / "checkpoints")
    trainer = tiny_trainer(tmp_path, max_epochs=3, callbacks=[evaluation(extractor=None), best])
    trainer.fit(tiny_pix2pix(direction="b_to_a"), tiny_facades())
    values = [row.scores["val/ssim"] for row in RunFolder(tmp_path).read_scores()]
    assert best.best_model_score is not None
    assert best.best_model_score.item() == pytest.approx(max(values), rel=1e-6)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.ckpt"]


@pytest.mark.parametrize("measured", ["val/a/cycle_l1, val/b/cycle_l1", "no scores"])
def test_without_a_score_that_says_it_there_is_no_best_checkpoint(measured: str, tmp_path: Path) -> None:
    best = BestCheckpoint(tmp_path / "checkpoints")
    model, data = (tiny_dcgan(), TinyData()) if measured == "no scores" else (tiny_cyclegan(), unpaired())
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[evaluation(extractor=None), best])
    with pytest.warns(UserWarning, match=rf"Validation will measure {measured}\. None of these .* only last\.ckpt"):
        trainer.fit(model, data)
    assert not (tmp_path / "checkpoints").exists()
    rows = RunFolder(tmp_path).read_scores()
    assert {name for row in rows for name in row.scores} == set(measured.split(", ") if rows else [])
    assert bool(rows) == (measured != "no scores")


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_resumed_run_keeps_the_best_of_the_same_score_only(tmp_path: Path) -> None:
    def fit(epochs: int, extractor: PixelFeatures | None, resumes: bool) -> BestCheckpoint:
        best = BestCheckpoint(tmp_path / "checkpoints")
        callbacks = [evaluation(extractor=extractor), best, LastCheckpoint()]
        path = tmp_path / "checkpoints" / "last.ckpt" if resumes else None
        trainer = tiny_trainer(tmp_path, max_epochs=epochs, callbacks=callbacks)
        trainer.fit(tiny_pix2pix(), tiny_facades(), ckpt_path=path)
        return best

    first, same, other = fit(1, None, False), fit(1, None, True), fit(1, PIXELS, True)
    assert (first.monitor, first.best_model_path) == (same.monitor, same.best_model_path)
    assert same.best_model_score == first.best_model_score is not None
    assert (other.monitor, other.best_model_path) == ("val/fid", "")


NAMES = "val/fid, val/relative_fid, val/variance_ratio, val/class_kl, val/modes"


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        ("val/nothing", rf"monitor is val/nothing, which validation will not measure; expected one of {NAMES}$"),
        ("val/fdi", r"did you mean val/fid\?"),
        ("fid", r"did you mean val/fid\?"),
        ("val_fid", r"did you mean val/fid\?"),
        ("val/ssim", r"monitor is val/ssim, which validation will not measure; expected one of val/fid"),
        ("val/precision", "monitor is val/precision, which validation will not measure"),
    ],
)
def test_a_score_that_nobody_measures_is_refused(monitor: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        set_up([evaluation(), BestCheckpoint(monitor=monitor)], tiny_dcgan(), TinyData(), tmp_path)


def test_other_scores_and_losses_can_be_monitored(tmp_path: Path) -> None:
    for monitor, mode in (("val/kid", "min"), ("val/recall", "max"), ("loss/g", "min"), ("best/fid", "min")):
        best = BestCheckpoint(monitor=monitor)
        set_up([Evaluation(), best], tiny_dcgan(), TinyData(), tmp_path)
        assert (best.monitor, best.mode) == (monitor, mode)


@pytest.mark.parametrize(
    ("monitor", "mode", "message"),
    [
        ("val/ssim", "min", "mode is min, but of val/ssim max is better; expected max, or no value"),
        ("val/variance_ratio", None, "mode is None, but neither less nor more of val/variance_ratio is better"),
    ],
)
def test_a_direction_that_makes_no_sense_is_refused(
    monitor: str, mode: Literal["min", "max"] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        BestCheckpoint(monitor=monitor, mode=mode)


@pytest.mark.parametrize("kind", [EarlyStopping, ModelCheckpoint])
def test_what_lightnings_callbacks_monitor_is_checked_too(kind: type[Callback], tmp_path: Path) -> None:
    given: Any = kind
    with pytest.raises(InputError, match=rf"{kind.__name__} monitors val/fidd, which .* \(did you mean val/fid\?\)"):
        set_up([evaluation(), given(monitor="val/fidd")], tiny_dcgan(), TinyData(), tmp_path)
    set_up([evaluation(), given(monitor="val/fid")], tiny_dcgan(), TinyData(), tmp_path)


class Own(Callback):
    """Logs a score of its own."""

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pl_module.log("val/own", 3.0)


def test_a_callback_of_ones_own_may_log_any_score(tmp_path: Path) -> None:
    best = BestCheckpoint(tmp_path / "checkpoints", monitor="val/own")
    trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Own(), evaluation(), best])
    trainer.fit(tiny_dcgan(), TinyData())
    assert best.best_model_score == 3


# Sets that are too small.


class Few(TinyData):
    def __init__(self, validation: int, eval_batch_size: int = 4) -> None:
        super().__init__()
        self.val_size, self.eval_batch_size = validation, eval_batch_size


def test_one_image_is_refused_by_the_name_of_what_leaves_one(tmp_path: Path) -> None:
    for data, settings, remedy in (
        (Few(1), {}, r"more images, or a larger data\.val_size"),
        (Few(6, eval_batch_size=1), {"limit_val_batches": 1}, r"a larger trainer\.limit_val_batches"),
    ):
        with pytest.raises(InputError, match=rf"val has 1 image\(s\).*at least 2: {remedy}"):
            set_up([evaluation()], tiny_dcgan(), data, tmp_path, **settings)
    trainer = tiny_trainer(tmp_path, callbacks=[evaluation()], limit_test_batches=0.0)
    trainer.test(tiny_dcgan(), Few(1), verbose=False)  # nothing is scored
    with pytest.raises(InputError, match=r"val has 1 image\(s\)"):
        trainer.validate(tiny_dcgan(), Few(1), verbose=False)


def test_one_true_image_is_enough_to_compare_with(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[evaluation(extractor=None)])
    (scores,) = trainer.validate(tiny_pix2pix(), tiny_facades(val_size=2, eval_batch_size=1), verbose=False)
    trainer = tiny_trainer(tmp_path, callbacks=[evaluation(extractor=None)], limit_val_batches=1)
    (one,) = trainer.validate(tiny_pix2pix(), tiny_facades(val_size=2, eval_batch_size=1), verbose=False)
    assert set(one) == set(scores) >= {"val/ssim", "val/miou"}


def test_scores_for_which_images_are_too_few_are_left_out_with_a_warning(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[Evaluation()])
    said = "val has 2 images, too few for kid, which needs 3 and precision, recall, density and coverage, which need 6"
    with pytest.warns(UserWarning, match=said):
        (scores,) = trainer.validate(tiny_dcgan(), Few(2), verbose=False)
    assert not {"val/kid", "val/precision"} & set(scores)
    assert all(value == value for value in scores.values())
    assert RunFolder(tmp_path).read_scores()[-1].stamp.neighbors == 0


def test_a_sanity_check_of_one_image_does_not_end_the_run(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, callbacks=[evaluation()], max_epochs=1, num_sanity_val_steps=1)
    trainer.fit(tiny_dcgan(), Few(6, eval_batch_size=1))
    assert trainer.callback_metrics["val/fid"].isfinite()
