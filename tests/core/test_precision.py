from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_gans.core.errors import InputError
from lightning_gans.core.precision import autocast_off
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


@pytest.mark.parametrize(
    ("precision", "reason"),
    [
        ("16-true", "rounds weights and averages to half precision"),
        ("bf16-true", "rounds weights and averages to half precision"),
        ("64-true", "makes the weights float64"),
    ],
)
@pytest.mark.parametrize("stage", ["fit", "test"])
def test_true_precisions_other_than_32_bits_are_refused_by_name(
    precision: str, reason: str, stage: str, tmp_path: Path
) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=1, precision=precision)
    expected = rf"^trainer\.precision is {precision}, which {reason}.*; expected 32-true, bf16-mixed, 16-mixed$"
    with pytest.raises(InputError, match=expected):
        getattr(trainer, stage)(tiny_dcgan(), TinyData())


def test_without_autocast_operations_keep_the_type_of_their_tensors() -> None:
    ones = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (ones @ ones).dtype == torch.bfloat16
        with autocast_off(ones.device):
            assert (ones @ ones).dtype == torch.float32
        assert (ones @ ones).dtype == torch.bfloat16
    with autocast_off(ones.device):
        assert (ones @ ones).dtype == torch.float32
