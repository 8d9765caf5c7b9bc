"""Checkpoint files that are written whole, and bad ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.runs import checkpoint_file
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO, copy_checkpoint
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


def checkpoint(value: int) -> dict[str, Any]:
    return {"state_dict": {"a": torch.full((1000,), float(value))}, "global_step": 1, "epoch": 0, "loops": {}}


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io, path = AtomicCheckpointIO(), tmp_path / "last.ckpt"
    io.save_checkpoint(checkpoint(1), path)

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        io.save_checkpoint(checkpoint(0), path)
    assert io.load_checkpoint(path)["state_dict"]["a"][0] == 1


def test_a_copy_is_whole_or_the_earlier_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io, path, copy = AtomicCheckpointIO(), tmp_path / "last.ckpt", tmp_path / "step-0000001.ckpt"
    for value in (1, 2):
        io.save_checkpoint(checkpoint(value), path)
        copy_checkpoint(path, copy)
        assert copy.read_bytes() == path.read_bytes()

    def full(source: Any, target: Any, length: int) -> None:
        target.write(source.read(10))
        raise OSError(28, "No space left on device")

    io.save_checkpoint(checkpoint(3), path)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(
        RunEnded, match=r"step-0000001\.ckpt cannot be written \(No space left.*the earlier one is kept"
    ):
        copy_checkpoint(path, copy)
    assert io.load_checkpoint(copy)["state_dict"]["a"][0] == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["last.ckpt", "step-0000001.ckpt"]


def test_a_bare_state_dict_is_read_as_it_was_written(tmp_path: Path) -> None:
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(3)}, tmp_path / "weights.ckpt")
    assert torch.equal(AtomicCheckpointIO().load_checkpoint(tmp_path / "weights.ckpt")["a"], torch.ones(3))


class Malicious:
    """Pickles into a call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this code must not run",)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "code", "foreign", "bit"])
def test_a_bad_checkpoint_is_named_and_no_code_in_it_runs(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(checkpoint(1), path)
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "code":
        torch.save({"a": Malicious()}, path)
    elif kind == "foreign":
        torch.save({"model": torch.ones(3)}, path)
    elif kind == "bit":  # one that torch does not notice
        place = content.index(torch.ones(2).numpy().tobytes())
        path.write_bytes(content[:place] + b"\1" + content[place + 1 :])
        assert torch.load(path, weights_only=True)["state_dict"]["a"][0] != 1
    else:
        path.write_bytes({"empty": b"", "text": b"hello\n", "truncated": content[: len(content) // 2]}[kind])
    with pytest.raises(InputError, match=rf"ckpt_path is {path}"):
        AtomicCheckpointIO().load_checkpoint(path)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("passed", [{}, {"weights_only": None}, {"weights_only": False}])
def test_no_setting_lets_code_in_a_checkpoint_run(
    passed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = tmp_path / "last.ckpt"
    torch.save({**checkpoint(1), "callbacks": Malicious()}, path)
    monkeypatch.setattr(checkpoint_file, "check_archive", lambda archive, size: None)  # which finds it first
    with pytest.raises(InputError, match="UnpicklingError"):
        AtomicCheckpointIO().load_checkpoint(path, **passed)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_no_stage_of_a_trainer_runs_code_in_a_checkpoint(
    stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = tmp_path / "last.ckpt"
    torch.save({**checkpoint(1), "callbacks": Malicious()}, path)
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=1, limit_test_batches=1)
    with pytest.raises(InputError, match="ckpt_path is"):
        getattr(trainer, stage)(tiny_dcgan(), datamodule=TinyData(), ckpt_path=path)
    assert "must not run" not in capsys.readouterr().out
