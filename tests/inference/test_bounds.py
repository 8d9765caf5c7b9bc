"""A small file that asks for a large model, or has other fields than a run writes, ends in one sentence."""

from __future__ import annotations

import json
import pickle
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import lightning_gans
from lightning_gans.cli.commands import common
from lightning_gans.core.errors import InputError
from lightning_gans.families import Adversarial
from lightning_gans.inference import LatentSampler
from tests.support import checkpoint_files

NETWORKS = "lightning_gans.networks"


@pytest.fixture(autouse=True)
def _in_little_time_and_memory() -> Iterator[None]:
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.monotonic() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


def refused(read: Callable[..., Any], path: Path) -> str:
    with pytest.raises(InputError) as error:
        read(path)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 1000
    assert str(path) in message
    return message


def change(path: Path, **fields: Any) -> Path:
    contents = torch.load(path)
    torch.save({**contents, **fields}, path)
    return path


def with_arguments(path: Path, network: str, **arguments: Any) -> Path:
    settings = torch.load(path)["hyper_parameters"]
    described = {"class_path": f"{NETWORKS}.{network}", "init_args": arguments}
    return change(path, hyper_parameters={**settings, "generator": described})


SIZES = {"channels": 1, "size": 28, "latent_dim": 3}

BOMBS: dict[str, tuple[str, dict[str, Any]]] = {
    "wide": ("DCGANGenerator", {**SIZES, "width": 1_000_000}),
    "wider than any number": ("DCGANGenerator", {**SIZES, "width": 10**100}),
    "many blocks": ("R3GANGenerator", {**SIZES, "width": 16, "blocks": 10**9}),
    "large blocks": ("R3GANGenerator", {**SIZES, "width": 10**6, "group_size": 1}),
    "many dense layers": ("StyleGAN2Generator", {**SIZES, "width": 1, "mapping_layers": 10**9}),
    "long styles": ("StyleGAN2Generator", {**SIZES, "width": 1, "style_dim": 10**6}),
    "long vectors": ("MLPGenerator", {**SIZES, "latent_dim": 10**12}),
    "large images": ("MLPGenerator", {**SIZES, "size": [10**6, 10**6]}),
    "many classes": ("MLPGenerator", {**SIZES, "conditional": True, "num_classes": 10**11}),
    "wide layers": ("MLPGenerator", {**SIZES, "widths": [10**5, 10**5, 10**5]}),
    "dense": ("InfoGANGenerator", {**SIZES, "dense": 10**10}),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_network_larger_than_its_weights_is_not_built(bomb: str, tmp_path: Path) -> None:
    network, arguments = BOMBS[bomb]
    path = with_arguments(checkpoint_files.latent(tmp_path / "a.ckpt"), network, **arguments)
    assert "cannot be built here" in refused(lightning_gans.load, path)


@pytest.mark.parametrize("arguments", [{"blocks": 10**9, "width": 2}, {"width": 10**6}, {"width": 10**30}])
def test_a_translator_larger_than_its_weights_is_not_built(arguments: dict[str, Any], tmp_path: Path) -> None:
    path = with_arguments(checkpoint_files.both_ways(tmp_path / "a.ckpt"), "ResNetTranslator", **arguments)
    refused(lightning_gans.load, path)


@pytest.mark.parametrize(
    "setting", [{"size": 10**9}, {"size": 10**400}, {"channels_a": 10**9}, {"channels_b": -1}, {"size": [64, 10**8]}]
)
def test_sizes_and_channels_are_bounded(setting: dict[str, Any], tmp_path: Path) -> None:
    path = checkpoint_files.both_ways(tmp_path / "a.ckpt")
    refused(lightning_gans.load, change(path, hyper_parameters={**torch.load(path)["hyper_parameters"], **setting}))


@pytest.mark.parametrize(
    "discriminator", [{"layers": 10**9}, {"width": 10**9}, {"layers": 10**6, "spectral_norm": True}]
)
def test_a_discriminator_larger_than_its_weights_is_not_built(discriminator: dict[str, Any], tmp_path: Path) -> None:
    path = checkpoint_files.one_way(tmp_path / "a.ckpt")
    described = {"class_path": f"{NETWORKS}.PatchGAN", "init_args": discriminator}
    settings = {**torch.load(path)["hyper_parameters"], "discriminator": described}
    refused(Adversarial.load_from_checkpoint, change(path, hyper_parameters=settings))


def test_weights_of_a_few_bytes_and_a_large_shape_are_refused(tmp_path: Path) -> None:
    path = with_arguments(
        checkpoint_files.latent(tmp_path / "a.ckpt"), "MLPGenerator", **{**SIZES, "widths": [10**5, 10**5]}
    )
    state = {"generator.hidden.0.weight": torch.zeros(1).expand(10**5, 10**5)}
    assert "state_dict has a tensor of" in refused(lightning_gans.load, change(path, state_dict=state))
    shared = torch.zeros(10**5)
    state = {f"generator.{index}.weight": shared for index in range(100)}
    assert "state_dict has a tensor of" in refused(lightning_gans.load, change(path, state_dict=state))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_sampled(value: float, tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    lightning_gans.load(path).save_pretrained(tmp_path / "model")
    state = torch.load(path)["state_dict"]
    state["ema.generator.pixels.weight"][0, 0] = value
    assert "weights are not finite (NaN or infinity in network.pixels.weight)" in refused(
        lightning_gans.load, change(path, state_dict=state)
    )
    assert isinstance(lightning_gans.load(path, raw=True), LatentSampler)  # these are finite


FIELDS: list[dict[str, Any]] = [
    {"hyper_parameters": 5},
    {"hyper_parameters": ["generator"]},
    {"hyper_parameters": {5: {}}},
    {"state_dict": []},
    {"state_dict": {"generator.pixels.weight": 3}},
    {"state_dict": {5: torch.zeros(1)}},
    {"state_dict": {"generator.pixels.weight": torch.zeros(3, device="meta")}},
    {"state_dict": {"generator.pixels.weight": torch.zeros(3).to_sparse()}},
    {"global_step": "7"},
    {"global_step": -1},
    {"global_step": 10**300},
    {"epoch": None},
    {"epoch": 2**5000},
    {"run_seed": 10**5000},
    {"train_seconds": 10**400},
    {"data": "\x1b[2J"},
    {"optimizer_states": [{"state": torch.zeros(1, dtype=torch.half).expand(10**5, 10**6)}]},
    {"optimizer_states": [{"state": torch.zeros(3).to_sparse()}]},
    {"epoch": True},
    {"epoch": 1.5},
    {"loops": None},
    {"callbacks": 3},
    {"run_seed": "five"},
    {"data": 5},
    {"versions": ["2.11"]},
    {"versions": {"torch": {"number": 2}}},
    {"palettes": {"a": 5}},
    {"classes": "cat"},
    {"classes": ["cat", 5]},
    {"classes": ["\x1b[2J"]},
    {"domains": ["photo"]},
    {"domains": {"a": "x" * 1000}},
    {"data_name": ["MNIST"]},
    {"data_name": "two\nlines"},
    {"palettes": 5},
]


@pytest.mark.parametrize("fields", FIELDS, ids="-".join)
def test_fields_of_other_types_are_named(fields: dict[str, Any], tmp_path: Path) -> None:
    path = change(checkpoint_files.latent(tmp_path / "a.ckpt"), **fields)
    refused(lightning_gans.load, path)


@pytest.mark.parametrize("last", [5, {"scores": 5}, [{"scores": {"val/fid": "low"}}], [{"stamp": []}], "rows"])
def test_scores_of_other_types_are_left_out(last: Any, tmp_path: Path) -> None:
    path = change(checkpoint_files.latent(tmp_path / "a.ckpt"), callbacks={"Evaluation": {"last": last}})
    assert lightning_gans.load(path).metadata["scores"] == []
    change(path, callbacks={"Evaluation": last})
    assert lightning_gans.load(path).metadata["scores"] == []


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def repeated(levels: int) -> Any:
    """A list whose printed form has 10 ** levels entries."""
    value: Any = 0
    for _ in range(levels):
        value = [value] * 10
    return value


def test_deep_and_repeated_values_are_refused(tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    settings = torch.load(path)["hyper_parameters"]
    for value in (deep(300), repeated(30)):
        assert "nested too deeply or too large" in refused(
            lightning_gans.load, change(path, hyper_parameters={**settings, "generator": value})
        )
        with pytest.raises(InputError, match="nested too deeply or too large"):
            common.run_command("inspect", [str(path)])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"generator": ' * 100_000 + "1" + "}" * 100_000,
        '{"generator": ' + "[" * 300 + "]" * 300 + "}",
        '{"generator": ' + "9" * 5000 + "}",
        "[1, 2]",
        "null",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        '{"generator": {"class_path": "lightning_gans.networks.MLPGenerator", "init_args": 5}, "noise": 1}',
        '{"generator": {"class_path": "lightning_gans.networks.MLPGenerator"}, "noise": {}, "metadata": {"scores": 5}}',
        '{"generator": 1, "generators": 2, "metadata": {}, "trust": ["evil.make"]}',
        '{"generators": {"a_to_b": 5}, "metadata": {}}',
        '{"generators": {"../up": {}}, "metadata": {}}',
    ],
    ids=range(12),
)
def test_a_config_json_of_any_text_ends_in_a_sentence(text: str, tmp_path: Path) -> None:
    lightning_gans.load(checkpoint_files.latent(tmp_path / "a.ckpt")).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "config.json").write_text(text)
    for read in (lightning_gans.load, LatentSampler.from_pretrained):
        refused(read, tmp_path / "model")


