"""CUT's networks and loss against what the authors' own code makes of the same weights and images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components.contrastive import patch_nce
from lightning_gans.networks import CUTPatchGAN, CUTTranslator
from lightning_gans.networks.cut import PatchEmbedding
from tests.support.closed_form import assert_is, fill, numbers, reference

CASES: dict[str, Any] = reference(__file__, "cut")["cases"]
GENERATOR, LOSS = CASES["generator"], CASES["contrastive"]


@pytest.fixture(scope="module")
def generator() -> CUTTranslator:
    network = CUTTranslator(3, 3, 24, blocks=6, width=4).double()
    fill(network.parameters(), GENERATOR["parameters"])
    return network


def test_the_discriminator_is_the_authors() -> None:
    expected = CASES["discriminator"]
    network = CUTPatchGAN(3, width=4).double()
    fill(network.parameters(), expected["parameters"])
    images = numbers(expected["images"], 1000).requires_grad_(True)
    logits: Tensor = network(images)
    (slope,) = torch.autograd.grad((logits * numbers(logits.shape, 2000)).sum(), images)
    assert_is(logits, expected["output"])
    assert_is(slope, expected["slope"])


def test_the_generator_and_its_features_are_the_authors(generator: CUTTranslator) -> None:
    images = numbers(GENERATOR["images"], 1000)
    assert_is(generator(images), GENERATOR["output"])
    first, *others = generator(images, encode=True)
    # Theirs are within a border of three pixels, which mirrors others of the image.
    assert first is images
    assert [maps.shape[1] for maps in (first, *others)] == generator.encoded_channels
    for maps, expected in zip(others, GENERATOR["features"], strict=True):
        assert_is(maps, expected)


def test_the_contrastive_loss_is_the_authors(generator: CUTTranslator) -> None:
    embedding = PatchEmbedding(generator.encoded_channels, width=8).double()
    fill(embedding.parameters(), LOSS["parameters"])
    source = numbers(GENERATOR["images"], 1000)
    translated = numbers(GENERATOR["images"], 1001).requires_grad_(True)
    query_maps, key_maps = generator(translated, encode=True), generator(source, encode=True)
    places = [(7 * torch.arange(20) + 3) % maps[0, 0].numel() for maps in key_maps]
    keys = [key.detach() for key in embedding(key_maps, places)]
    losses = [patch_nce(query, key, 0.07) for query, key in zip(embedding(query_maps, places), keys, strict=True)]
    # Both divide by the length of an embedding; theirs adds 1e-7 to it.
    assert [loss.mean().item() for loss in losses] == pytest.approx(LOSS["layers"], rel=1e-5)
    loss = torch.stack(losses).mean()
    assert loss.item() == pytest.approx(LOSS["loss"], rel=1e-6)
    (slope,) = torch.autograd.grad(loss, translated)
    assert_is(slope, LOSS["slope"], rtol=1e-4, atol=1e-6)
