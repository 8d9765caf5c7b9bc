"""Constraints on the weights of any network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lightning_gans.networks.constraints import (
    OrthogonalRegularization,
    SpectralNorm,
    WeightClipping,
    WeightConstraint,
    filters_of,
)


class Small(nn.Module):
    """A layer of each kind, for images of 4 x 4 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.ConvTranspose2d(4, 2, 3)
        self.last = nn.Linear(32, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(self.second(self.norm(self.first(images))).flatten(1))
        return logits


def network() -> Small:
    torch.manual_seed(0)
    return Small()


def largest(module: nn.Module) -> float:
    return max(weight.abs().max().item() for weight in module.parameters())


def value(constraint: WeightConstraint, module: nn.Module) -> float:
    term = constraint.term(module)
    assert isinstance(term, Tensor)
    return term.item()


def test_clipping_bounds_all_weights_at_the_start_and_after_updates() -> None:
    module, constraint = network(), WeightClipping(bound=0.05)
    constraint.attach(module)
    assert largest(module) == pytest.approx(0.05)
    before = {name: value.clone() for name, value in module.named_parameters()}
    constraint.project(module)
    assert all(torch.equal(value, before[name]) for name, value in module.named_parameters())
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.03)
    constraint.project(module)
    torch.testing.assert_close(module.first.weight, (before["first.weight"] + 0.03).clamp(-0.05, 0.05))


def test_frozen_weights_are_not_clipped() -> None:
    module = network()
    module.first.requires_grad_(False)
    WeightClipping(bound=1e-3).project(module)
    assert module.first.weight.abs().max() > 0.1
    assert module.last.weight.abs().max() <= 1e-3


def test_spectral_norm_bounds_the_singular_values_of_any_network() -> None:
    module = network()
    SpectralNorm().attach(module)
    SpectralNorm().attach(module)  # once only
    for _ in range(50):
        module(torch.randn(1, 1, 4, 4))
    assert sum("parametrizations" in name for name, _ in module.named_parameters()) == 3
    assert torch.linalg.matrix_norm(module.first.weight.flatten(1), 2).item() == pytest.approx(1, rel=1e-3)
    with pytest.raises(ValueError, match="Small has spectral normalization, which clipping does not bound"):
        WeightClipping().attach(module)


def test_orthogonal_regularization_is_the_sum_of_squared_products_of_filters() -> None:
    layer = nn.Linear(2, 3, bias=False)
    layer.weight = nn.Parameter(torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]]))
    # Products of the three pairs are 2, 3 and 0, each twice; squared norms 5, 1 and 9.
    assert value(OrthogonalRegularization(weight=0.1), layer) == pytest.approx(0.1 * 2 * (4 + 9))
    expected = 0.1 * (2 * (4 + 9) + 16 + 0 + 64)
    assert value(OrthogonalRegularization(weight=0.1, normalized=True), layer) == pytest.approx(expected)
    assert OrthogonalRegularization().term(nn.ReLU()) == 0
    with pytest.raises(ValueError, match="weight is -1"):
        OrthogonalRegularization(weight=-1)


def test_filters_have_a_row_for_each_output_and_do_not_move_the_power_iteration() -> None:
    module = network()
    SpectralNorm().attach(module)
    assert parametrize.is_parametrized(module.first)
    before = {name: value.clone() for name, value in module.named_buffers()}
    assert [tuple(filters.shape) for filters in filters_of(module)] == [(4, 9), (2, 36)]  # the last has one output
    assert all(torch.equal(value, before[name]) for name, value in module.named_buffers())


def test_a_bound_that_is_not_positive_is_named() -> None:
    with pytest.raises(ValueError, match=r"bound is 0\.0; expected a positive number"):
        WeightClipping(bound=0.0)
