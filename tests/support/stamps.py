"""A protocol stamp for tests that write scores."""

from __future__ import annotations

from typing import Any

from lightning_gans.runs.scores import Stamp

STAMP = Stamp(
    extractor="digits-0,28px",
    real=2000,
    fake=2000,
    split="test",
    weights="ema",
    batch_norm="running",
    dropout="off",
    pixels="uint8-rounded",
    neighbors=5,
    device="cpu",
    precision="32-true",
    seed=0,
)


def stamp_dict(**changes: Any) -> dict[str, Any]:
    """The stamp as plain data, with some fields changed or added."""
    return {**STAMP.as_dict(), **changes}
