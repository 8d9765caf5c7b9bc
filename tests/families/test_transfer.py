"""Layers of one network in another: by name, by the side of their maps, and under spectral normalization."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.families.transfer import align, copy_layer, copy_weights, layers_of, split_name
from lightning_gans.networks import (
    BigGANDiscriminator,
    BigGANGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    InfoGANGenerator,
    LSGANDiscriminator,
    PatchGAN,
    R3GANDiscriminator,
    R3GANGenerator,
    SNGANDiscriminator,
    SNGANResNetDiscriminator,
    SNGANResNetGenerator,
    UNet,
)
from lightning_gans.networks.layers import apply_spectral_norm


def numbered(network: nn.Module, first: int) -> nn.Module:
    """A network each of whose tensors is filled with a number of its own."""
    for number, value in enumerate(network.state_dict().values(), first):
        value.fill_(number)
    return network


@pytest.mark.parametrize(
    "network",
    [
        DCGANDiscriminator(3, 32, width=2),
        R3GANGenerator(3, 28, width=8, num_classes=3, conditional=True),
        SNGANResNetGenerator(1, 28, width=4, num_classes=3, conditional=True),
        BigGANGenerator(1, 28, width=2, attention=14, num_classes=3, conditional=True),
        PatchGAN(3, width=2, spectral_norm=True),
    ],
    ids=lambda network: type(network).__name__,
)
def test_a_network_of_the_same_kind_is_taken_as_it_is(network: nn.Module) -> None:
    arguments = network.constructor_arguments()  # type: ignore[operator]
    other = type(network)(**arguments)
    copied = copy_weights(other, numbered(network, 1).state_dict())
    assert not copied.others
    assert copied.describe() == f"all {copied.given} layers"
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("small", "large", "taken"),
    [
        # Maps of the same side have as many channels where the width at 64 pixels is half of that at 32.
        (DCGANGenerator(1, 32, width=4), DCGANGenerator(1, 64, width=2), {0: 0, 1: 1, 3: 3, 4: 4, 6: 6, 7: 7}),
        (DCGANDiscriminator(1, 32, width=4), DCGANDiscriminator(1, 64, width=2), {2: 5, 3: 6, 5: 8, 6: 9, 8: 11}),
        (LSGANDiscriminator(1, 28, width=4), LSGANDiscriminator(1, 56, width=2), {2: 5, 3: 6, 6: 9}),
        (SNGANDiscriminator(1, 28, width=4), SNGANDiscriminator(1, 28, width=4), {n: n for n in (0, 2, 4, 6, 8, 11)}),
    ],
    ids=lambda value: f"{type(value).__name__}{getattr(value, 'size', ('',))[0]}",
)
def test_layers_of_maps_of_the_same_side_are_taken_from_another_size(
    small: nn.Module, large: nn.Module, taken: dict[int, int]
) -> None:
    copied = copy_weights(large, numbered(small, 1000).state_dict())
    assert copied.layers == {f"layers.{number}" for number in taken.values()}
    here, there = layers_of(large.state_dict()), layers_of(small.state_dict())
    for before, after in taken.items():
        assert all(torch.equal(v, here[f"layers.{after}"][k]) for k, v in there[f"layers.{before}"].items())
    for name in copied.others:
        assert all(value.max() < 1000 for value in here[name].values())


def test_residual_blocks_of_maps_of_the_same_side_are_taken_from_another_size() -> None:
    blocks = {f"blocks.{index}" for index in (2, 3, 4)}
    small, large = (SNGANResNetDiscriminator(1, size, width=2) for size in (32, 64))
    copied = copy_weights(large, small.state_dict())
    assert {name.rpartition(".branch")[0] for name in copied.layers if ".branch" in name} - {"blocks.1"} == blocks
    assert {"blocks.2.shortcut", "logit"} <= copied.layers
    shortcuts = large.state_dict()["blocks.2.shortcut.weight"], small.state_dict()["blocks.1.shortcut.weight"]
    assert torch.equal(*shortcuts)
    copied = copy_weights(SNGANResNetGenerator(1, 64, width=2), SNGANResNetGenerator(1, 32, width=2).state_dict())
    assert {name.split(".")[1] for name in copied.others} == {"3"}  # of the largest map

    small_d, large_d = (R3GANDiscriminator(1, size, width=8, growth=1, blocks=1) for size in (32, 64))
    copied = copy_weights(large_d, small_d.state_dict())
    assert {name.split(".")[1] for name in copied.others} == {"0", "1"}
    assert torch.equal(*(list(network.parameters())[-1] for network in (large_d, small_d)))
    large_g, small_g = (R3GANGenerator(1, size, width=8, growth=1, blocks=1) for size in (64, 32))
    copied = copy_weights(large_g, small_g.state_dict())
    assert {"basis", "weigh", "layers.0.branch.0"} <= copied.layers
    assert {name.split(".")[1] for name in copied.others} == {"8", "9"}
    deep, big_d = (BigGANDiscriminator(1, size, width=2, attention=32) for size in (256, 512))
    copied = copy_weights(big_d, deep.state_dict())
    assert {name.split(".")[1] for name in copied.others} == {"0", "1"}
    assert {"blocks.3.attention.query", "blocks.7.branch.1"} <= copied.layers
    copied = copy_weights(UNet(1, 1, 128, width=2), UNet(1, 1, 64, width=2).state_dict())
    assert {"down.6.1", "up.0.1"} <= copied.layers  # of the smallest maps
    assert "down.0.0" not in copied.layers


def test_layers_of_other_channels_and_classes_are_left_out() -> None:
    color, gray = DCGANDiscriminator(3, 28, width=2), DCGANDiscriminator(1, 28, width=2)
    copied = copy_weights(color, gray.state_dict())
    assert copied.describe() == (
        "3 of 4 layers; not layers.0 (weight is 2 x 1 x 4 x 4 in the file, 2 x 3 x 4 x 4 here)"
    )
    three, five, other = (
        R3GANGenerator(1, 28, width=8, num_classes=classes, conditional=True) for classes in (3, 5, 3)
    )
    assert set(copy_weights(five, three.state_dict()).others) == {"embed"}
    assert not copy_weights(other, three.state_dict()).others
    resnets = [SNGANResNetGenerator(1, 28, width=2, num_classes=n, conditional=True) for n in (3, 5)]
    assert {name.rpartition(".")[2] for name in copy_weights(resnets[1], resnets[0].state_dict()).others} == {"0", "1"}
    plain = DCGANGenerator(1, 28, width=2)
    copied = copy_weights(InfoGANGenerator(1, 28, width=2, dense=5), plain.state_dict())
    assert copied.describe().startswith("none of 7 layers (the file has 5); not layers.0 (weight is ")


def state(**tensors: Any) -> dict[str, Tensor]:
    return {name.replace("_", "."): torch.as_tensor(value) for name, value in tensors.items()}


def test_why_a_layer_does_not_fit_is_said() -> None:
    network = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1), nn.Linear(1, 1, bias=False))
    own = network.state_dict()
    batch = {name: value for name, value in own.items() if name.startswith("1.")}
    for given, reason in (
        ({"2.weight": own["2.weight"], "2.bias": own["0.bias"]}, "it has bias and weight in the file, weight here"),
        ({"2.weight": own["2.weight"].long()}, "weight is torch.int64 in the file, torch.float32 here"),
        ({"2.x": own["2.weight"], "2." + 99 * "x": own["0.bias"]}, "it has 2 tensors in the file, weight here"),
        (state(), "not in the file"),
    ):
        copied = copy_weights(network, {**own, **batch} | {"2.weight": torch.zeros(())} | given)
        if "2.weight" not in given and "2.x" not in given:
            copied = copy_weights(network, batch)
        elif "2.weight" not in given:
            copied = copy_weights(network, {**batch, **given})
        assert copied.others["2"] == reason
    assert align(["a.0", "a.2.b", "b.1", "a.x", "a.99999999999"], ["a"]) == {
        "a.-2": "a.0",
        "a.0.b": "a.2.b",
        "b.1": "b.1",
        "a.x": "a.x",
        "a.99999999999": "a.99999999999",
    }
    assert split_name("basis") == ("basis", "basis")
    assert split_name("x.parametrizations.weight.0._u") == ("x", "weight:u")


def judged(network: DCGANDiscriminator) -> Tensor:
    images = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits: Tensor = network.eval()(images)
    return logits


def test_spectral_normalization_makes_no_difference_to_what_fits() -> None:
    torch.manual_seed(0)
    normalized, same, plain, other = (DCGANDiscriminator(1, 28, width=2) for _ in range(4))
    for network in (normalized, same, other):
        apply_spectral_norm(network)
    normalized(torch.rand(2, 1, 28, 28))
    assert not copy_weights(same, normalized.state_dict()).others
    assert torch.equal(judged(same), judged(normalized))
    assert not copy_weights(plain, normalized.state_dict()).others
    torch.testing.assert_close(judged(plain), judged(normalized))

    weight = DCGANDiscriminator(1, 28, width=2)
    assert not copy_weights(other.train(), weight.state_dict()).others
    assert other.training
    other.eval()
    for layer, original in zip(other.layers, weight.layers, strict=True):
        if isinstance(layer, nn.Conv2d) and isinstance(original, nn.Conv2d):
            matrix = original.weight.detach().flatten(1)
            expected = original.weight.detach() / torch.linalg.matrix_norm(matrix, 2)
            torch.testing.assert_close(layer.weight.detach(), expected, rtol=0.02, atol=1e-3)


def test_vectors_that_do_not_fit_their_weight_are_refused() -> None:
    layer = nn.Linear(3, 2, bias=False)
    given = {"weight": torch.ones(2, 3), "weight:u": torch.ones(2), "weight:v": torch.ones(5)}
    with pytest.raises(InputError, match="vectors of spectral normalization that do not fit"):
        copy_layer(nn.Sequential(layer), "0", {"weight": layer.weight.data}, given)
