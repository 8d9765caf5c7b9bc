from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from lightning_gans.callbacks.tf32 import TF32
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


def flags() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize(("allow", "expected"), [(True, (True, True)), (False, (False, False)), (None, None)])
def test_it_holds_for_the_run_and_no_longer(
    tmp_path: Path, allow: bool | None, expected: tuple[bool, bool] | None
) -> None:
    seen = []

    class Look(Callback):
        def on_train_batch_start(self, *_: object) -> None:
            seen.append(flags())

    before = flags()
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[TF32(allow), Look()])
    trainer.fit(tiny_dcgan(), TinyData())
    assert seen == [expected or before]
    assert flags() == before
