"""Each exported format makes the images of the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import lightning_gans
from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import ImageTranslator, LatentSampler
from tests.support import checkpoint_files
from tests.support.exports import FORMATS, assert_to_one_level, dcgan, difference_of, onnx_images, session


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a conditional model's checkpoint and its ONNX file, digits.onnx."""
    folder = tmp_path_factory.mktemp("digits")
    checkpoint = checkpoint_files.latent(folder / "digits.ckpt", conditional=True)
    command_line("export", [str(checkpoint), "--format", "onnx", "--out", str(folder / "digits.onnx")])
    return folder


def test_onnx_makes_the_pictures_of_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = dcgan(tmp_path / "a.ckpt")
    command_line("export", [str(checkpoint), "--format", "onnx"])
    printed = capsys.readouterr().out
    assert printed.startswith("exported: a.onnx (")
    assert "opset" in printed
    assert "68 images of seeds 0 to 2, in batches of 1, 3 and 64" in printed
    assert difference_of(printed) < 1e-5
    model = lightning_gans.load(checkpoint)
    assert isinstance(model, LatentSampler)
    for n, seed in ((1, 5), (12, 0)):
        made = onnx_images(tmp_path / "a.onnx", latent=model.latents(range(n), seed))
        assert_to_one_level(model.sample(n, seed=seed), made)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torch_export", "huggingface"])
