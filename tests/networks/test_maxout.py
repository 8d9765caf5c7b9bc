from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.networks.maxout import Maxout, MaxoutDiscriminator


def linear(network: nn.Module) -> list[nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Linear)]


def rates(network: nn.Module) -> list[float]:
    return [module.p for module in network.modules() if isinstance(module, nn.Dropout)]


def test_a_unit_is_the_largest_of_its_pieces() -> None:
    layer = Maxout(6, units=3, pieces=4)
    features = torch.randn(5, 6)
    weight, bias = layer.linear.weight, layer.linear.bias
    expected = torch.stack(
        [
            torch.stack([features @ weight[4 * unit + piece] + bias[4 * unit + piece] for piece in range(4)]).amax(0)
            for unit in range(3)
        ],
        dim=1,
    )
    torch.testing.assert_close(layer(features), expected)


def test_two_opposite_pieces_are_the_absolute_value() -> None:
    layer = Maxout(1, units=1, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        layer.linear.bias.zero_()
    torch.testing.assert_close(layer(torch.tensor([[-2.0], [0.5]])), torch.tensor([[2.0], [0.5]]))


@pytest.mark.parametrize("size", [8, 28])
@pytest.mark.parametrize("channels", [1, 3])
def test_logits_have_the_images_shape(size: int, channels: int) -> None:
    images = torch.rand(5, channels, size, size) * 2 - 1
    plain = MaxoutDiscriminator(channels, size, width=4, pieces=2)
    conditional = MaxoutDiscriminator(
        channels, size, width=4, label_width=2, joint_width=3, num_classes=3, conditional=True
    )
    for logits in (plain(images), conditional(images, torch.tensor([0, 1, 2, 1, 0]))):
        assert logits.shape == (5,)
        assert logits.isfinite().all()


def test_widths_and_dropout_are_those_of_the_papers() -> None:
    plain = MaxoutDiscriminator(1, 28)
    assert [(layer.in_features, layer.out_features) for layer in linear(plain)] == [
        (784, 240 * 5),
        (240, 240 * 5),
        (240, 1),
    ]
    assert rates(plain) == [0.2, 0.5, 0.5]
    conditional = MaxoutDiscriminator(1, 28, num_classes=10, conditional=True)
    assert [(layer.in_features, layer.out_features) for layer in linear(conditional)] == [
        (784, 240 * 5),
        (10, 50 * 5),
        (290, 240 * 4),
        (240, 1),
    ]
    assert rates(conditional) == [0.5, 0.5]


def test_weights_start_uniform_in_the_range() -> None:
    for network in (MaxoutDiscriminator(1, 28), MaxoutDiscriminator(1, 28, num_classes=10, conditional=True)):
        for layer in linear(network):
            assert layer.weight.abs().max() <= 0.005
            assert not layer.bias.any()
        # The standard deviation of a uniform distribution is its half width over the root of 3.
        assert linear(network)[0].weight.std().item() == pytest.approx(0.005 / 3**0.5, rel=0.02)


def test_a_black_image_is_all_zeros_to_the_first_layer() -> None:
    discriminator = MaxoutDiscriminator(1, 4, width=3, pieces=2, init_bound=0.5).eval()
    seen: list[Tensor] = []
    discriminator.image_layers[1].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    discriminator(torch.stack([torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4)]))
    torch.testing.assert_close(seen[0], torch.tensor([0.0, 1.0])[:, None].expand(2, 16))


@pytest.mark.parametrize("conditional", [False, True])
def test_dropout_is_for_training_only(conditional: bool) -> None:
    network = (
        MaxoutDiscriminator(1, 8, init_bound=0.5, num_classes=2, conditional=True)
        if conditional
        else MaxoutDiscriminator(1, 8, init_bound=0.5)
    )
    images, labels = torch.rand(3, 1, 8, 8), torch.tensor([0, 1, 0])
    assert not torch.equal(network(images, labels), network(images, labels))
    network.eval()
    torch.testing.assert_close(network(images, labels), network(images, labels), rtol=0, atol=0)


def test_gradients_reach_every_parameter() -> None:
    images, labels = torch.rand(64, 1, 8, 8), torch.arange(64) % 3
    for network in (
        MaxoutDiscriminator(1, 8, width=4, pieces=2),
        MaxoutDiscriminator(
            1, 8, width=4, pieces=2, label_width=2, joint_width=3, joint_pieces=2, num_classes=3, conditional=True
        ),
    ):
        network(images, labels).sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_conditional_logits_depend_on_the_label_alone_where_images_are_equal() -> None:
    network = MaxoutDiscriminator(1, 8, init_bound=0.5, num_classes=3, conditional=True).eval()
    images = torch.rand(1, 1, 8, 8).expand(4, 1, 8, 8)
    first, second, third, again = network(images, torch.tensor([0, 1, 2, 0]))
    torch.testing.assert_close(again, first)
    assert len({first.item(), second.item(), third.item()}) == 3


def test_a_conditional_network_needs_labels() -> None:
    assert MaxoutDiscriminator(1, 8, num_classes=3).num_classes == 0
    network = MaxoutDiscriminator(1, 8, num_classes=3, conditional=True)
    assert network.num_classes == 3
    with pytest.raises(ValueError, match="labels is None; expected labels"):
        network(torch.rand(2, 1, 8, 8))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"channels": 0}, r"channels is 0; expected at least 1"),
    ({"size": 0}, r"size is 0"),
    ({"width": 0}, r"width is 0"),
    ({"pieces": 0}, r"pieces is 0"),
    ({"init_bound": 0.0}, r"init_bound is 0\.0; expected a positive number"),
]


@pytest.mark.parametrize(("kwargs", "named"), BAD)
def test_bad_arguments_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        MaxoutDiscriminator(**{"channels": 1, "size": 8, **kwargs})


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        *BAD,
        ({"num_classes": 0}, r"num_classes is 0"),
        ({"label_width": 0}, r"label_width is 0"),
        ({"joint_width": 0}, r"joint_width is 0"),
        ({"joint_pieces": 0}, r"joint_pieces is 0"),
    ],
)
def test_bad_arguments_of_the_conditional_network_are_named(kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        MaxoutDiscriminator(**{"channels": 1, "size": 8, "num_classes": 3, "conditional": True, **kwargs})
