"""Grids, timelines and predictions, in files and in loggers."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image
from torch import nn

from lightning_gans.callbacks import Evaluation, LastCheckpoint, PredictionWriter, SampleGrid
from lightning_gans.callbacks.samples import draw_examples, write_timelines
from lightning_gans.core.drawing import GAP
from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.runs.folder import RunFolder
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_facades, tiny_pix2pix


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
    names = ["epoch-000-step-0000000", "epoch-001-step-0000005", "epoch-002-step-0000010", "epoch-003-step-0000015"]
    assert [path.stem for path in grids] == [*names, "real"]
    for path in grids:
        with Image.open(path) as picture:
            # The smallest scale with which three images of 28 pixels are 512 wide.
            assert picture.size == (3 * (6 * 28 + 2) + 2, 2 * (6 * 28 + 2) + 2)
    assert len({path.read_bytes() for path in grids[:-1]}) == 1
    assert (tmp_path / "samples" / "timeline.gif").is_file()


def test_the_timeline_has_a_frame_for_each_grid(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_epochs=3, callbacks=[SampleGrid(count=6)])
    model = tiny_dcgan(optimizer_g=lambda p: torch.optim.SGD(p, lr=5.0))
    trainer.fit(model, TinyData())
    with Image.open(tmp_path / "samples" / "timeline.gif") as timeline:
        assert timeline.n_frames == 4  # type: ignore[attr-defined]
        assert timeline.size == (6 * (3 * 28 + 2) + 2, 3 * 28 + 4)


def test_grids_of_other_settings_fit_the_timeline(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.samples.mkdir()
    for step, size in enumerate(((62, 32), (62, 32), (176, 118))):
        Image.new("RGB", size, (90 * step, 0, 0)).save(folder.grid("val", 1, step))
    write_timelines(folder, 100)
    with Image.open(folder.timeline()) as timeline:
        assert (timeline.size, timeline.n_frames) == ((176, 118), 3)  # type: ignore[attr-defined]


def examples(count: int, *titles: str) -> list[dict[str, torch.Tensor]]:
    return [{title: torch.zeros(count, 1, 28, 28, dtype=torch.uint8) for title in titles}]


def test_a_grid_of_few_images_has_no_empty_places() -> None:
    assert draw_examples(examples(10, "translation"), None, 1).size == (5 * 30 + 2, 2 * 30 + 2)
    assert draw_examples(examples(10, "translation"), 8, 1).size == (8 * 30 + 2, 2 * 30 + 2)
    # Six examples of three images: two in a row, with a gap between them.
    drawn = draw_examples(examples(6, "source", "translation", "truth"), None, 3)
    assert drawn.width == 6 * 86 + 2 + GAP
    assert 12 < drawn.height - (3 * 86 + 2) < 40


def test_the_grid_of_real_images_shows_those_of_validation(tmp_path: Path) -> None:
    data = TinyData()
    tiny_trainer(tmp_path, max_steps=1, callbacks=[SampleGrid(count=6, columns=6, scale=1)]).fit(tiny_dcgan(), data)
    with Image.open(tmp_path / "samples" / "real.png") as picture:
        pixels = torch.tensor(list(picture.convert("L").tobytes())).view(picture.height, picture.width)
    images = data.split_tensors("val").images
    for index in range(6):
        assert torch.equal(pixels[2:30, 2 + 30 * index : 30 + 30 * index], images[index, 0].long())


def test_a_new_run_of_a_translation_keeps_real_images_as_examples(tmp_path: Path) -> None:
    data = tiny_facades()
    tiny_trainer(tmp_path, max_steps=1, callbacks=[SampleGrid(2)]).fit(tiny_pix2pix(), data)
    folder = RunFolder(tmp_path)
    assert not folder.examples("b")
    assert folder.examples("a") == [folder.example("a", 1), folder.example("a", 2)]
    with Image.open(folder.example("a", 2)) as picture:
        assert np.array_equal(np.asarray(picture), data.splits["val"].a[[1]][0].permute(1, 2, 0).numpy())


def test_grids_of_the_first_step_and_of_ctrl_c_leave_training_as_it_is(tmp_path: Path) -> None:
    class Count(Callback):
        validated = 0

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            assert pl_module.generator.training
            assert trainer.training
            states.append(torch.get_rng_state())

        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            self.validated += 1

    seen = []
    for count in (0, 6):
        states: list[torch.Tensor] = []
        watch, model = Count(), tiny_dcgan()
        callbacks = [SampleGrid(count=count), watch]
        torch.manual_seed(5)
        tiny_trainer(tmp_path / str(count), max_steps=3, callbacks=callbacks).fit(model, TinyData())
        assert watch.validated == 0
        seen.append([*states, *model.state_dict().values()])
    assert all(torch.equal(one, other) for one, other in zip(*seen, strict=True))


def test_ctrl_c_leaves_a_grid_of_the_last_step_and_other_signals_do_not(tmp_path: Path) -> None:
    class Interrupt(Callback):
        def __init__(self, number: int) -> None:
            self.number = number

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step == 2:
                os.kill(os.getpid(), self.number)

    for number, steps in ((signal.SIGINT, [0, 3]), (signal.SIGTERM, [0])):
        folder = RunFolder(tmp_path / str(number))
        callbacks = [SampleGrid(count=6), Interrupt(number), LastCheckpoint()]
        with pytest.raises(RunEnded):
            tiny_trainer(folder.path, max_epochs=3, callbacks=callbacks).fit(tiny_dcgan(), TinyData())
        assert [grid.step for grid in folder.grids("val")] == steps
        assert bool(folder.timelines()) == (len(steps) > 1)


def test_no_grids_for_count_zero_and_nothing_in_a_fast_dev_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_trainer(tmp_path, max_epochs=1, callbacks=[SampleGrid(count=0)]).fit(tiny_dcgan(), TinyData())
    assert not (tmp_path / "samples").exists()
    callbacks: list[Callback] = [SampleGrid(), Evaluation(), LastCheckpoint(every_n_steps=1)]
    tiny_trainer(tmp_path, fast_dev_run=2, callbacks=callbacks).fit(tiny_dcgan(), TinyData())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kwargs", [{"count": -1}, {"columns": 0}, {"scale": 0}, {"frame_ms": 1}])
def test_bad_numbers_of_the_grid_are_named(kwargs: dict[str, Any]) -> None:
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
    with pytest.raises(InputError, match=r"already contains images; .*, or predictions\.overwrite true"):
        trainer.predict(model, TinyData(length=10), return_predictions=False)
    again = tiny_trainer(tmp_path, callbacks=[PredictionWriter(overwrite=True)])
    again.predict(model, TinyData(length=5), return_predictions=False)
    assert len(list((tmp_path / "predictions").iterdir())) == 5
    (tmp_path / "predictions" / "mine.png").touch()
    with pytest.raises(InputError, match=r"such as mine\.png; expected an empty folder$"):
        again.predict(model, TinyData(length=5), return_predictions=False)
