"""SPADE's normalization and generator against what the authors' own code makes of the same weights and label maps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks import InstanceNorm, PlainBatchNorm, SPADETranslator
from lightning_gans.networks.layers import Norm
from lightning_gans.networks.spade import SPADE
from tests.support.closed_form import assert_is, fill, numbers, reference

REFERENCE = reference(__file__, "spade")
CASES: dict[str, Any] = REFERENCE["cases"]
NORMS = pytest.mark.parametrize(("kind", "norm"), [("syncbatch", PlainBatchNorm), ("instance", InstanceNorm)])


def assert_same(output: Tensor, given: Tensor, expected: dict[str, Any]) -> None:
    (slope,) = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), given)
    assert_is(output, expected["output"])
    assert_is(slope, expected["slope"])


def filled(network: nn.Module, expected: dict[str, Any]) -> nn.Module:
    network.double()
    fill(network.parameters(), expected["parameters"])
    assert sum(weight.numel() for weight in network.parameters()) == expected["count"]
    return network


@NORMS
def test_the_normalization_is_the_authors(kind: str, norm: type[Norm]) -> None:
    expected = CASES[f"layer_{kind}"]
    layer = filled(SPADE(4, 5, 128, norm), expected)
    maps = numbers(expected["images"], 1000).requires_grad_(True)
    assert_same(layer(maps, numbers((2, 5, 16, 32), 1500)), maps, expected)


@NORMS
def test_the_generator_is_the_authors(kind: str, norm: type[Norm]) -> None:
    expected = CASES[f"generator_{kind}"]
    network = filled(SPADETranslator(3, 3, (32, 64), width=2, norm=norm, spectral_norm=False), expected)
    labels = numbers(expected["images"], 1000).requires_grad_(True)
    # Ours maps values from [-1, 1] to [0, 1] first.
    assert_same(network(2 * labels - 1), labels, expected)


def test_the_generator_has_as_many_weights_as_the_authors() -> None:
    with torch.device("meta"):
        network = SPADETranslator(36, 3, 256)
    (count,) = REFERENCE["sizes"].values()
    assert sum(weight.numel() for weight in network.parameters()) == count
