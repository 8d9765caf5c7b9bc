"""The projected discriminator against what the authors' own code makes of the same weights and images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lightning_gans.networks import ProjectedDiscriminator
from lightning_gans.networks.projected import ScaleDiscriminator
from tests.support.closed_form import assert_is, fill, numbers, reference

CASES = reference(__file__, "projected")["cases"]


def in_their_order(network: ProjectedDiscriminator) -> Iterator[Tensor]:
    """Our weights as the authors' come; those of the mixtures are buffers here."""
    projection = network.projection
    for layer in (*projection.across_channels, *reversed(list(projection.across_scales))):
        yield from (layer.get_buffer(name) for name in ("weight", "bias"))
    for judge in network.scales:
        assert isinstance(judge, ScaleDiscriminator)
        for layer in judge.layers:
            # Theirs has the bias of a convolution before its weight, which spectral normalization registers anew.
            yield from sorted(layer.parameters(), key=lambda p: p.dim() if isinstance(layer, nn.Conv2d) else 0)
        if judge.num_classes:
            yield judge.embed.weight.T
            yield from judge.project.parameters()


def set_weights(network: ProjectedDiscriminator, described: dict[str, Any]) -> None:
    """Give the network the authors' weights, whose largest singular values are known exactly."""
    fill(in_their_order(network), described)
    for module in network.scales.modules():
        if parametrize.is_parametrized(module, "weight"):
            norm: Any = module.get_submodule("parametrizations.weight")
            left, _, right = torch.linalg.svd(norm.original.detach().flatten(1), full_matrices=False)
            norm[0]._u.copy_(left[:, 0])
            norm[0]._v.copy_(right[0])


@pytest.mark.parametrize("name", CASES)
def test_logits_and_slopes_are_the_authors(name: str) -> None:
    case, conditional = CASES[name], name == "conditional"
    network = ProjectedDiscriminator(
        3, (128, 160), width=8, resize=128, num_classes=5 if conditional else None, conditional=conditional
    ).double()
    set_weights(network, case["parameters"])
    images = numbers(case["input"], 1000).requires_grad_(True)
    logits = network(images, torch.tensor([3, 1]))
    (slope,) = torch.autograd.grad((logits * numbers(logits.shape, 2000)).sum(), images)
    # Batch normalization is folded into the weights of the feature network, which are float32 there.
    assert_is(logits, case["output"], rtol=1e-4, atol=1e-5)
    assert_is(slope, case["slope"], rtol=1e-3, atol=1e-3)
