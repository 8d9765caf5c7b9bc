"""BicycleGAN's networks, losses and gradients against what the authors' own code makes of the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import BicyclePatchGAN, LatentUNet, ResNetLatentEncoder
from lightning_gans.variants import BicycleGAN
from tests.support.closed_form import assert_is, fill, numbers, reference

CASES: dict[str, Any] = reference(__file__, "bicyclegan")["cases"]


def theirs(encoder: ResNetLatentEncoder) -> Iterator[nn.Parameter]:
    """The parameters in the order of the authors' encoder, which begins with the linear layers."""
    for part in (encoder.mean, encoder.log_variance, encoder.first, encoder.blocks):
        yield from part.parameters()


@pytest.mark.parametrize("inject", ["all", "input"])
def test_the_generator_is_the_authors(inject: Literal["all", "input"]) -> None:
    expected = CASES[f"unet_{inject}"]
    network = LatentUNet(3, 2, 128, latent_dim=3, width=4, inject=inject).double()
    fill(network.parameters(), expected["parameters"])
    images = numbers(expected["images"], 1000).requires_grad_(True)
    latent = numbers(expected["latent"], 1002).requires_grad_(True)
    output: Tensor = network(images, latent)
    slopes = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), (images, latent))
    assert_is(output, expected["output"])
    assert_is(slopes[0], expected["slope"])
    assert_is(slopes[1], expected["latent_slope"])


def test_the_encoder_is_the_authors() -> None:
    expected = CASES["encoder"]
    network = ResNetLatentEncoder(2, 128, 3, width=4).double()
    fill(theirs(network), expected["parameters"])
    images = numbers(expected["images"], 1001).requires_grad_(True)
    mean, log_variance = network(images)
    of_mean, of_variance = (numbers(mean.shape, seed) for seed in (2000, 2001))
    (slope,) = torch.autograd.grad((mean * of_mean).sum() + (log_variance * of_variance).sum(), images)
    assert_is(mean, expected["mean"])
    assert_is(log_variance, expected["log_variance"])
    assert_is(slope, expected["slope"])


def test_the_discriminator_is_the_authors() -> None:
    expected = CASES["discriminator"]
    network = BicyclePatchGAN(2, layers=2, width=8).double()
    fill(network.parameters(), expected["parameters"])
    judged = network(numbers(expected["images"], 1001), judge=True)
    for scale, logits in zip(judged, expected["logits"], strict=True):
        assert_is(scale.logits, logits)


def test_losses_and_gradients_are_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = CASES["step"]
    monkeypatch.setattr(BicycleGAN, "log_scalar", lambda *_: None)
    model = BicycleGAN(
        partial(LatentUNet, latent_dim=3, width=4),
        partial(ResNetLatentEncoder, width=4),
        partial(BicyclePatchGAN, layers=2, width=8),
        channels_b=2,
        size=128,
    ).double()
    assert isinstance(model.encoder, ResNetLatentEncoder)
    assert model.discriminator_vae is not None
    fill(model.generator.parameters(), CASES["unet_all"]["parameters"])
    fill(theirs(model.encoder), CASES["encoder"]["parameters"])
    for network, factor in ((model.discriminator_vae, 1.0), (model.discriminator, 0.9)):
        fill(network.parameters(), CASES["discriminator"]["parameters"])
        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(factor)
    source, truth = numbers(expected["images"], 1000)[:1], numbers(expected["true"], 1001)[:1]
    noise, drawn = (numbers(expected["latent"], seed) for seed in (1003, 1004))
    codes = model.encoder(truth)
    rebuilt = model.generator(source, codes.sample(noise))
    random = model.generator(source, drawn)
    cycle = model.cycle_loss(truth, codes, rebuilt, drawn, random)
    parts = expected["l1"] + expected["kl"] + expected["latent_l1"]
    assert cycle.item() == pytest.approx(parts, rel=1e-6)
    loss = model.generator_loss(source, truth, rebuilt, random) + cycle
    # The package's losses are float32 scalars.
    assert loss.item() == pytest.approx(expected["loss_g"] + expected["latent_l1"], rel=1e-6)
    loss.backward()  # type: ignore[no-untyped-call]
    found = {"gradient_g": model.generator.parameters(), "gradient_e": theirs(model.encoder)}
    for name, parameters in found.items():
        gradients = [weight.grad for weight in parameters if weight.grad is not None]
        assert_is(torch.cat([gradient.flatten() for gradient in gradients]), expected[name], rtol=1e-4, atol=1e-6)
    of_d = model.discriminators_loss(source, truth, rebuilt.detach(), random.detach())
    assert of_d.item() == pytest.approx((expected["loss_d"] + expected["loss_d2"]) / 2, rel=1e-6)
