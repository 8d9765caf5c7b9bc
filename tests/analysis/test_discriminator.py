from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.analysis.discriminator import auc, captured_activations, compare_logits, hidden_features, probe
from lightning_gans.networks import (
    DCGANDiscriminator,
    Discriminator,
    InfoGANDiscriminator,
    MaxoutDiscriminator,
    MLPDiscriminator,
    R3GANDiscriminator,
    SNGANDiscriminator,
    StyleGAN2Discriminator,
)
from tests.support.tiny import weights


def test_auc_in_numbers() -> None:
    low = torch.tensor([0.0, 1.0])
    assert auc(torch.tensor([2.0, 3.0]), low) == 1
    assert auc(low, torch.tensor([2.0, 3.0])) == 0
    assert auc(low, low) == 0.5
    # Of four pairs two are right, one is tied.
    assert auc(torch.tensor([1.0, 0.5]), low) == (1 + 0.5 + 1 + 0) / 4
    assert math.isnan(auc(torch.tensor([math.nan]), low))


def test_an_overfitted_discriminator_is_seen_in_standard_deviations_of_held_out_images() -> None:
    held_out = torch.tensor([1.0, 3.0])
    found = compare_logits(train=torch.tensor([5.0, 6.0]), fake=torch.tensor([0.0]), held_out=held_out)
    assert found == {
        "mean_train": 5.5,
        "mean_fake": 0,
        "mean_held_out": 2,
        "std_held_out": 1,
        "discriminator_overfit": 3.5,
        "auc_train": 1,
        "auc_held_out": 1,
    }


def test_a_discriminator_that_has_not_overfitted_scores_about_zero() -> None:
    train, held_out, fake = torch.randn(3, 2000)
    assert compare_logits(train, fake, held_out)["discriminator_overfit"] == pytest.approx(0, abs=0.15)


def test_without_held_out_images_there_are_no_numbers_of_them() -> None:
    found = compare_logits(torch.ones(2), torch.zeros(2), None)
    assert [name for name, value in found.items() if value is None] == [
        "mean_held_out",
        "std_held_out",
        "discriminator_overfit",
        "auc_held_out",
    ]


IMAGES = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1

LENGTHS: dict[Discriminator, int] = {
    # Maps of 14 and 7 pixels with 3 and 6 channels.
    DCGANDiscriminator(1, 28, width=3): 16 * (3 + 6),
    # The dense layer behind the maps is none.
    InfoGANDiscriminator(1, 28, width=3, dense=5): 16 * (3 + 6),
    SNGANDiscriminator(1, 28, width=2): 16 * (2 + 2 + 4 + 4 + 8),
    # Two activations in each block, with twice the channels of its map.
    R3GANDiscriminator(1, 28, width=4, blocks=1, group_size=4): 16 * 2 * (8 + 16 + 32),
    # The first convolution, two in each block, and the last one.
    StyleGAN2Discriminator(1, 28, width=2): 16 * (2 + 2 + 4 + 4 + 8 + 8),
    # One activation module, called behind each of the layers.
    MLPDiscriminator(1, 28, widths=(7, 5)): 7 + 5,
    MaxoutDiscriminator(1, 28, width=4): 4 + 4,
}


@pytest.mark.parametrize("network", LENGTHS, ids=lambda network: type(network).__name__)
def test_all_hidden_layers_are_features_and_nothing_stays_behind(network: Discriminator) -> None:
    network.eval()
    before, logits = weights(network), network(IMAGES)
    features = hidden_features(network, IMAGES)
    assert features.shape == (6, LENGTHS[network])
    assert not any(module._forward_hooks for module in network.modules())
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(network(IMAGES), logits)
    assert not features.requires_grad


def test_features_are_the_largest_values_in_a_grid_of_each_map() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(2, 1, 1), nn.Tanh())
    images = torch.randn(3, 1, 8, 8)
    first = nn.functional.leaky_relu(network[0](images), 0.2)
    second = network[2](first).tanh()
    expected = [maps.unfold(2, 2, 2).unfold(3, 2, 2).amax(dim=(4, 5)).flatten(1) for maps in (first, second)]
    torch.testing.assert_close(hidden_features(network, images), torch.cat(expected, dim=1))


def test_small_maps_stay_as_they_are_and_work_in_place_does_not_change_what_was_seen() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.ReLU(inplace=True), nn.Hardtanh(0.0, 0.5, inplace=True))
    images = torch.randn(3, 2, 2, 2)
    torch.testing.assert_close(hidden_features(network, images), images.relu().flatten(1))
    with captured_activations(network) as outputs:
        network(images)
    torch.testing.assert_close(outputs[1], images.relu().flatten(1))


def test_hooks_are_gone_after_a_failure() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Linear(3, 1))
    with pytest.raises(RuntimeError):
        hidden_features(network, torch.zeros(2, 4))
    assert not network[0]._forward_hooks


class Blind(Discriminator):
    """Must not be told the class."""

    def __init__(self) -> None:
        super().__init__(channels=1, size=3)
        self.activation = nn.ReLU()

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        assert labels is None
        logits: Tensor = self.activation(images).flatten(1).sum(dim=1)
        return logits


def marked(count: int) -> tuple[Tensor, Tensor]:
    """Noise in which the class is the row of a bright pixel."""
    labels = torch.arange(count) % 3
    images = torch.randint(0, 100, (count, 1, 3, 3), dtype=torch.uint8)
    images[torch.arange(count), 0, labels, 1] = 255
    return images, labels


def test_what_can_be_separated_is_told_apart_without_labels_given_to_the_network() -> None:
    network = Blind()
    accuracy, length = probe(
        lambda images: hidden_features(network, images.float() / 255), marked(40), marked(31), batch_size=7
    )
    assert (accuracy, length) == (1.0, 9)


def test_labels_that_mean_nothing_cannot_be_told() -> None:
    train, test = (torch.randint(0, 256, (400, 1, 3, 3), dtype=torch.uint8) for _ in range(2))
    labels = torch.arange(400) % 4
    accuracy, _ = probe(lambda images: images.flatten(1).float(), (train, labels), (test, labels))
    assert accuracy == pytest.approx(0.25, abs=0.1)


def test_a_network_without_known_activations_has_no_features() -> None:
    network = nn.Flatten()
    accuracy, length = probe(lambda images: hidden_features(network, images.float()), marked(6), marked(6))
    assert length == 0
    assert accuracy != accuracy
