from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.core.errors import InputError
from lightning_gans.core.precision import autocast_off, describe_precision, device_name, reduced_float32
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


@pytest.mark.parametrize(
    ("capability", "convolutions", "products", "expected"),
    [
        ((9, 0), "tf32", "none", ["tf32-convolutions"]),
        ((8, 0), "tf32", "tf32", ["tf32-convolutions", "tf32-matrix-products"]),
        ((8, 6), "ieee", "ieee", []),
        ((7, 5), "tf32", "tf32", []),
    ],
)
def test_float32_is_rounded_on_gpus_that_have_tf32(
    capability: tuple[int, int],
    convolutions: str,
    products: str,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    backends: Any = torch.backends
    before = backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision
    backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision = convolutions, products
    try:
        found = reduced_float32(torch.device("cuda"))
        described = describe_precision("32-true", torch.device("cuda"))
    finally:
        backends.cudnn.conv.fp32_precision, backends.cuda.matmul.fp32_precision = before
    assert found == expected
    assert described == ",".join(["32-true", *expected])
    assert reduced_float32(torch.device("mps")) == []


@pytest.mark.gpu
def test_the_options_of_tf32_are_named() -> None:
    device = torch.device("cuda", 0)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        assert reduced_float32(device) == []
        torch.backends.cuda.matmul.allow_tf32 = True
        recent = torch.cuda.get_device_capability(device) >= (8, 0)
        assert reduced_float32(device) == (["tf32-matrix-products"] if recent else [])
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
    assert device_name(device) == torch.cuda.get_device_name(0)