def test_entries_of_a_config_json_are_no_options_of_from_pretrained(tmp_path: Path) -> None:
    lightning_gans.load(checkpoint_files.latent(tmp_path / "a.ckpt")).save_pretrained(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    config = json.loads(file.read_text())
    for option in ({"strict": False}, {"trust": ["os.system"]}, {"map_location": "meta"}, {"token": "x"}):
        file.write_text(json.dumps({**config, **option}))
        for read in (LatentSampler.from_pretrained, lightning_gans.load):
            refused(read, tmp_path / "model")


class Allocates:
    """Its pickle asks for 10 GB."""

    def __reduce__(self) -> Any:
        return bytearray, (10**10,)


def test_a_pickle_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in files if name.endswith("data.pkl"))
    with zipfile.ZipFile(path, "w") as archive:
        for file, contents in {**files, name: pickle.dumps({"state_dict": Allocates()}, protocol=2)}.items():
            archive.writestr(file, contents)
    assert "contains code" in refused(lightning_gans.load, path)


def test_a_compressed_checkpoint_is_refused(tmp_path: Path) -> None:
    path = change(checkpoint_files.latent(tmp_path / "a.ckpt"), state_dict={"a": torch.zeros(100_000)})
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, contents in files.items():
            archive.writestr(file, contents)
    assert "cannot be read as a checkpoint" in refused(lightning_gans.load, path)
