from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightning_gans.cli.commands.common import command_line
from tests.support import checkpoint_files


def test_a_checkpoint_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint_files.latent(tmp_path / "checkpoints" / "best.ckpt")
    test_row = {"step": 7, "epoch": 2, "scores": {"test/fid": 4.25}, "stamp": checkpoint_files.STAMP}
    other_step = {**test_row, "step": 3, "scores": {"test/fid": 9}}
    (tmp_path / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (other_step, test_row)))
    command_line("inspect", [str(tmp_path)])
    printed = capsys.readouterr().out
    for told in (
        f"file          {path}",
        "variant       lightning_gans.variants.GAN",
        "weights       ema",
        "step          7",
        "network       average of generator, 7,088 numbers, 0.0 MB",
        "scores        val/fid 3.5 [digits | 10 real, 10 generated | split val | ema weights",
        "scores        test/fid 4.25 [",
        "versions      torch 2.11",
        'setting       generator.class_path: "lightning_gans.networks.MLPGenerator"',
    ):
        assert told in printed
    assert "9" not in [line.split()[2] for line in printed.splitlines() if line.startswith("scores")]


def test_the_time_and_the_images_of_the_training_are_said_if_they_are_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for known, told in (({"images_seen": 64000}, ", 64,000 images\n"), ({}, "\n")):
        path = checkpoint_files.write(tmp_path / "a.ckpt", {}, {}, train_seconds=12.3, **known)
        command_line("inspect", [str(path)])
        assert f"trained for   12 s, validations included{told}" in capsys.readouterr().out


def test_it_is_said_as_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command_line("inspect", [str(checkpoint_files.both_ways(tmp_path / "a.ckpt")), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["variant"] == "lightning_gans.variants.CycleGAN"
    assert set(told["sizes"]) == {"a_to_b", "b_to_a"}
    assert told["sizes"]["a_to_b"]["bytes"] == 4 * told["sizes"]["a_to_b"]["numbers"] > 0


def test_a_network_that_cannot_be_imported_here_is_no_hindrance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint_files.write(tmp_path / "a.ckpt", {"generator": {"class_path": "elsewhere.Mine"}}, {})
    command_line("inspect", [str(path)])
    assert 'generator.class_path: "elsewhere.Mine"' in capsys.readouterr().out


def test_what_is_no_checkpoint_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line("inspect", [str(tmp_path)])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"lightning-gans: error: CKPT is {tmp_path}, which holds no checkpoint")


def test_an_exported_file_and_folder_say_what_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    for kind, name in (("safetensors", "a.safetensors"), ("huggingface", "a")):
        command_line("export", [str(path), "--format", kind, "--out", str(tmp_path / name)])
        capsys.readouterr()
        command_line("inspect", [str(tmp_path / name)])
        printed = capsys.readouterr().out
        assert "variant       lightning_gans.variants.GAN\n" in printed
        assert "network       network, 7,088 numbers" in printed
