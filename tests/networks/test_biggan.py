"""BigGAN's networks: tables, the parts of the latent vector, and what the authors' code makes of the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.components.penalties import R1
from lightning_gans.networks import BigGANDiscriminator, BigGANGenerator, SNGANResNetGenerator
from lightning_gans.networks.attention import SelfAttention
from lightning_gans.networks.biggan import part_lengths
from lightning_gans.networks.constraints import SpectralNorm
from lightning_gans.networks.labels import LinearConditionalBatchNorm
from lightning_gans.networks.layers import apply_spectral_norm
from lightning_gans.networks.sngan_resnet import DownBlock
from lightning_gans.variants import SNGAN
from tests.families.test_resume import Kill, KilledError, everything, fit
from tests.support.closed_form import assert_is, fill, numbers, reference
from tests.support.tiny import TinyData

CASES = reference(__file__, "biggan")["cases"]
LABELS = torch.tensor([2, 0, 1])
CLASSES: dict[str, Any] = {"num_classes": 3, "conditional": True}


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


PRESETS: dict[str, tuple[int, int, int, int | None, int, tuple[int, int], int]] = {
    "ImageNet-128": (128, 96, 120, 64, 1000, (70_433_988, 2_976), 87_982_370),
    "ImageNet-256": (256, 96, 140, 64, 1000, (82_235_844, 3_744), 99_225_890),
    "ImageNet-64": (64, 64, 120, None, 1000, (31_887_619, 1_920), 20_566_721),
    "CIFAR10": (32, 64, 128, None, 10, (4_373_251, 768), 4_207_361),
}
"""Size, width, latent_dim, attention and classes, and the numbers of parameters, counted in the classes of
ajbrock/BigGAN-PyTorch at commit 9845943 with a shared embedding of 128 and a hierarchical latent space. G's second
number is that of its biases in front of batch normalization, which subtracts them; ours has none."""


@pytest.mark.parametrize("preset", PRESETS)
def test_the_authors_networks_have_as_many_parameters(preset: str) -> None:
    size, width, latent_dim, attention, classes, (generator, subtracted), discriminator = PRESETS[preset]
    given: dict[str, Any] = {"width": width, "attention": attention, "num_classes": classes, "conditional": True}
    with torch.device("meta"):
        networks = [BigGANGenerator(3, size, latent_dim, **given), BigGANDiscriminator(3, size, **given)]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert counts == [generator - subtracted, discriminator]


def test_sagans_networks_have_as_many_parameters() -> None:
    """Counted in the same code with the arguments of its ``launch_SAGAN_bs128x2_ema.sh``."""
    given: dict[str, Any] = {"width": 64, "attention": 64, "num_classes": 1000, "conditional": True}
    with torch.device("meta"):
        networks = [SNGANResNetGenerator(3, 128, growth=2, **given), BigGANDiscriminator(3, 128, **given)]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert counts == [42_017_412 - 1_984, 39_448_258]


def made(case: str) -> nn.Module:
    """Ours with the sizes of the authors' of a case."""
    match case:
        case "attention":
            return SelfAttention(16)
        case "generator_32":
            return BigGANGenerator(3, 32, latent_dim=8, width=3, embedding_dim=5, attention=16, **CLASSES)
        case "discriminator_32":
            return BigGANDiscriminator(3, 32, width=3, **CLASSES)
        case "generator_64":
            return BigGANGenerator(3, 64, latent_dim=10, width=2, embedding_dim=5, attention=16, **CLASSES)
        case "discriminator_64":
            return BigGANDiscriminator(3, 64, width=2, attention=8, **CLASSES)
    raise ValueError(case)


def in_their_order(network: nn.Module) -> Iterator[Tensor]:
    """Our parameters as the authors' come, and zeros for their biases in front of batch normalization."""
    if not isinstance(network, BigGANGenerator):
        yield from network.parameters()
        return
    assert network.embedding is not None
    yield network.embedding
    yield from network.start.parameters()
    for block in network.blocks:
        upsample, conv, shortcut, norms, attention = (
            block.get_submodule(name) for name in ("upsample", "conv", "shortcut", "norms", "attention")
        )
        yield from upsample.parameters()
        yield torch.zeros(len(conv.get_parameter("weight")), dtype=torch.float64)
        for module in (conv, shortcut, norms, attention):
            yield from module.parameters()
    yield from network.end.parameters()


@pytest.mark.parametrize("case", CASES)
def test_output_and_slope_are_the_authors(case: str) -> None:
    expected, network = CASES[case], made(case).double()
    fill(in_their_order(network), expected["parameters"])
    given = numbers(expected["input"], 1000).requires_grad_(True)
    output: Tensor = network(given) if case == "attention" else network(given, LABELS)
    (slope,) = torch.autograd.grad((output * numbers(output.shape, 2000)).sum(), given)
    assert_is(output, expected["output"])
    assert_is(slope, expected["slope"])


@pytest.mark.parametrize(
    ("size", "up", "down"),
    [
        (16, [8, 8], [8, 8, 8, 8]),
        (28, [8, 8], [8, 8, 8, 8]),
        ((32, 48), [8, 8, 8], [8, 8, 8, 8]),
        (64, [32, 16, 8, 4], [2, 4, 8, 16, 32]),
        (512, [32, 16, 16, 8, 4, 2, 2], [2, 2, 4, 8, 16, 16, 32, 32]),
        (1024, [32, 16, 16, 8, 4, 2, 2, 2], [2, 2, 2, 4, 8, 16, 16, 32, 32]),
    ],
)
def test_the_channels_are_those_of_the_tables(size: Any, up: list[int], down: list[int]) -> None:
    generator, discriminator = BigGANGenerator(1, size, width=2), BigGANDiscriminator(1, size, width=2)
    assert [block.conv.out_channels for block in generator.blocks] == up  # type: ignore[union-attr]
    blocks = [module for module in discriminator.modules() if isinstance(module, DownBlock)]
    assert [block.branch[3].out_channels for block in blocks] == down
    assert sum(not block.halve for block in blocks) == (2 if len(up) < 4 else 1)


