from __future__ import annotations

from pathlib import Path

from lightning.pytorch.callbacks import Callback

from lightning_gans.profilers import NoProfiler
from tests.tiny import TinyData, tiny_dcgan, tiny_trainer


class Counts(Callback):
    def __init__(self) -> None:
        self.batches = 0

    def on_train_batch_end(self, *_: object) -> None:
        self.batches += 1


def test_a_run_goes_through_it_as_through_lightning_s(tmp_path: Path) -> None:
    counts, profiler = Counts(), NoProfiler()
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=1, callbacks=[counts], profiler=profiler)
    trainer.fit(tiny_dcgan(), TinyData())
    assert vars(trainer)["profiler"] is profiler
    assert counts.batches == 2
    with profiler.profile("outer"), profiler.profile("inner"):  # one context, entered twice
        pass
