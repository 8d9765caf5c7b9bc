from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.cli.parser import Trainer, warn_if_emulated
from tests.support.tiny import tiny_trainer


def processor(monkeypatch: pytest.MonkeyPatch, **can: object) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)


def test_emulated_half_precision_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, architecture="x86_64", avx512_bf16=False, amx_bf16=False)
    with pytest.warns(UserWarning, match=r"trainer\.precision is bf16-mixed, but this processor has no instructions"):
        warn_if_emulated(tiny_trainer(tmp_path, precision="bf16-mixed"))


@pytest.mark.parametrize(
    ("precision", "can"),
    [
        ("32-true", {"architecture": "x86_64", "avx512_bf16": False}),
        ("bf16-mixed", {"architecture": "x86_64", "avx512_bf16": True}),
        ("bf16-mixed", {"architecture": "x86_64", "amx_bf16": True}),
        ("bf16-mixed", {"architecture": "aarch64"}),
    ],
)
def test_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, can: dict[str, object]
) -> None:
    processor(monkeypatch, **can)
    trainer = tiny_trainer(tmp_path, precision=precision)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_emulated(trainer)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"deterministic": False}, True),
        ({"deterministic": True}, False),
        ({"deterministic": "warn"}, False),
        ({"benchmark": False}, False),
        ({"benchmark": True}, True),
    ],
)
def test_cudnn_measures_its_algorithms_unless_they_must_be_deterministic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], expected: bool
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", not expected)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # Lightning sets it
    try:
        Trainer(accelerator="cpu", logger=False, default_root_dir=tmp_path, **settings)
    finally:
        torch.use_deterministic_algorithms(mode=False)
    assert torch.backends.cudnn.benchmark is expected
