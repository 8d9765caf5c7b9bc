"""Generators that the authors' code of pix2pix, CycleGAN and CUT has saved, against what that code makes of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lightning_gans
from lightning_gans.__main__ import main
from lightning_gans.core.errors import InputError
from lightning_gans.inference import ImageTranslator
from lightning_gans.inference.imported import import_generators
from lightning_gans.networks import InstanceNorm, ResNetTranslator
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.networks.norms import NoNorm, RunningBatchNorm
from tests.support.authors_states import DOUBLE, HALVE, low_pass, resnet_state, saved
from tests.support.closed_form import assert_is, numbers, reference, weights

NETWORKS = Path(__file__).parents[2] / "networks" / "test_reference_translation.py"


def their_state(parameters: dict[str, Any], idle: list[str] = []) -> dict[str, Tensor]:  # noqa: B006 (not changed)
    """The parameters of a file of references, and biases in front of a normalization, which change nothing."""
    state = {name: weights(name, shape, seed).float() for seed, (name, shape) in enumerate(parameters.items())}
    for seed, name in enumerate(idle):
        state[name] = numbers([1], seed).float()
    return state


def imported(path: Path, **options: Any) -> ImageTranslator:
    return import_generators({"a_to_b": path}, **options).model


def reference_case(file: str, case: str, beside: Path = NETWORKS) -> dict[str, Any]:
    found: dict[str, Any] = reference(str(beside), file)["cases"][case]
    return found


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
def test_a_unet_with_instance_norm_is_the_authors(tmp_path: Path, legacy: bool) -> None:
    case = reference_case("unet", "instance_norm_128")
    path = saved(tmp_path, their_state(case["parameters"], case["idle"]), legacy)
    model = imported(path)
    assert model.sizes == {"a_to_b": (128, 128)}
    assert_is(model.translate(numbers(case["images"], 1000).float()), case["output"], rtol=1e-3, atol=1e-5)


def test_a_unet_with_batch_norm_is_the_authors_with_each_image_alone(tmp_path: Path) -> None:
    case = reference_case("unet", "batch_norm_64_alone")
    state = their_state(case["parameters"])
    for name in [name for name in state if name.endswith(".2.weight") or name.endswith(".6.weight")]:
        state[name.replace("weight", "num_batches_tracked")] = torch.tensor(7)
    assert_is(
        imported(saved(tmp_path, state)).translate(numbers(case["images"], 1000).float()),
        case["output"],
        rtol=1e-3,
        atol=1e-5,
    )


def test_a_resnet_with_instance_norm_is_the_authors_and_old_statistics_are_left_out(tmp_path: Path) -> None:
    case = reference_case("resnet_translator", "instance_norm")
    state = their_state(case["parameters"], case["idle"])
    for name in case["idle"]:
        layer, _, place = name.removesuffix(".bias").rpartition(".")
        state[f"{layer}.{int(place) + 1}.running_mean"] = torch.ones(3)
    found = import_generators({"b_to_a": saved(tmp_path, state)}, side=32)
    assert found.model.sizes == {"b_to_a": (32, 32)}
    assert found.found["b_to_a"] == "ResNet-6, width 4, instance normalization, 3 to 2 channels"
    assert "running statistics of instance normalization are left out" in found.notes["b_to_a"][0]
    assert_is(found.model.translate(numbers(case["images"], 1000).float()), case["output"], rtol=1e-3, atol=1e-5)


def test_cuts_antialiased_resnet_is_the_authors(tmp_path: Path) -> None:
    case = reference_case("generators", "antialiased", Path(__file__))
    state = their_state(case["parameters"], ["model.1.bias"])
    state |= {"model.7.filt": low_pass(HALVE, 8), "model.11.filt": low_pass(HALVE, 16)}
    state |= {"model.14.filt": low_pass(DOUBLE, 16), "model.18.filt": low_pass(DOUBLE, 8)}
    found = import_generators({"a_to_b": saved(tmp_path, state)})
    assert found.found["a_to_b"].startswith("antialiased ResNet-2, width 4")
    assert_is(found.model.translate(numbers(case["images"], 1000).float()), case["output"], rtol=1e-3, atol=1e-5)
    state["model.7.filt"] = low_pass([0.3, 0.4, 0.3], 8)
    with pytest.raises(InputError, match=r"model.7.filt is another filter than 0.25 0.5 0.25"):
        imported(saved(tmp_path, state))


def test_running_statistics_are_used_as_the_authors_do_in_evaluation_mode(tmp_path: Path) -> None:
    case = reference_case("generators", "running", Path(__file__))
    state = their_state(case["parameters"])
    norms = [name.removesuffix(".weight") for name in state if name.endswith((".2.weight", ".6.weight"))]
    norms.append("model.model.1.model.3.model.3.model.3.model.3.model.4")
    norms.sort(key=lambda name: [*case["parameters"]].index(f"{name}.weight"))
    for place, name in enumerate(norms):
        shape = state[f"{name}.weight"].shape
        state[f"{name}.running_mean"] = numbers(shape, 5000 + 2 * place).float() / 2
        state[f"{name}.running_var"] = 1 + numbers(shape, 5001 + 2 * place).float() / 2
    model = imported(saved(tmp_path, state), running=True)
    assert_is(model.translate(numbers(case["images"], 1000).float()), case["output"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("norm", "running", "expected"),
    [
        ("batch", False, BatchNorm),
        ("batch", True, RunningBatchNorm),
        ("instance", False, InstanceNorm),
        ("none", False, NoNorm),
    ],
)
def test_the_normalization_is_recognized(tmp_path: Path, norm: str, running: bool, expected: type) -> None:
    network = imported(saved(tmp_path, resnet_state(norm)), running=running).network()
    assert isinstance(network, ResNetTranslator)
    assert type(network.layers[1]) is expected


def test_dropout_and_antialiasing_of_a_resnet_are_recognized(tmp_path: Path) -> None:
    model = imported(saved(tmp_path, resnet_state("instance", dropout=True, blurred=True)))
    arguments = model.config["generators"]["a_to_b"]["network"]["init_args"]
    assert {name: arguments[name] for name in ("blocks", "dropout", "antialias_down", "antialias_up")} == {
        "blocks": 1,
        "dropout": 0.5,
        "antialias_down": True,
        "antialias_up": True,
    }
    images = torch.rand(1, 3, 16, 16)
    assert torch.equal(model.translate(images), model.translate(images))


@pytest.mark.parametrize("old", [True, False], ids=["older names", "newer names"])
def test_spectral_normalization_becomes_part_of_the_weights(tmp_path: Path, old: bool) -> None:
    plain = resnet_state("instance")
    state = dict(plain)
    layer = nn.ConvTranspose2d(8, 4, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(state.pop("model.11.weight"))
    normalized = nn.utils.spectral_norm(layer) if old else nn.utils.parametrizations.spectral_norm(layer)
    normalized(torch.rand(1, 8, 4, 4))
    state |= {f"model.11.{name}": value for name, value in normalized.state_dict().items()}
    found = import_generators({"a_to_b": saved(tmp_path, state)})
    assert "spectral normalization of 1 layers is part of their weights now" in found.notes["a_to_b"]
    expected = normalized.eval()(torch.ones(1, 8, 4, 4))
    ours = next(each for each in found.model.modules() if isinstance(each, nn.ConvTranspose2d))
    torch.testing.assert_close(nn.functional.conv_transpose2d(torch.ones(1, 8, 4, 4), ours.weight), expected)


def test_the_folder_works_like_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    forth, back, out = tmp_path / "latest_net_G_A.pth", tmp_path / "latest_net_G_B.pth", tmp_path / "model"
    torch.save({f"module.{name}": value for name, value in resnet_state("instance").items()}, forth)
    torch.save(resnet_state("none"), back)
    command = ["lightning-gans", "import", str(forth), "--back", str(back), "--out", str(out), "--size", "32"]
    monkeypatch.setattr(sys, "argv", command)
    main()
    printed = capsys.readouterr().out
    assert f"a_to_b: {forth} is a ResNet-1, width 2, instance normalization, 3 to 1 channels\n" in printed
    model = lightning_gans.load(out)
    assert isinstance(model, ImageTranslator)
    assert model.directions == ["a_to_b", "b_to_a"]
    card = (out / "README.md").read_text()
    assert "# Imported\n" in card
    assert "Imported by lightning-gans" in card
    monkeypatch.setattr(sys, "argv", ["lightning-gans", "inspect", str(out)])
    main()
    assert "latest_net_G_A.pth (ResNet-1, width 2, instance normalization" in capsys.readouterr().out


# Files that are refused.


def changed(**changes: Tensor | None) -> dict[str, Any]:
    state = {**resnet_state("instance"), **{name.replace("__", "."): value for name, value in changes.items()}}
    return {name: value for name, value in state.items() if value is not None}


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    ({"model.0.weight": torch.ones(4, 3, 4, 4)}, {}, "it has a discriminator that judges patches"),
    ({"net.0.weight": torch.ones(4, 3, 1, 1)}, {}, "it has a discriminator that judges pixels"),
    ({"mlp_0.0.weight": torch.ones(4, 4)}, {}, "it has the MLPs on features of CUT"),
    (
        {"encoder.0.weight": torch.ones(4), "decoder.0.weight": torch.ones(4)},
        {},
        "it has CUT's generator with StyleGAN2",
    ),
    ({"fc.weight": torch.ones(4, 4)}, {}, "it has another network"),
    (changed(extra=torch.ones(1)), {}, "extra is no tensor of ResNet-1"),
    (changed(model__4__weight=None), {}, "model.4.weight is missing"),
    (changed(model__4__weight=torch.ones(5, 2, 3, 3)), {}, r"model.4.weight has shape \(5, 2, 3, 3\)"),
    (changed(model__4__weight=torch.full((4, 2, 3, 3), torch.nan)), {}, "not finite"),
    (changed(), {"running": True}, "it has no batch normalization"),
    (changed(), {"side": 30}, "size is 30; expected a multiple of 4"),
    ({"model.model.0.weight": torch.ones(4, 3, 4, 4)}, {}, "it has a U-Net that halves the sides 2 times"),
    ({"netG": changed()}, {}, "which has a mapping of"),
    ([torch.ones(1)], {}, "which has a list"),
    ({}, {}, "which has no tensors"),
]


@pytest.mark.parametrize(("contents", "options", "message"), REFUSED, ids=range(len(REFUSED)))
def test_other_files_are_refused(tmp_path: Path, contents: Any, options: dict[str, Any], message: str) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save(contents, path)
    with pytest.raises(InputError, match=f"FILE is .*latest_net_G.pth, .*{message}"):
        imported(path, **options)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
def test_code_and_truncated_files_are_refused(tmp_path: Path, legacy: bool) -> None:
    path = saved(tmp_path, resnet_state(), legacy)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InputError, match=r"cannot be read \(\w+: it is truncated"):
        imported(path)
    torch.save(nn.Conv2d(1, 1, 1), path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(
        InputError, match=r"is not read, since it names 'torch.nn.modules.conv.Conv2d', which could run"
    ):
        imported(path)
    path.write_text("no pickle")
    with pytest.raises(InputError, match="cannot be read"):
        imported(path)
    with pytest.raises(InputError, match="which does not exist"):
        imported(tmp_path / "none.pth")