def test_styles_and_stored_noise_are_exported(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint_files.styles(tmp_path / "a.ckpt")
    command_line("export", [str(tmp_path / "a.ckpt"), "--format", kind, "--out", f"x{FORMATS[kind]}"])
    assert difference_of(capsys.readouterr().out) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torch_export", "huggingface"])
def test_attention_and_the_parts_of_a_latent_vector_are_exported(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint_files.parts(tmp_path / "a.ckpt")
    command_line("export", [str(tmp_path / "a.ckpt"), "--format", kind, "--out", f"x{FORMATS[kind]}"])
    assert difference_of(capsys.readouterr().out) < 1e-5


@pytest.mark.slow
def test_truncation_becomes_part_of_a_program(tmp_path: Path) -> None:
    checkpoint = checkpoint_files.styles(tmp_path / "a.ckpt")
    command_line("export", [str(checkpoint), "--format", "onnx", "--truncation", "0.5", "--out", "x.onnx"])
    model = lightning_gans.load(checkpoint)
    assert isinstance(model, LatentSampler)
    made = onnx_images(tmp_path / "x.onnx", latent=model.latents(range(4)), labels=torch.tensor([0, 1, 0, 1]))
    assert_to_one_level(model.sample(4, truncation=0.5), made)
    known = {entry.key: json.loads(entry.value) for entry in onnx.load(tmp_path / "x.onnx").metadata_props}
    assert known["truncation"] == 0.5


def test_onnx_makes_the_classes_of_sample(digits: Path) -> None:
    model = lightning_gans.load(digits / "digits.ckpt")
    assert isinstance(model, LatentSampler)
    made = onnx_images(digits / "digits.onnx", latent=model.latents(range(12), 5), labels=torch.arange(12) % 10)
    assert_to_one_level(model.sample(12, seed=5), made)


@pytest.mark.parametrize(
    "direction", [None, pytest.param("a_to_b", marks=pytest.mark.slow), pytest.param("b_to_a", marks=pytest.mark.slow)]
)
def test_onnx_translates_as_the_model_does(
    direction: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = checkpoint_files.both_ways(tmp_path / "a.ckpt")
    command_line(
        "export",
        [str(checkpoint), "--format", "onnx", "--out", "x.onnx", *(["--direction", direction] if direction else [])],
    )
    assert "at 32 x 32 pixels, and 2 of 40 x 44" in capsys.readouterr().out
    shape = ["batch", 3 if direction == "b_to_a" else 1, "height", "width"]
    assert session(tmp_path / "x.onnx").get_inputs()[0].shape == shape
    model = lightning_gans.load(checkpoint)
    for n, height, width in ((1, 32, 32), (4, 64, 36)):
        images = torch.rand(n, int(shape[1]), height, width) * 2 - 1
        assert_to_one_level(model.translate(images, direction), onnx_images(tmp_path / "x.onnx", images=images))


@pytest.mark.slow
def test_a_network_of_one_size_keeps_it_in_onnx(tmp_path: Path) -> None:
    checkpoint = checkpoint_files.one_way(tmp_path / "a.ckpt")
    command_line("export", [str(checkpoint), "--format", "onnx"])
    assert session(tmp_path / "a.onnx").get_inputs()[0].shape == ["batch", 1, 64, 64]
    images = torch.rand(5, 1, 64, 64) * 2 - 1
    assert_to_one_level(
        lightning_gans.load(checkpoint).translate(images), onnx_images(tmp_path / "a.onnx", images=images)
    )


def test_an_onnx_file_says_what_it_is_and_nothing_of_the_machine(digits: Path) -> None:
    assert sorted(path.name for path in digits.iterdir()) == ["digits.ckpt", "digits.onnx"]  # no weights beside it
    model = onnx.load(digits / "digits.onnx")
    onnx.checker.check_model(model, full_check=True)
    known = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert known["made_by"] == f"lightning-gans {lightning_gans.__version__}"
    assert known["variant"] == "lightning_gans.variants.CGAN"
    assert (known["weights"], known["step"], known["values"]) == ("ema", 7, "-1 to 1")
    assert known["noise"] == {"class_path": "lightning_gans.components.noise.NormalNoise"}
    assert known["scores"][0]["stamp"] == checkpoint_files.STAMP
    contents = (digits / "digits.onnx").read_bytes()
    assert not any(place in contents for place in (str(digits).encode(), b".py", b"site-packages"))


def test_a_torch_program_runs_on_other_batches_and_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = checkpoint_files.both_ways(tmp_path / "a.ckpt")
    command_line("export", [str(checkpoint), "--format", "torch_export", "--direction", "b_to_a"])
    printed = capsys.readouterr().out
    assert printed.startswith("exported: a-b_to_a.pt2 (")
    assert difference_of(printed) < 1e-5
    images = torch.rand(5, 3, 44, 36) * 2 - 1
    program = torch.export.load(tmp_path / "a-b_to_a.pt2").module()
    assert_to_one_level(lightning_gans.load(checkpoint).translate(images, "b_to_a"), program(images))


def test_a_safetensors_file_is_a_model_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = checkpoint_files.latent(tmp_path / "a.ckpt", conditional=True)
    command_line("export", [str(checkpoint), "--format", "safetensors"])
    assert difference_of(capsys.readouterr().out) == 0
    model, again = lightning_gans.load(checkpoint), lightning_gans.load(tmp_path / "a.safetensors")
    assert torch.equal(model.sample(12, seed=3), again.sample(12, seed=3))
    assert again.metadata == model.metadata
    command_line("export", [str(tmp_path / "a.safetensors"), "--format", "safetensors", "--out", "b.safetensors"])
    assert torch.equal(model.sample(12, seed=3), lightning_gans.load("b.safetensors").sample(12, seed=3))


def test_one_way_of_two_goes_into_a_safetensors_file(tmp_path: Path) -> None:
    checkpoint = checkpoint_files.both_ways(tmp_path / "a.ckpt")
    command_line("export", [str(checkpoint), "--format", "safetensors", "--direction", "b_to_a"])
    again = lightning_gans.load(tmp_path / "a-b_to_a.safetensors")
    assert isinstance(again, ImageTranslator)
    assert again.directions == ["b_to_a"]
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(lightning_gans.load(checkpoint).translate(images, "b_to_a"), again.translate(images))


def test_a_hub_folder_holds_both_ways_and_the_runs_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cyclegan" / "version_1"
    checkpoint_files.both_ways(folder / "checkpoints" / "best.ckpt")
    (folder / "config.yaml").write_text("model: {class_path: lightning_gans.variants.CycleGAN}")
    (folder / "samples").mkdir()
    grid = folder / "samples" / "epoch-002-step-0000007-a.png"
    Image.new("RGB", (3, 2), "red").save(grid)
    command_line("export", [str(folder), "--format", "huggingface", "--license", "mit"])
    assert "exported: cyclegan-version_1 (" in capsys.readouterr().out
    made = tmp_path / "cyclegan-version_1"
    assert lightning_gans.load(made).state_dict().keys() == lightning_gans.load(folder).state_dict().keys()
    assert (made / grid.name).read_bytes() == grid.read_bytes()
    card = (made / "README.md").read_text()
    assert "license: mit" in card
    assert "](epoch-002-step-0000007-a.png)" in card


def test_the_snippet_of_the_docs_is_numpy_and_a_runtime(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(digits)
    page = Path(lightning_gans.__file__).parents[1] / "docs" / "export.md"
    section = page.read_text().partition("## The images of `sample` from ONNX\n")[2]
    snippet = section.partition("```python\n")[2].partition("```")[0]
    assert "onnxruntime" in snippet
    names: dict[str, Any] = {}
    exec(snippet, names)
    model = lightning_gans.load("digits.ckpt")
    expected = to_uint8(model.sample(16, seed=0))
    assert np.abs(names["pixels"].astype(int) - expected.numpy().astype(int)).max() <= 1
