from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.analysis.directions import Directions, factorize
from lightning_gans.inference import LatentSampler, load
from lightning_gans.networks import (
    BigGANGenerator,
    CompactGenerator,
    DCGANGenerator,
    FastGANGenerator,
    Generator,
    InfoGANGenerator,
    LSGANGenerator,
    MLPGenerator,
    R3GANGenerator,
    SNGANGenerator,
    SNGANResNetGenerator,
    StyleGAN2Generator,
)
from lightning_gans.networks.styles import part_of_layers
from tests.support import checkpoint_files

SMALL: dict[str, Any] = {"channels": 1, "size": 28, "latent_dim": 4}
NETWORKS: list[tuple[Any, dict[str, Any]]] = [
    (BigGANGenerator, {"width": 2}),
    (CompactGenerator, {"width": 4}),
    (DCGANGenerator, {"width": 2}),
    (FastGANGenerator, {"width": 2}),
    (InfoGANGenerator, {"width": 2, "dense": 8}),
    (LSGANGenerator, {"width": 2}),
    (MLPGenerator, {"widths": [8]}),
    (R3GANGenerator, {"width": 8, "widest": 8}),
    (SNGANGenerator, {"width": 2}),
    (SNGANResNetGenerator, {"width": 2}),
]
CONDITIONAL = [BigGANGenerator, CompactGenerator, DCGANGenerator, MLPGenerator, R3GANGenerator]


def ignore_first_entry(network: Generator) -> None:
    """Set the weights of the first entry to 0 in the parameters that the network says are given the latent vector."""
    network.zero_grad()
    sum(weight.square().sum() for weight in network.latent_weights()).backward()  # type: ignore[union-attr]
    changed = [value for value in network.parameters() if value.grad is not None]
    with torch.no_grad():
        for value in changed:
            (value[0] if value.ndim == 4 else value[:, 0]).zero_()


@pytest.mark.parametrize(("make", "arguments"), NETWORKS)
def test_a_network_says_by_which_weights_it_is_given_z(make: Any, arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = make(**SMALL, **arguments)
    assert {weight.shape[1] for weight in network.latent_weights()} == {4}
    ignore_first_entry(network.eval())
    latent = torch.randn(3, 4)
    first, second = latent.clone(), latent.clone()
    first[:, 0] += 5
    second[:, 1] += 5
    with torch.no_grad():
        assert torch.equal(network(first), network(latent))
        assert not torch.equal(network(second), network(latent))


@pytest.mark.parametrize("make", CONDITIONAL)
def test_weights_of_labels_are_not_among_them(make: Any) -> None:
    arguments = dict(NETWORKS)[make] | ({"widths": [8], "label_width": 3} if make is MLPGenerator else {})
    network = make(**SMALL, **arguments, num_classes=3, conditional=True)
    assert {weight.shape[1] for weight in network.latent_weights()} == {4}


def test_a_style_of_each_layer_has_its_weights() -> None:
    network = StyleGAN2Generator(**SMALL, style_dim=5, mapping_layers=1, width=2, architecture="residual").eval()
    assert [weight.shape[1] for weight in network.latent_weights()] == [5] * network.style_layers
    ignore_first_entry(network)
    with torch.no_grad():
        styles = network.styles(torch.randn(2, 4)).clone()
        before = network.synthesize(styles)
        styles[:, :, 0] += 5
        assert torch.equal(network.synthesize(styles), before)


def test_eigenvectors_are_sorted_by_the_number_of_rows_along_them() -> None:
    basis = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    scales = torch.tensor([[3.0], [-1.0], [0.1], [2.0], [7.0], [-5.0]])
    vectors, values = factorize([scales[:3] * basis[1], scales[3:5] * basis[0], scales[5:] * basis[2]])
    torch.testing.assert_close(values, torch.tensor([3, 2, 1], dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close((vectors.float() @ basis.T).abs(), torch.eye(3)[[1, 0, 2]], rtol=0, atol=1e-6)
    assert (vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_the_factorization_is_that_of_the_authors_code() -> None:
    """``factorize_weight`` in utils.py of genforce/sefa, of cos(1), cos(4), cos(9) and so on as 6 rows of 4."""
    vectors, values = factorize([torch.arange(1.0, 25.0).square().cos().view(6, 4)])
    expected = torch.tensor([2.7640543, 2.0457952, 0.8749164, 0.31523424], dtype=torch.float64)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-5)
    first = torch.tensor(
        [[0.64865565, 0.58383346, 0.3957257, 0.28598168], [0.75787055, -0.43773273, -0.38142237, -0.29755545]]
    )
    torch.testing.assert_close(vectors[:2].float(), first, rtol=0, atol=1e-5)


def model_of(path: Path) -> LatentSampler:
    model = load(path)
    assert isinstance(model, LatentSampler)
    return model


@pytest.mark.parametrize("noise", ["NormalNoise", "UniformNoise"])
def test_a_step_is_a_standard_deviation_of_the_noise(noise: str, tmp_path: Path) -> None:
    model = model_of(checkpoint_files.latent(tmp_path / "a.ckpt", noise=noise))
    directions = Directions(model)
    assert len(directions) == 3
    torch.testing.assert_close(directions.shares.sum(), torch.tensor(1.0))
    latent = model.latents(range(4))
    moved = directions.move(latent, torch.tensor([[2.0, 0.0]]).expand(4, -1))
    step = (moved - latent) @ directions.vectors.T
    deviation = 1.0 if noise == "NormalNoise" else 3**-0.5
    torch.testing.assert_close(step[:, 0], torch.full((4,), 2 * deviation), rtol=0.1, atol=0)
    torch.testing.assert_close(step[:, 1:], torch.zeros(4, 2), rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="amounts has 4 columns; expected at most 3"):
        directions.move(latent, torch.zeros(4, 4))


def test_only_the_chosen_layers_are_moved(tmp_path: Path) -> None:
    model = model_of(checkpoint_files.styles(tmp_path / "a.ckpt"))
    count = model.space.shape[0]
    assert [part_of_layers(part, 6) for part in ("coarse", "middle", "fine")] == [[0, 1], [2, 3], [4, 5]]
    styles = model.points(model.latents([0, 1]), model.label_inputs(2))
    moved = Directions(model, [1, 2]).move(styles, torch.ones(2, 1)) - styles
    assert moved.abs().sum(dim=(0, 2)).bool().tolist() == [layer in (1, 2) for layer in range(count)]
    with pytest.raises(ValueError, match=rf"layers is \[9\]; expected numbers from 0 to {count - 1}"):
        Directions(model, [9])
    with pytest.raises(ValueError, match="layers is 'all'; expected one of coarse, middle, fine"):
        part_of_layers("all", 6)


class Silent(MLPGenerator):
    """Does not say where it is given z."""

    def latent_weights(self) -> list[Tensor]:
        return []


def test_a_generator_that_does_not_say_is_named(tmp_path: Path) -> None:
    model = model_of(checkpoint_files.latent(tmp_path / "a.ckpt"))
    with pytest.raises(ValueError, match="layers is given, but the generator has no mapping network"):
        Directions(model, [0])
    model.network = Silent(1, 28)
    with pytest.raises(ValueError, match="Silent does not say which weights z is given to; expected a method latent_"):
        Directions(model)
