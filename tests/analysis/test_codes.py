"""Pictures of codes."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from lightning_gans.analysis.codes import CONTINUOUS_VALUES, code_grids
from lightning_gans.analysis.model import AnalyzedModel
from lightning_gans.components.noise import CodedNoise
from lightning_gans.core.batches import Labelled
from lightning_gans.networks import DCGANDiscriminator, MLPGenerator
from lightning_gans.variants import DCGAN, InfoGAN

EMPTY = Labelled(torch.zeros(0), torch.zeros(0))


def analyzed(model: InfoGAN | DCGAN, latent: Tensor) -> AnalyzedModel:
    return AnalyzedModel(model, None, EMPTY, EMPTY, 10, latent, nullcontext)  # type: ignore[arg-type]


def test_each_code_is_varied_alone() -> None:
    noise = CodedNoise([3, 12], 1)
    generator, discriminator = MLPGenerator(1, 28, latent_dim=18, widths=[4]), DCGANDiscriminator(1, 28, width=2)
    model = InfoGAN(generator, discriminator, noise=noise)
    seen: list[Tensor] = []
    generator.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    latent = noise.sample((2, 18), torch.Generator().manual_seed(0))
    grids = code_grids(analyzed(model, latent), 2)
    assert [len(titles) for _, titles in grids] == [3, 10, len(CONTINUOUS_VALUES)]
    assert [len(images) for images, _ in grids] == [2 * len(titles) for _, titles in grids]
    assert grids[1][1] == ["0", "1", "2", "3", "4", "6", "7", "8", "9", "10"]
    for given, entries, (_, titles) in zip(seen, (slice(2, 5), slice(5, 17), slice(17, 18)), grids, strict=True):
        rows = given.view(2, len(titles), 18)
        kept = [index for index in range(18) if index not in range(entries.start, entries.stop)]
        assert torch.equal(rows[..., kept], latent[:, None, kept].expand(-1, len(titles), -1))
    assert torch.equal(seen[0][:3, 2:5], torch.eye(3))
    assert seen[2][:9, 17].tolist() == list(CONTINUOUS_VALUES)


def test_other_latent_vectors_have_no_codes() -> None:
    model = DCGAN(MLPGenerator(1, 28, latent_dim=3, widths=[4]), DCGANDiscriminator(1, 28, width=2))
    assert code_grids(analyzed(model, torch.randn(2, 3)), 2) == []
