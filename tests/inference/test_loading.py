from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lightning_gans
from lightning_gans.core.errors import InputError
from lightning_gans.inference import ImageTranslator, LatentSampler, load
from lightning_gans.inference.facts import checkpoint_facts
from lightning_gans.networks import ResNetTranslator, UNet
from tests.support import checkpoint_files
from tests.support.tiny import tiny_trainer
from tests.support.tiny_translation import tiny_facades, tiny_pix2pix


def test_loading_and_sampling_start_without_lightning(tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    code = (
        f"import sys, lightning_gans; assert 'torch' not in sys.modules; lightning_gans.load({str(path)!r}).sample(2); "
        "lightning_gans.load('cgan/mnist'); "  # has weights that are drawn from a normal distribution
        "heavy = {'lightning', 'torchmetrics', 'torchvision', 'gradio', 'onnx', 'torch._dynamo'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_average_is_taken_unless_raw_weights_are_asked_for(tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    stored = torch.load(path)["state_dict"]
    for raw, prefix in ((False, "ema.generator"), (True, "generator")):
        model = load(path, raw=raw)
        assert isinstance(model, LatentSampler)
        assert torch.equal(model.network.state_dict()["pixels.weight"], stored[f"{prefix}.pixels.weight"])
        assert model.weights_kind == ("raw" if raw else "ema")
        assert not model.training
        assert not any(p.requires_grad for p in model.parameters())


def test_a_run_folder_means_its_best_checkpoint_and_else_its_last(tmp_path: Path) -> None:
    checkpoint_files.latent(tmp_path / "checkpoints" / "last.ckpt")
    assert isinstance(load(tmp_path), LatentSampler)
    checkpoint_files.both_ways(tmp_path / "checkpoints" / "best.ckpt")
    assert isinstance(load(tmp_path), ImageTranslator)
    assert isinstance(lightning_gans.load(str(tmp_path / "checkpoints")), ImageTranslator)


def test_a_folder_of_runs_means_the_newest(tmp_path: Path) -> None:
    for name, age in (("a/version_0", 2), ("a/version_1", 0), ("b/version_0", 1)):
        write = checkpoint_files.latent if age else checkpoint_files.both_ways
        path = write(tmp_path / name / "checkpoints" / "last.ckpt")
        (tmp_path / name / "config.yaml").touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    assert isinstance(load(tmp_path), ImageTranslator)
    assert isinstance(load(tmp_path / "a"), ImageTranslator)
    assert isinstance(load(tmp_path / "b"), LatentSampler)


@pytest.mark.parametrize(("b_to_a", "way"), [(False, "a_to_b"), (True, "b_to_a")])
def test_one_generator_goes_the_way_that_the_model_was_told(b_to_a: bool, way: str, tmp_path: Path) -> None:
    model = load(checkpoint_files.one_way(tmp_path / "a.ckpt", b_to_a))
    assert isinstance(model, ImageTranslator)
    assert model.directions == [way]
    assert isinstance(model.network(), UNet)
    assert model.translate(torch.zeros(2, 1, 64, 64)).shape == (2, 3, 64, 64)
    with pytest.raises(ValueError, match=f"direction is nowhere; expected {way}"):
        model.translate(torch.zeros(2, 1, 64, 64), "nowhere")
    with pytest.raises(ValueError, match=r"expected \(N, 1, H, W\)"):
        model.translate(torch.zeros(2, 3, 64, 64))
    with pytest.raises(TypeError, match="translates images; expected a model that generates"):
        model.sample(2)


def test_two_generators_go_both_ways(tmp_path: Path) -> None:
    path = checkpoint_files.both_ways(tmp_path / "a.ckpt")
    model, state = load(path), torch.load(path)["state_dict"]
    assert isinstance(model, ImageTranslator)
    assert model.directions == ["a_to_b", "b_to_a"]
    assert model.translate(torch.zeros(1, 3, 32, 32), "b_to_a").shape == (1, 1, 32, 32)
    for way in model.directions:
        network = model.network(way)
        assert isinstance(network, ResNetTranslator)
        assert torch.equal(network.state_dict()["layers.0.weight"], state[f"{way}.layers.0.weight"])


def test_a_checkpoint_has_the_names_of_its_data(tmp_path: Path) -> None:
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    trainer.fit(tiny_pix2pix(), tiny_facades())
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    metadata = checkpoint_facts(tmp_path / "a.ckpt")
    assert metadata["data_name"] == "synthetic facades"
    assert metadata["domains"] == {"a": "photo", "b": "labels"}
    assert "wall" in metadata["palettes"]["b"]
    assert "classes" not in metadata


def test_a_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    metadata = load(checkpoint_files.latent(tmp_path / "a.ckpt")).metadata
    assert metadata["variant"] == "lightning_gans.variants.GAN"
    assert (metadata["step"], metadata["epoch"], metadata["seed"], metadata["weights"]) == (7, 2, 5, "ema")
    assert metadata["scores"][0]["scores"] == {"val/fid": 3.5}


def write_text(path: Path) -> None:
    path.write_text("no checkpoint")


def write_nothing(path: Path) -> None:
    path.touch()


def write_foreign(path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, path)


def write_code(path: Path) -> None:
    torch.save({"state_dict": print}, path)


def write_half(path: Path) -> None:
    checkpoint_files.latent(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_objects(path: Path) -> None:
    checkpoint_files.write(path, {"n_critic": 1}, {})


def write_own_class(path: Path) -> None:
    checkpoint_files.write(path, {"generator": {"class_path": "elsewhere.MyGenerator", "init_args": {}}}, {})


def write_other_class(path: Path) -> None:
    checkpoint_files.write(path, {"generator": {"class_path": "subprocess.Popen", "init_args": {"args": "true"}}}, {})


def write_other_weights(path: Path) -> None:
    checkpoint_files.latent(path)
    contents = torch.load(path)
    contents["state_dict"]["ema.generator.pixels.bias"] = torch.zeros(3)
    torch.save(contents, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (None, "which does not exist; expected a checkpoint file"),
        (Path.mkdir, "which holds no checkpoint; expected a checkpoint, a run's folder or an exported folder"),
        (write_text, "cannot be read as a checkpoint"),
        (write_nothing, "cannot be read as a checkpoint"),
        (write_half, "cannot be read as a checkpoint"),
        (write_code, "contains code"),
        (write_foreign, "has no state_dict; expected a checkpoint of a run of lightning-gans"),
        (write_objects, "does not describe its generator"),
        (
            write_own_class,
            r"names elsewhere.MyGenerator, .*of your own code, pass trust=\['elsewhere.MyGenerator'\]",
        ),
        (
            write_other_class,
            "names subprocess.Popen, which is no part of a model; the file is not one of lightning-gans",
        ),
        (write_other_weights, "whose weights do not fit its network"),
    ],
)
def test_what_is_no_checkpoint_is_refused_by_name(damage: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.ckpt"
    if damage is not None:
        damage(path)  # type: ignore[operator]
    with pytest.raises(InputError, match=message) as refused:
        load(path)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"path is {path}, ")


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="device is nonsense, which cannot be used here"):
        load(checkpoint_files.latent(tmp_path / "a.ckpt"), device="nonsense")
