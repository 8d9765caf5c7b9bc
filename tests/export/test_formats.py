from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lightning_gans.core.errors import RunEnded
from lightning_gans.export import ONNXFile, compare


class Fake:
    """A target whose file gives other values."""

    def test_inputs(self) -> list[tuple[Tensor]]:
        return [(torch.zeros(2, 1),), (torch.zeros(3, 1),)]

    def model_output(self, inputs: tuple[Tensor]) -> Tensor:
        return inputs[0]

    def test_description(self) -> str:
        return "zeros"


@pytest.mark.parametrize(
    ("other", "message"),
    [(2e-4, "0.0002"), (float("nan"), "nan"), (-1.0, "by 1, which is more than 0.0001")],
)
def test_a_difference_anywhere_fails(other: float, message: str) -> None:
    def run(inputs: tuple[Tensor, ...]) -> Tensor:
        images = inputs[0].clone()
        images[-1] = other if len(images) == 3 else 0
        return images

    with pytest.raises(RunEnded, match=message):
        compare(Fake(), run)  # type: ignore[arg-type]
    with pytest.raises(RunEnded, match=r"returns shape \(1, 1\), the model \(2, 1\)"):
        compare(Fake(), lambda inputs: inputs[0][:1])  # type: ignore[arg-type]
    assert compare(Fake(), lambda inputs: inputs[0] + 5e-5).difference == pytest.approx(5e-5)  # type: ignore[arg-type]


def test_a_file_that_the_runtime_does_not_take_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    with pytest.raises(RunEnded, match="ONNX Runtime cannot open"):
        ONNXFile().runner(Fake(), tmp_path / "x.onnx")  # type: ignore[arg-type]
