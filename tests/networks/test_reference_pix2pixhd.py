"""pix2pixHD's networks and losses against what the authors' own code makes of the same weights and images."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.components.objectives import LeastSquares
from lightning_gans.networks import CoarseToFineTranslator, MultiScalePatchGAN, ResNetTranslator
from lightning_gans.networks.layered import feature_distance
from tests.support.closed_form import assert_is, fill, numbers, reference

REFERENCE = reference(__file__, "pix2pixhd")
CASES: dict[str, Any] = REFERENCE["cases"]


def test_the_discriminator_and_its_losses_are_the_authors() -> None:
    expected = CASES["discriminator"]
    network = MultiScalePatchGAN(5, width=4).double()
    # Theirs begins with the discriminator of the smallest images.
    parameters = list(chain.from_iterable(scale.parameters() for scale in reversed(network.scales)))
    fill(parameters, expected["parameters"])
    truth, images = numbers(expected["images"], 1000), numbers(expected["images"], 1001).requires_grad_(True)
    real, fake = network(truth, judge=True), network(images, judge=True)
    for scale, logits, features in zip(fake, expected["logits"], expected["features"], strict=True):
        assert_is(scale.logits, logits)
        for found, wanted in zip(scale.features, features, strict=True):
            assert_is(found, wanted)
    # The package's losses are float32 scalars.
    matching = feature_distance(fake, real)
    assert matching.item() == pytest.approx(expected["matching"], rel=1e-6)
    (slope,) = torch.autograd.grad(matching, images)
    assert_is(slope, expected["slope"], rtol=1e-4, atol=1e-6)
    objective, pairs = LeastSquares(), list(zip(real, fake, strict=True))
    of_d = sum(objective.discriminator_loss(one.logits, other.logits) for one, other in pairs)
    of_g = sum(objective.generator_loss(scale.logits) for scale in fake)
    assert torch.as_tensor(of_d).item() / 2 == pytest.approx(expected["loss_d"], rel=1e-6)
    assert torch.as_tensor(of_g).item() == pytest.approx(expected["loss_g"], rel=1e-6)


def test_the_discriminator_has_as_many_weights_as_the_authors_but_the_idle_ones() -> None:
    (count, _, idle) = REFERENCE["sizes"]["MultiscaleDiscriminator(6, ndf=64, n_layers=3, num_D=2, getIntermFeat=True)"]
    with torch.device("meta"):
        network = MultiScalePatchGAN(6)
    assert sum(weight.numel() for weight in network.parameters()) == count - idle


@pytest.mark.parametrize(
    ("case", "network", "idle"),
    [
        ("global", ResNetTranslator(3, 2, (32, 48), blocks=2, width=4, halvings=3), 11),
        (
            "local",
            CoarseToFineTranslator(3, 2, (32, 48), width=4, halvings=2, blocks=2, local_blocks=2),
            16,
        ),
        (
            "two_enhancers",
            CoarseToFineTranslator(3, 2, (64, 48), enhancers=2, width=8, halvings=2, blocks=1, local_blocks=1),
            17,
        ),
    ],
    ids=["global", "local", "two enhancers"],
)
def test_generators_are_the_authors_without_their_idle_biases(case: str, network: nn.Module, idle: int) -> None:
    expected = CASES[case]
    # One before each norm.
    assert len(expected["idle"]) == idle
    fill(network.double().parameters(), expected["parameters"])
    images = numbers(expected["images"], 1000).requires_grad_(True)
    output: Tensor = network(images)
    (slope,) = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), images)
    assert_is(output, expected["output"])
    assert_is(slope, expected["slope"])


def test_generators_have_as_many_weights_as_the_authors_but_the_idle_ones() -> None:
    with torch.device("meta"):
        networks = [ResNetTranslator(3, 3, 512, halvings=4), CoarseToFineTranslator(3, 3, 1024)]
    counts = [count - idle for name, (count, _, idle) in REFERENCE["sizes"].items() if "Discriminator" not in name]
    assert [sum(weight.numel() for weight in network.parameters()) for network in networks] == counts
