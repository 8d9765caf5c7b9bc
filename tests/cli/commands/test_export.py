from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor

import lightning_gans
from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.images import to_uint8
from lightning_gans.export import formats, programs, target
from lightning_gans.inference import ImageTranslator, LatentSampler
from lightning_gans.networks import DCGANGenerator, StyleGAN2Generator
from lightning_gans.runs.weights_file import to_safetensors
from tests.support import checkpoint_files

FORMATS = {"safetensors": ".safetensors", "onnx": ".onnx", "torch_export": ".pt2", "huggingface": ""}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def dcgan(path: Path) -> Path:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"channels": 1, "size": 28, "latent_dim": 3, "width": 2}
    network_config = {"class_path": "lightning_gans.networks.DCGANGenerator", "init_args": arguments}
    noise = {"class_path": "lightning_gans.components.noise.UniformNoise"}
    settings = {"_class_path": "lightning_gans.variants.DCGAN", "generator": network_config, "noise": noise}
    network = DCGANGenerator(**arguments)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)  # fresh weights make images of one gray
    network(torch.randn(8, 3))  # so that batch norm has statistics to go by
    return checkpoint_files.write(path, settings, {"generator": network})


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a conditional model's checkpoint and its ONNX file, digits.onnx."""
    folder = tmp_path_factory.mktemp("digits")
    checkpoint = checkpoint_files.latent(folder / "digits.ckpt", conditional=True)
    command_line("export", [str(checkpoint), "--format", "onnx", "--out", str(folder / "digits.onnx")])
    return folder


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def onnx_images(path: Path, **inputs: Tensor) -> Tensor:
    return torch.from_numpy(session(path).run(None, {name: value.numpy() for name, value in inputs.items()})[0])


def assert_to_one_level(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert int((to_uint8(ours).int() - to_uint8(theirs).int()).abs().max()) <= 1
    assert to_uint8(ours).float().std() > 2  # there is something to see


def difference_of(printed: str) -> float:
    return float(printed.rpartition("largest difference: ")[2].split()[0])


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
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"channels": 3, "size": [16, 24], "latent_dim": 3, "style_dim": 4, "width": 2}
    arguments |= {"num_classes": 2, "conditional": True}
    network = StyleGAN2Generator(**arguments)
    for name, parameter in network.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.constant_(parameter, 0.2)
    settings = {
        "_class_path": "lightning_gans.variants.StyleGAN2",
        "generator": {"class_path": "lightning_gans.networks.StyleGAN2Generator", "init_args": arguments},
        "noise": {"class_path": "lightning_gans.components.noise.NormalNoise"},
    }
    checkpoint_files.write(tmp_path / "a.ckpt", settings, {"generator": network})
    command_line("export", [str(tmp_path / "a.ckpt"), "--format", kind, "--out", f"x{FORMATS[kind]}"])
    assert difference_of(capsys.readouterr().out) < 1e-5


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

    def wrong(weights: dict[str, Tensor], header: dict[str, Any]) -> bytes:
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


def test_the_snippet_of_the_docs_is_numpy_and_a_runtime(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(digits)
    page = Path(lightning_gans.__file__).parents[1] / "docs" / "using.md"
    section = page.read_text().partition("### The images of `sample` from ONNX\n")[2]
    snippet = section.partition("```python\n")[2].partition("```")[0]
    assert "onnxruntime" in snippet
    names: dict[str, Any] = {}
    exec(snippet, names)
    model = lightning_gans.load("digits.ckpt")
    expected = to_uint8(model.sample(16, seed=0))
    assert np.abs(names["pixels"].astype(int) - expected.numpy().astype(int)).max() <= 1
