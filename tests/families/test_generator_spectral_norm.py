"""Spectral normalization of the generator: in training, in its average, and in what is loaded afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.generator_penalties import FeatureMatching
from lightning_gans.families.transfer import copy_weights
from lightning_gans.inference import LatentSampler, load
from lightning_gans.networks import DCGANGenerator, FastGANGenerator
from lightning_gans.networks.constraints import SpectralNorm
from lightning_gans.networks.layers import apply_spectral_norm, has_spectral_norm
from lightning_gans.networks.spectral_state import plain_state
from lightning_gans.variants import DCGAN
from tests.families.test_resume import Kill, KilledError, everything, fit
from tests.support.tiny import TinyData, tiny_trainer
from tests.support.variants import plain


def layers() -> nn.Sequential:
    """One layer of each kind; the sides of the transposed convolutions' weights tell channels apart, and do not."""
    return nn.Sequential(
        nn.Embedding(5, 8),
        nn.Linear(8, 12),
        nn.Unflatten(1, (3, 2, 2)),
        nn.ConvTranspose2d(3, 4, 2, 2),
        nn.ConvTranspose2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 2, 3),
    )


def model(**kwargs: Any) -> DCGAN:
    return DCGAN(**plain(), generator_constraint=SpectralNorm(), **kwargs)


def test_a_network_without_normalization_computes_the_same_from_the_plain_state() -> None:
    torch.manual_seed(0)
    normalized, inputs = layers(), torch.arange(5)
    apply_spectral_norm(normalized)
    with torch.no_grad():
        for weight in normalized.parameters():
            weight.mul_(3).add_(torch.randn_like(weight), alpha=0.1)
        normalized(inputs)  # one step of power iteration: the singular values are estimates
    expected, state = normalized.eval()(inputs), normalized.state_dict()
    for copy in (
        lambda network: network.load_state_dict(plain_state(network, state)),
        lambda network: copy_weights(network, state),
    ):
        network = layers().eval()
        copy(network)
        torch.testing.assert_close(network(inputs), expected)


def test_what_is_normalized_itself_or_does_not_fit_stays_as_it_is() -> None:
    network = FastGANGenerator(1, 28, latent_dim=3, width=1)
    state = network.state_dict()
    assert plain_state(network, state).keys() == state.keys()
    normalized = layers()
    apply_spectral_norm(normalized)
    given = normalized.state_dict()
    vector = "3.parametrizations.weight.0._u"
    for wrong in (given[vector][:-1], given[vector].double(), given[vector][None]):
        kept = plain_state(layers(), {**given, vector: wrong})
        assert vector in kept
        assert "3.weight" not in kept
        assert "4.weight" in kept


def test_a_run_resumes_exactly_and_its_checkpoint_samples_without_normalization(tmp_path: Path) -> None:
    def run(folder: Path, *callbacks: Any, ckpt_path: Path | None = None) -> Any:
        return fit(folder, model(n_critic=2), TinyData(), *callbacks, ckpt_path=ckpt_path, limit_train_batches=3)

    whole = run(tmp_path / "whole")
    with pytest.raises(KilledError):
        run(tmp_path / "cut", Kill(4))
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    resumed = run(tmp_path / "cut", ckpt_path=last)
    expected, actual = everything(whole), everything(resumed)
    assert any("parametrizations" in key for key in actual)
    assert not [key for key, value in actual.items() if not torch.equal(value, expected[key])]
    trained = DCGAN.load_from_checkpoint(last)
    assert has_spectral_norm(trained.generator)
    for raw in (False, True):
        sampler = load(last, raw=raw)
        assert isinstance(sampler, LatentSampler)
        assert isinstance(sampler.network, DCGANGenerator)
        assert not has_spectral_norm(sampler.network)
        network = (trained.generator if raw else trained.ema["generator"]).eval()
        latent = torch.randn(4, 3)
        torch.testing.assert_close(sampler(latent), network(latent))


def test_it_works_beside_a_penalty_whose_pass_moves_the_vectors_again(tmp_path: Path) -> None:
    trained = model(generator_penalty=FeatureMatching())
    callbacks = [EMA(0.9), LastCheckpoint()]
    tiny_trainer(tmp_path, max_steps=2, limit_val_batches=1, callbacks=callbacks).fit(trained, TinyData())
    images = load(tmp_path / "checkpoints" / "last.ckpt").sample(2)
    torch.testing.assert_close(images, trained.sample(2))
