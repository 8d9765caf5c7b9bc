"""Numbers from a closed formula: an author's network and ours get the same weights without a file of weights.

What the authors' own code made of them is in the ``reference`` folders beside the tests, as a few numbers for each
result; each file's ``source`` says whose code it was, at which commit, and what was called.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

PRIME = 999983
"""Cubes are a permutation of the numbers below it."""
KEPT = 8
"""How many single values of a result are stored."""


def numbers(shape: Sequence[int], seed: int) -> Tensor:
    """Numbers in (-1, 1), float64, that look random: cubes modulo a prime, in whole numbers, so the same everywhere."""
    index = torch.arange(torch.Size(shape).numel())
    place = (123457 * index + 7919 * (seed + 1)) % PRIME
    cubes: Tensor = place**3 % PRIME
    return (2 * cubes.double() / PRIME - 1).view(torch.Size(shape))


def weights(name: str, shape: Sequence[int], seed: int) -> Tensor:
    """What a parameter of this name and shape is filled with: maps keep their size, norms scale by .7 to 1.3."""
    values = numbers(shape, seed)
    if len(shape) > 1:
        return values * 2 / math.sqrt(torch.Size(shape[1:]).numel())
    return 1 + 0.3 * values if name.endswith("weight") else 0.3 * values


@torch.no_grad()
def fill(parameters: Iterable[Tensor], described: Mapping[str, Sequence[int]]) -> None:
    """Gives each parameter its numbers.

    Args:
        parameters: ours, in the order in which the authors' come.
        described: name and shape of each of the authors' parameters, in their order.
    """
    for seed, (parameter, (name, shape)) in enumerate(zip(parameters, described.items(), strict=True)):
        assert list(parameter.shape) == list(shape), f"{name} is {list(shape)}, ours {list(parameter.shape)}"
        parameter.copy_(weights(name, shape, seed))


def digest(values: Tensor) -> dict[str, Any]:
    """A few numbers that tell a result from any other: single values, the mean, the spread, a sum with odd weights."""
    flat = values.detach().double().flatten()
    places = [(2 * place + 1) * len(flat) // (2 * KEPT) for place in range(KEPT)] if len(flat) > KEPT else slice(None)
    return {
        "shape": list(values.shape),
        "values": flat[places].tolist(),
        "mean": flat.mean().item(),
        "spread": flat.std(correction=0).item(),
        "weighted": (flat * numbers(flat.shape, 4242)).sum().item(),
    }


def assert_is(values: Tensor, expected: Mapping[str, Any], rtol: float = 1e-8, atol: float = 1e-9) -> None:
    """A result has the digest that the authors' code's had."""
    found = digest(values)
    assert found["shape"] == expected["shape"]
    for key in ("values", "mean", "spread", "weighted"):
        assert found[key] == pytest.approx(expected[key], rel=rtol, abs=atol), key


class SmoothCritic(nn.Module):
    """Logits (N,) of images: the weighted sum of five hyperbolic tangents, so that slopes differ from place to place.

    Args:
        shape: of one image.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        pixels = torch.Size(shape).numel()
        self.inner = nn.Parameter(weights("inner.weight", (5, pixels), 0))
        self.bias = nn.Parameter(weights("bias", (5,), 1))
        self.outer = nn.Parameter(weights("outer.weight", (1, 5), 2))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N,) of ``images``."""
        return (torch.tanh(images.flatten(1) @ self.inner.T + self.bias) @ self.outer.T).flatten()


def reference(test: str, name: str) -> dict[str, Any]:
    """A file of the authors' numbers, from the folder beside a test's file."""
    found: dict[str, Any] = json.loads((Path(test).parent / "reference" / f"{name}.json").read_text())
    return found
