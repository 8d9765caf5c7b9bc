"""What export refuses, and what it leaves when it fails."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.cli.commands.common import command_line
from lightning_gans.export import formats, programs, target
from lightning_gans.inference import load
from lightning_gans.runs.weights_file import WEIGHTS, to_safetensors
from tests.support import checkpoint_files
from tests.support.exports import FORMATS, difference_of


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def assert_refused(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        command_line("export", arguments)
    assert ended.value.code == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("chosen", ["safetensors", "huggingface"])
def test_what_differs_from_the_model_is_not_left(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt")

    def wrong(weights: dict[str, Tensor], header: dict[str, Any], half: bool) -> bytes:
        return to_safetensors({name: value + 0.01 for name, value in weights.items()}, header)

    monkeypatch.setattr(formats, "to_safetensors", wrong)
    monkeypatch.setattr("lightning_gans.inference.model.to_safetensors", wrong)
    said = assert_refused([str(checkpoint), "--format", chosen], 1, capsys)
    assert "differs from the model by" in said
    assert "more than 0.0001" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_what_is_compared_is_the_model_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt")
    copied = target.copy_to_cpu

    def spoilt(network: torch.nn.Module) -> torch.nn.Module:
        copy = copied(network)
        for parameter in copy.parameters():
            parameter.add_(0.01)
        return copy

    monkeypatch.setattr(target, "copy_to_cpu", spoilt)
    assert "differs from the model by" in assert_refused([str(checkpoint), "--format", "safetensors"], 1, capsys)


@pytest.mark.parametrize("chosen", FORMATS)
def test_a_full_disk_leaves_nothing(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt")
    write = Path.write_bytes

    def full(path: Path, contents: bytes) -> int:
        write(path, contents[: len(contents) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    out = f"new/x{FORMATS[chosen]}"
    said = assert_refused([str(checkpoint), "--format", chosen, "--out", out], 1, capsys)
    assert said == f"lightning-gans: {out} cannot be written (No space left on device)\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.ckpt", "--format", "onnx"], "CKPT is missing.ckpt, which does not exist"),
        (["missing.safetensors", "--format", "onnx"], "CKPT is missing.safetensors, which does not exist"),
        (["foreign.ckpt", "--format", "onnx"], "cannot be read as a checkpoint"),
        (["foreign.safetensors", "--format", "onnx"], "cannot be read as safetensors"),
        (["other.safetensors", "--format", "onnx"], "describes no model of lightning-gans"),
        (
            ["a.ckpt", "--format", "safetensors", "--out", "other.safetensors"],
            "--out is other.safetensors, which is there",
        ),
        (["a.ckpt", "--format", "torch_export", "--out", "a.pt"], "--out is a.pt; expected a name that ends in .pt2"),
        (
            ["a.ckpt", "--format", "onnx", "--direction", "a_to_b"],
            "--direction is a_to_b, but this model",
        ),
        (
            ["a.ckpt", "--format", "onnx", "--truncation", "0.5"],
            "--truncation is 0.5, but MLPGenerator has no mapping network; expected none",
        ),
        (["s.ckpt", "--format", "onnx", "--truncation", "2"], "--truncation is 2.0; expected -1 to 1"),
        (["u.ckpt", "--format", "onnx", "--truncation", "1"], "--truncation is 1.0, but this model translates images"),
        (
            ["a.ckpt", "--format", "safetensors", "--truncation", "0.5"],
            "--truncation is given, but --format is safetensors; expected onnx or torch_export",
        ),
        (["a.ckpt", "--format", "onnx", "--half"], "--half is given, but --format is onnx; expected safetensors or"),
        (["a.ckpt", "--format", "onnx", "--license", "mit"], "--license is given, but --format is onnx"),
        (["a.ckpt", "--format", "huggingface", "--direction", "a_to_b"], "--direction is given, but --format is"),
        (
            ["a.ckpt", "--format", "huggingface", "--license", "My own!"],
            "--license is 'My own!'; expected one",
        ),
        (
            ["a.ckpt", "--format", "huggingface", "--out", "a.jpg"],
            "--out is a.jpg; expected a folder for --format huggingface",
        ),
        (
            ["u.ckpt", "--format", "onnx", "--direction", "b_to_a"],
            "--direction is b_to_a; expected a_to_b",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint_files.latent(tmp_path / "a.ckpt")
    checkpoint_files.one_way(tmp_path / "u.ckpt")
    checkpoint_files.styles(tmp_path / "s.ckpt")
    for name in ("foreign.ckpt", "foreign.safetensors"):
        (tmp_path / name).write_bytes(b"nothing of ours")
    (tmp_path / "other.safetensors").write_bytes(to_safetensors({"a": torch.zeros(1)}, {"model": "theirs"}))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert message in assert_refused(arguments, 2, capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


class Branching(torch.nn.Module):
    def forward(self, latent: Tensor) -> Tensor:
        return latent if latent.sum() > 0 else -latent


@pytest.mark.parametrize("chosen", ["onnx", "torch_export"])
def test_a_network_that_cannot_be_traced_is_refused(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt")
    monkeypatch.setattr(target, "copy_to_cpu", lambda network: Branching())
    said = assert_refused([str(checkpoint), "--format", chosen], 2, capsys)
    assert "the generator Branching cannot be traced" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_weights_that_onnx_cannot_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(programs, "MAX_BYTES", 10)
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt")
    said = assert_refused([str(checkpoint), "--format", "onnx"], 2, capsys)
    assert "expected another format: torch_export or safetensors" in said


@pytest.mark.slow
def test_export_starts_without_lightning(tmp_path: Path) -> None:
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt")
    code = (
        "import sys; from lightning_gans.__main__ import main; main(); "
        "assert not {'lightning', 'onnxruntime', 'matplotlib'} & set(sys.modules)"
    )
    arguments = ["export", str(checkpoint), "--format", "safetensors"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("\n") == 2


@pytest.mark.parametrize("chosen", ["safetensors", "huggingface"])
def test_half_of_the_bytes_give_nearly_the_same_images(chosen: str, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint_files.latent(Path("a.ckpt"))
    for name, option in (("whole", []), ("half", ["--half"])):
        out = Path(f"{name}{FORMATS[chosen]}")
        command_line("export", ["a.ckpt", "--format", chosen, "--out", str(out), *option])
    assert 1e-6 < difference_of(capsys.readouterr().out) < formats.HALF_LIMIT
    files = [Path(f"{name}{FORMATS[chosen]}") for name in ("whole", "half")]
    sizes = [(file / WEIGHTS if file.is_dir() else file).stat().st_size for file in files]
    assert sizes[1] < 0.6 * sizes[0]
    assert load(files[1]).metadata["rounded_to"] == "float16"
