"""Parts of models from plain data: which classes may be named, and which values fit the types of arguments."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import nn

from lightning_gans.components.building import Builder, constructor_types
from lightning_gans.components.class_paths import Trust, find_class, find_part, import_object, require_trust
from lightning_gans.components.noise import Noise, UniformNoise
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.core.errors import UntrustedClassError
from lightning_gans.networks import BatchNorm, Norm, UNet
from lightning_gans.variants import WGANGP


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("lightning_gans.networks.UNet", nn.Module),
        ("lightning_gans.networks.unet.UNet", nn.Module),
        ("lightning_gans.components.noise.NormalNoise", Noise),
        ("lightning_gans.variants.DCGAN", nn.Module),
        ("lightning_gans.DCGAN", nn.Module),
        ("torch.nn.ReLU", nn.Module),
        ("torch.nn.modules.activation.ReLU", nn.Module),
        ("torch.optim.Adam", torch.optim.Optimizer),
        ("torch.optim.rmsprop.RMSprop", torch.optim.Optimizer),
        ("torch.optim.lr_scheduler.CosineAnnealingLR", torch.optim.lr_scheduler.LRScheduler),
    ],
)
def test_a_file_may_name_our_classes_and_torchs(path: str, base: type) -> None:
    assert issubclass(find_part(path, base), base)


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "builtins.dict",
        "lightning_gans.networks",
        "lightning_gans.networks.base.Fraction",
        "lightning_gans.networks.base.nn.Linear",
        "lightning_gans.networks.layers.normal_init",
        "lightning_gans.networks.nowhere.UNet",
        "lightning_gans.networksevil.UNet",
        "lightning_gans.inference.LatentSampler",
        "lightning_gans.cli.train.LightningGANsCLI",
        "lightning_gans.components.class_paths.Any",
        "torch.hub.load",
        "torch.load",
        "torch.nn.DataParallel",
        "torch.nn.Sequential",
        "torch.nn.Transformer",
        "torch.nn.LSTM",
        "torch.nn.LazyLinear",
        "torch.nn.modules.module.importlib",
        "torch.jit.ScriptModule",
        "lightning_gans.datamodules.MNISTDataModule",
        "lightning_gans.MNISTDataModule",
        "lightning_gans.load",
        "lightning_gans.nothing",
        "UNet",
        "",
        "lightning_gans..UNet",
        "lightning_gans.networks.UNet ",
        5,
        None,
        ["torch.nn.ReLU"],
        {"class_path": "torch.nn.ReLU"},
    ],
)
def test_a_file_may_name_nothing_else(path: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        find_part(path, object)


def test_a_class_has_to_be_of_the_expected_kind() -> None:
    with pytest.raises(TypeError, match=r"torch\.nn\.ReLU is not a Norm"):
        find_part("torch.nn.ReLU", Norm)
    with pytest.raises(TypeError, match="is not a class"):
        find_part("os.system", object, Trust(["os.system"]))
    with pytest.raises(ImportError):
        find_part("nowhere.Net", object, Trust("nowhere.Net"))


def test_all_untrusted_classes_are_listed_once() -> None:
    config = {"class_path": "a.B", "init_args": {"x": [{"class_path": "c.D"}, {"class_path": "a.B"}], "y": "e.F"}}
    with pytest.raises(UntrustedClassError) as refused:
        require_trust(config, Trust(), "the file")
    assert refused.value.paths == ["a.B", "c.D"]
    require_trust(config, Trust(["a.B", "c.D"]), "the file")
    require_trust({"class_path": "torch.nn.ReLU"}, Trust(), "the file")


def test_classes_of_the_command_line_are_imported_by_path() -> None:
    assert find_class("lightning_gans.networks.UNet") is UNet
    assert import_object("torch.nn.Module.train") is nn.Module.train
    for path in ("nowhere.UNet", "torch.nn.Nothing", "torch.nowhere.Net", "UNet", ""):
        with pytest.raises((ImportError, ValueError)):
            import_object(path)
    with pytest.raises(TypeError, match=r"torch\.relu is not a class"):
        find_class("torch.relu")


class Kind(enum.Enum):
    FIRST = 1


@dataclass
class Point:
    x: int
    y: float = 0.0


RELU = {"class_path": "torch.nn.LeakyReLU", "init_args": {"negative_slope": 1}}
NORM = {"class_path": "lightning_gans.networks.BatchNorm"}


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (3, int, 3),
        (3, float, 3.0),
        ("3", str, "3"),
        (None, int | None, None),
        ([1, 2], tuple[int, int], (1, 2)),
        ([1, 2], int | tuple[int, int], (1, 2)),
        ([1, 2.5], Sequence[float], [1.0, 2.5]),
        ([], tuple[float, ...], ()),
        ("b", Literal["a", "b"], "b"),
        ("FIRST", Kind, Kind.FIRST),
        ("a/b", Path, Path("a/b")),
        ({"a": 1}, Mapping[str, int], {"a": 1}),
        ({"x": 1}, Point, Point(1)),
        ({"any": ["thing"]}, Any, {"any": ["thing"]}),
        (NORM, Callable[[int], Norm], BatchNorm),
        ("torch.nn.ReLU", type[nn.Module], nn.ReLU),
        (NORM, type[Norm], BatchNorm),
    ],
)
def test_values_of_the_type_are_taken(value: object, hint: Any, expected: object) -> None:
    converted = Builder().convert("x", value, hint)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("3", int),
        (3.0, int),
        (True, int),
        (True, float),
        (1, bool),
        (1, str),
        (None, int),
        (10**400, float),
        ("c", Literal["a", "b"]),
        (True, Literal[1]),
        ([1], tuple[int, int]),
        (["1"], Sequence[int]),
        ("12", Sequence[int]),
        ({"a": "1"}, Mapping[str, int]),
        ("SECOND", Kind),
        ({"z": 1}, Point),
        ("torch.nn.ReLU", nn.Module),
        ("torch.nn.ReLU", Callable[[int], nn.Module]),
        ('{"class_path": "torch.nn.ReLU"}', nn.Module),
        ("torch.relu", Callable[[int], nn.Module]),
        ({"class_path": "torch.relu"}, Callable[..., Any]),
        ({"class_path": "torch.nn.ReLU", "args": []}, nn.Module),
        ({"class_path": "torch.nn.ReLU", "init_args": [True]}, nn.Module),
        ({"class_path": "torch.nn.ReLU", "init_args": {"slope": 1}}, nn.Module),
        ({"class_path": "torch.nn.ReLU"}, Callable[[int], Norm] | None),
        ("os.system", type),
        (RELU, Noise),
    ],
)
def test_values_of_other_types_are_refused(value: object, hint: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Builder().convert("x", value, hint)


def test_objects_and_functions_are_built() -> None:
    layer = Builder().build("x", RELU, nn.Module)
    assert isinstance(layer, nn.LeakyReLU)
    assert layer.negative_slope == 1
    called = Builder().convert("x", RELU, Callable[[torch.Tensor], torch.Tensor] | None)
    assert isinstance(called, nn.LeakyReLU)
    noise = Builder().build("x", {"class_path": "lightning_gans.components.noise.UniformNoise"}, UniformNoise)
    assert noise.low == -1
    described = {"class_path": "lightning_gans.components.optimizers.GANAdam", "init_args": {"betas": [0.1, 0.2]}}
    maker = Builder().convert("x", described, Callable[[Any], torch.optim.Optimizer])
    assert isinstance(maker, partial)
    assert (maker.func, maker.keywords) == (GANAdam, {"betas": (0.1, 0.2)})


def test_arguments_are_those_of_all_constructors_that_pass_them_on() -> None:
    assert {"generator", "noise", "penalty", "clip_g", "n_critic", "optimizer_g"} <= constructor_types(WGANGP).keys()
    assert "channels_a" not in constructor_types(WGANGP)
    assert set(constructor_types(BatchNorm)) == {"channels"}
