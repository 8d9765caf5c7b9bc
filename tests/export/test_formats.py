from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from lightning_gans.core.errors import RunEnded
from lightning_gans.export import ONNXFile, compare, write_folder
from lightning_gans.inference import load
from tests.support import checkpoint_files


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


def test_no_other_file_of_the_machine_is_exported_as_a_grid(tmp_path: Path) -> None:
    path = checkpoint_files.one_way(tmp_path / "run" / "checkpoints" / "best.ckpt")
    (tmp_path / "run" / "config.yaml").write_text("model:\n  class_path: lightning_gans.variants.Pix2Pix\n")
    samples = tmp_path / "run" / "samples"
    samples.mkdir()
    (tmp_path / "secret").write_text("secret")
    (samples / "epoch-002-step-0000007-a.png").symlink_to(tmp_path / "secret")
    Image.new("L", (4, 4)).save(samples / "epoch-002-step-0000007-b.png")
    write_folder(load(path), path, tmp_path / "out", None)
    assert sorted(each.name for each in (tmp_path / "out").glob("*.png")) == ["epoch-002-step-0000007-b.png"]
