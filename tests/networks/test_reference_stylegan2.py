"""StyleGAN2's networks against what the authors' own code makes of the same weights and input."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.components import generator_penalties
from lightning_gans.components.generator_penalties import GeneratorPass, PathLength
from lightning_gans.networks import StyleGAN2Discriminator, StyleGAN2Generator
from lightning_gans.networks.stylegan2_layers import MappingNetwork
from lightning_gans.networks.stylegan2_synthesis import ModulatedConv2d, StyledLayer
from tests.support.closed_form import assert_is, fill, numbers, reference

REFERENCE = reference(__file__, "stylegan2")
CASES = REFERENCE["cases"]
LABELS = torch.tensor([2, 0, 1, 1])


def generator(architecture: Any = "skip", num_classes: int | None = None) -> StyleGAN2Generator:
    sizes: dict[str, Any] = {"latent_dim": 6, "style_dim": 5, "mapping_layers": 3, "width": 2}
    classes: dict[str, Any] = {"num_classes": num_classes, "conditional": num_classes is not None}
    return StyleGAN2Generator(3, 16, **sizes, architecture=architecture, **classes).eval().double()


def discriminator(architecture: Any = "residual", num_classes: int | None = None) -> StyleGAN2Discriminator:
    classes: dict[str, Any] = {"num_classes": num_classes, "conditional": num_classes is not None}
    made = StyleGAN2Discriminator(3, 16, width=2, architecture=architecture, mapping_layers=3, **classes)
    return made.eval().double()


def made(case: str) -> nn.Module:
    kind, which = case.split("_")
    make = generator if kind == "generator" else discriminator
    if which in ("original", "skip", "residual"):
        return make(which)
    return make(num_classes=3 if which == "conditional" else None)


def their_name(name: str, smallest: int = 4, largest: int = 16) -> str:
    """The name in the authors' networks of a parameter or buffer of ours."""
    layers = {"0": "conv0", "3": "conv1"}

    def synthesis(found: re.Match[str]) -> str:
        level, rest = int(found[1]), found[2]
        rest = rest.replace("to_image", "torgb").replace("shortcut.0", "skip")
        rest = re.sub(r"layers\.(\d)", lambda layer: f"conv{int(layer[1]) + (level == 0)}", rest)
        rest = rest.replace(".conv.", ".").replace("strength", "noise_strength")
        return f"synthesis.b{smallest << level}.{re.sub('noise$', 'noise_const', rest)}"

    if name == "synthesis.constant":
        return f"synthesis.b{smallest}.const"
    name = re.sub(r"^synthesis\.blocks\.(\d)\.(.*)", synthesis, name)
    name = re.sub(r"^((?:mapping\.)?)layers\.(\d+)", lambda found: f"{found[1]}fc{int(found[2]) // 2}", name)
    name = re.sub(r"^from_image\.(\d)\.0", lambda found: f"b{largest >> int(found[1])}.fromrgb", name)
    name = re.sub(r"^blocks\.(\d)\.branch\.(\d)", lambda found: f"b{largest >> int(found[1])}.{layers[found[2]]}", name)
    name = re.sub(r"^blocks\.(\d)\.shortcut\.1", lambda found: f"b{largest >> int(found[1])}.skip", name)
    ends = {"1": "conv", "4": "fc", "6": "out"}
    return re.sub(r"^end\.(\d)", lambda found: f"b{smallest}.{ends[found[1]]}", name)


@torch.no_grad()
def fill_in(network: nn.Module, described: dict[str, list[int]]) -> None:
    ours = {their_name(name): parameter for name, parameter in network.named_parameters()}
    assert set(ours) == set(described)
    fill([ours[name] for name in described], described)
    noises = [buffer for name, buffer in network.named_buffers() if name.endswith("noise")]
    for place, buffer in enumerate(noises):
        buffer.copy_(numbers(buffer.shape, 3000 + place))


def judge(network: nn.Module, given: Tensor, labels: Tensor | None) -> Tensor:
    """The output; of G before it is limited, as theirs."""
    if isinstance(network, StyleGAN2Generator):
        given = network.styles(given, labels)
    output: Tensor = network.synthesis(given) if isinstance(network, StyleGAN2Generator) else network(given, labels)
    return output


@pytest.mark.parametrize("case", [case for case in CASES if "slope" in CASES[case]])
def test_output_and_slope_are_the_authors(case: str) -> None:
    expected, network = CASES[case], made(case)
    fill_in(network, expected["parameters"])
    given = numbers(expected["input"], 1000).requires_grad_(True)
    output = judge(network, given, LABELS)
    (slope,) = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), given)
    assert_is(output, expected["output"])
    assert_is(slope, expected["slope"])


