"""The trainer's ``overfit_batches``: the same few batches in every epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lightning_gans.families import Adversarial
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix


class Seen(Callback):
    """Keeps the first image of each training batch before it is augmented."""

    def __init__(self) -> None:
        self.images: list[torch.Tensor] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.images.append(batch[0].clone())


def facades(paired: bool) -> Any:
    data = tiny_facades(paired=paired)
    data.load_size, data.flip = data.size, False
    return data


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (tiny_dcgan, TinyData),
        (tiny_pix2pix, lambda: facades(paired=True)),
        (tiny_cyclegan, lambda: facades(paired=False)),
    ],
)
@pytest.mark.parametrize("overfit", [2, 0.5])
def test_the_same_batches_are_used_in_every_epoch(
    model: Callable[[], Adversarial], data: Callable[[], Any], overfit: int | float, tmp_path: Path
) -> None:
    seen = Seen()
    trainer = tiny_trainer(tmp_path, max_epochs=3, overfit_batches=overfit, callbacks=[seen])
    trainer.fit(model(), data())
    assert trainer.global_step == 6
    assert len(seen.images) == 6
    for step in range(2, 6):
        assert torch.equal(seen.images[step], seen.images[step % 2])
    assert not torch.equal(seen.images[0], seen.images[1])