def test_gain_and_bias_are_linear_functions_of_a_vector() -> None:
    norm, maps, vectors = LinearConditionalBatchNorm(4, 3), torch.randn(5, 4, 2, 3), torch.randn(5, 3)
    usual = F.batch_norm(maps, None, None, training=True)
    gain, bias = 1 + vectors @ norm.gain.weight.T, vectors @ norm.bias.weight.T
    torch.testing.assert_close(norm(maps, vectors), usual * gain[..., None, None] + bias[..., None, None])
    torch.testing.assert_close(norm(maps, torch.zeros(5, 3)), usual)


def test_each_part_of_the_latent_vector_reaches_its_block_and_later_ones() -> None:
    assert part_lengths(120, 6) == [20] * 6
    assert part_lengths(11, 4) == [3, 3, 3, 2]
    generator = BigGANGenerator(1, 32, latent_dim=8, width=2).eval()
    maps: list[Tensor] = []
    for block in generator.blocks:
        block.register_forward_hook(lambda _block, _given, made: maps.append(made))
    latent = torch.randn(1, 8)
    generator(latent)
    for part in range(4):
        changed = latent.clone()
        changed[:, 2 * part] += 1
        generator(changed)
        now = [torch.equal(*pair) for pair in zip(maps[:3], maps[-3:], strict=True)]
        assert now == [index < part - 1 for index in range(3)]


def test_spectral_normalization_leaves_the_shared_embedding() -> None:
    generator = BigGANGenerator(1, 28, latent_dim=3, width=2, attention=14, **CLASSES)
    before = generator.get_parameter("embedding").detach().clone()
    apply_spectral_norm(generator)
    assert generator(torch.randn(3, 3), LABELS).isfinite().all()
    assert torch.equal(generator.get_parameter("embedding"), before)


def test_weights_start_orthogonal_and_biases_at_zero() -> None:
    networks = BigGANGenerator(1, 28, width=4, attention=14, **CLASSES), BigGANDiscriminator(1, 28, width=4, **CLASSES)
    for network in networks:
        for name, value in network.named_parameters():
            if value.dim() > 1:
                matrix = value.detach().flatten(1)
                matrix = matrix if len(matrix) <= matrix.shape[1] else matrix.T
                torch.testing.assert_close(matrix @ matrix.T, torch.eye(len(matrix)), rtol=0, atol=1e-5)
            elif name.endswith("bias") or name.endswith("gain"):
                assert not value.any()


@pytest.mark.parametrize("conditional", [False, True])
def test_gradients_reach_every_parameter(conditional: bool) -> None:
    classes = {**CLASSES, "conditional": conditional}
    generator = BigGANGenerator(1, 28, latent_dim=5, width=4, attention=14, **classes)
    discriminator = BigGANDiscriminator(1, 28, width=4, attention=14, **classes)
    for network in (generator, discriminator):
        for layer in network.modules():
            if isinstance(layer, SelfAttention):
                nn.init.constant_(layer.gain, 0.5)
    logits = discriminator(generator(torch.randn(3, 5), LABELS), LABELS)
    for network in (generator, discriminator):
        wanted = list(network.parameters())
        assert all(part.any() for part in torch.autograd.grad(logits.sum(), wanted, retain_graph=True))


@pytest.mark.parametrize("make", [BigGANGenerator, BigGANDiscriminator])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width is 0; expected at least 1"),
        ({"size": 30}, "size is 30; expected sides that are multiples of 4"),
        ({"num_classes": None, "conditional": True}, "num_classes is None, as of data without labels"),
    ],
)
def test_bad_arguments(make: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**{"channels": 3, "size": 32, **change})


def test_bad_arguments_of_the_generator() -> None:
    with pytest.raises(
        ValueError, match="latent_dim is 3; expected at least 4, an entry for the first layer and one for each of 3 bl"
    ):
        BigGANGenerator(3, 32, latent_dim=3)
    with pytest.raises(ValueError, match="embedding_dim is 0; expected at least 1"):
        BigGANGenerator(3, 32, embedding_dim=0)
    with pytest.raises(ValueError, match="labels is None; expected labels"):
        BigGANGenerator(3, 32, width=1, **CLASSES)(torch.randn(2, 128))


@pytest.mark.slow
def test_a_killed_run_is_resumed_exactly(tmp_path: Path) -> None:
    """With spectral normalization and attention in both networks, labels, and R1, which differentiates D twice."""

    def model() -> SNGAN:
        torch.manual_seed(0)
        given: dict[str, Any] = {"width": 2, "attention": 14, "num_classes": 10, "conditional": True}
        generator = BigGANGenerator(1, 28, latent_dim=4, embedding_dim=3, **given)
        discriminator = BigGANDiscriminator(1, 28, **given)
        return SNGAN(generator, discriminator, penalty=R1(interval=2), generator_constraint=SpectralNorm())

    whole = everything(fit(tmp_path / "whole", model(), TinyData()))
    with pytest.raises(KilledError):
        fit(tmp_path / "cut", model(), TinyData(), Kill(3))
    torch.manual_seed(99)
    resumed = everything(
        fit(tmp_path / "cut", model(), TinyData(), ckpt_path=tmp_path / "cut" / "checkpoints" / "last.ckpt")
    )
    assert not [key for key in whole if not torch.equal(whole[key], resumed[key])]
    assert whole["generator.blocks.0.attention.gain"].any()