def test_truncated_styles_are_the_authors() -> None:
    expected, network = CASES["generator_truncated"], generator()
    fill_in(network, CASES["generator_skip"]["parameters"])
    network.style_mean.copy_(numbers(network.style_mean.shape, 4000))
    styles = network.styles(numbers(expected["input"], 1000), truncation=expected["truncation"])
    assert_is(network.synthesis(styles), expected["output"])


def test_groups_of_images_are_the_authors_in_another_order() -> None:
    expected, network = CASES["discriminator_groups"], discriminator()
    fill_in(network, CASES["discriminator_residual"]["parameters"])
    images = numbers(expected["input"], 1000)[expected["order"]]
    assert_is(network(images), expected["output"])


@pytest.mark.parametrize("up", [False, True])
def test_a_modulated_convolution_is_the_authors_fused_or_not(up: bool) -> None:
    conv = ModulatedConv2d(4, 7, style_dim=4, up=up).double()
    nn.init.eye_(conv.affine.weight)
    conv.affine.weight_gain = 1
    nn.init.zeros_(conv.affine.bias)
    with torch.no_grad():
        conv.weight.copy_(numbers((7, 4, 3, 3), 1001))
    maps, factors = conv(numbers((3, 4, 5, 6), 1000), numbers((3, 4), 1002))
    assert_is(maps * factors, REFERENCE["modulated"][f"up{1 + up}"])


def test_the_running_mean_of_w_is_the_authors() -> None:
    expected, network = REFERENCE["mean"], generator()
    fill({their_name(n): p for n, p in network.mapping.named_parameters()}.values(), expected["parameters"])
    network.train()
    network.style_mixing = 0
    network(numbers((4, 6), 1000))
    assert_is(network.style_mean, expected["mean"])


@pytest.mark.parametrize("case", [case for case in REFERENCE["counts"] if case != "cifar"])
def test_numbers_of_parameters_are_the_authors(case: str) -> None:
    size, width = map(int, case.split(","))
    defaults: dict[str, Any] = {} if case in ("256,64", "512,64", "1024,32") else {"width": width}
    with torch.device("meta"):
        networks = StyleGAN2Generator(3, size, **defaults), StyleGAN2Discriminator(3, size, **defaults)
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == REFERENCE["counts"][case]


def test_numbers_of_parameters_of_the_authors_networks_for_cifar() -> None:
    classes: dict[str, Any] = {"width": 512, "num_classes": 10, "conditional": True}
    with torch.device("meta"):
        networks = (
            StyleGAN2Generator(3, 32, mapping_layers=2, **classes),
            StyleGAN2Discriminator(3, 32, architecture="original", **classes),
        )
    assert [sum(p.numel() for p in network.parameters()) for network in networks] == REFERENCE["counts"]["cifar"]


def test_parameters_start_as_the_authors() -> None:
    torch.manual_seed(0)
    for network in (generator(num_classes=3), discriminator(num_classes=3)):
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                assert torch.equal(parameter, torch.full_like(parameter, float("affine" in name))), name
            elif name.endswith("strength"):
                assert parameter == 0
            else:
                spread = 100 if "mapping.layers" in name else 1
                # Five standard errors of a mean of squares.
                found = parameter.square().mean().item() / spread**2
                assert abs(found - 1) <= 5 * (2 / parameter.numel()) ** 0.5, name


def test_the_mapping_network_of_a_label_alone_has_no_latent() -> None:
    network = MappingNetwork(0, 3, style_dim=4, layers=2)
    assert torch.equal(network(labels=torch.tensor([2])), network(labels=torch.eye(3)[[2]]))


def test_path_length_regularization_is_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, network = REFERENCE["path_length"], generator()
    fill_in(network, CASES["generator_skip"]["parameters"])
    for layer in network.modules():
        if isinstance(layer, StyledLayer):
            nn.init.zeros_(layer.strength)
    network.train()
    network.style_mixing = 0
    monkeypatch.setattr(
        generator_penalties, "normal_per_image", lambda count, device, *shape: numbers((count, *shape), 5000)
    )
    penalty = PathLength(weight=2.0, interval=expected["gain"], decay=0.01)
    penalty.load_training_state({"mean": expected["mean_before"]})
    latent, images = network.differentiable_pass(numbers(expected["latent"], 1000))
    torch.autograd.backward(penalty.term(GeneratorPass(latent, images)))
    assert penalty.training_state()["mean"] == pytest.approx(expected["mean_after"], rel=1e-7)
    gradients = {their_name(name): parameter.grad for name, parameter in network.named_parameters()}
    for name, gradient in expected["gradients"].items():
        found = gradients[name]
        assert found is not None
        assert_is(found, gradient, rtol=1e-6, atol=1e-8)
