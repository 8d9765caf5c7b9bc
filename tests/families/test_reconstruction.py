"""Models that Python made are loaded from their checkpoints with all of their parts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lightning_gans
from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.augmentations import ADA
from lightning_gans.components.noise import UniformNoise
from lightning_gans.components.objectives import LeastSquares
from lightning_gans.components.optimizers import GANAdam, LinearDecay
from lightning_gans.components.penalties import R1, LeCam, Penalties
from lightning_gans.components.schedules import CosineSchedule
from lightning_gans.core.arguments import describe
from lightning_gans.core.errors import InputError
from lightning_gans.families import Adversarial, LatentGAN, Translation
from lightning_gans.families.adversarial import NotStoredWarning
from lightning_gans.inference import ImageTranslator, LatentSampler
from lightning_gans.networks import LatentUNet, PatchGAN, ResNetLatentEncoder, ResNetTranslator, UNet
from lightning_gans.networks.base import Generator
from lightning_gans.networks.layers import InstanceNorm
from lightning_gans.variants import CGAN, DCGAN, GAN, BicycleGAN, CycleGAN, UnrolledGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights
from tests.support.tiny_translation import SIZE, tiny_facades
from tests.support.variants import ENERGY_VARIANTS, LATENT_VARIANTS, TRANSLATION_VARIANTS, networks_for


class OwnGenerator(Generator):
    """A network of one's own."""

    def __init__(self, channels: int, size: int, depth: int = 1) -> None:
        super().__init__(channels, size, latent_dim=3)
        self.depth = depth
        self.layer = nn.Linear(3, channels * size * size)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.layer(latent).view(-1, self.channels, *self.size).tanh()
        return images


def trained(folder: Path, model: Adversarial, data: Any = None) -> Path:
    callbacks = [EMA(0.9), LastCheckpoint()]
    trainer = tiny_trainer(folder, max_steps=2, limit_val_batches=0, callbacks=callbacks)
    trainer.fit(model, TinyData() if data is None else data)
    return folder / "checkpoints" / "last.ckpt"


def assert_equal(loaded: Adversarial, model: Adversarial) -> None:
    assert type(loaded) is type(model)
    expected, actual = weights(model), weights(loaded)
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[key], expected[key]) for key in expected)


@pytest.mark.parametrize("variant", LATENT_VARIANTS)
def test_a_latent_variant_made_in_python_is_loaded_with_all_of_its_parts(
    variant: type[LatentGAN], tmp_path: Path
) -> None:
    energies = variant in ENERGY_VARIANTS  # to which neither the objective nor R1 applies
    d_class: Any = torch.optim.SGD if variant is UnrolledGAN else torch.optim.RMSprop
    losses = {
        "objective": LeastSquares(b=0.9),
        "penalty": Penalties([R1(CosineSchedule(0.3, 0.1), interval=2), LeCam(decay=0.9)]),
    }
    model = variant(
        **{"noise": UniformNoise(-2, 2), **networks_for(variant), **({} if energies else losses)},
        augmentation=ADA(CosineSchedule(0.1, 0.4), target=None, color=0.5),
        optimizer_g=partial(GANAdam, lr=1e-3),
        optimizer_d=lambda p: d_class(p, lr=2e-3),
        scheduler_g=partial(LinearDecay, start=0.2),
        clip_d=2.0,
    )
    path = trained(tmp_path, model)
    for loader in (variant, LatentGAN):
        loaded = loader.load_from_checkpoint(path)
        assert_equal(loaded, model)
        for name in ("objective", "noise", "penalty", "generator_penalty", "augmentation"):
            assert describe(getattr(loaded, name)) == describe(getattr(model, name))
        g, d = (each["optimizer"] for each in loaded.configure_optimizers())
        assert (type(g), g.param_groups[0]["initial_lr"]) == (GANAdam, 1e-3)
        assert (type(d), d.param_groups[0]["lr"]) == (d_class, 2e-3)
    sampler = lightning_gans.load(path)
    assert isinstance(sampler, LatentSampler)
    assert describe(sampler.noise) == describe(model.noise)


@pytest.mark.parametrize("variant", TRANSLATION_VARIANTS)
def test_a_translation_variant_made_in_python_is_loaded(variant: type[Translation], tmp_path: Path) -> None:
    networks: dict[str, Any] = {
        "generator": partial(ResNetTranslator, blocks=1, width=2, norm=InstanceNorm),
        "discriminator": partial(PatchGAN, layers=1, width=2, norm=InstanceNorm),
    }
    size = SIZE
    if variant is BicycleGAN:
        latent = {"generator": partial(LatentUNet, width=2), "encoder": partial(ResNetLatentEncoder, width=2)}
        networks, size = {**networks, **latent}, 64
    model = variant(**networks, channels_a=3, channels_b=3, size=size, objective=LeastSquares(b=0.9))
    path = trained(tmp_path, model, tiny_facades(size=size))
    loaded = variant.load_from_checkpoint(path)
    assert_equal(loaded, model)
    assert describe(loaded.objective) == describe(LeastSquares(b=0.9))
    assert isinstance(lightning_gans.load(path), ImageTranslator)


def test_arguments_that_were_not_given_are_those_of_the_network_and_not_of_the_variants_default(tmp_path: Path) -> None:
    networks: dict[str, Any] = {"generator": partial(UNet, width=2), "discriminator": PatchGAN}
    model = CycleGAN(**networks, channels_a=3, channels_b=3, size=64)
    path = trained(tmp_path, model, tiny_facades(paired=False, size=64))
    assert_equal(CycleGAN.load_from_checkpoint(path), model)


def test_a_network_of_ones_own_is_loaded_and_trains_on(tmp_path: Path) -> None:
    model = GAN(generator=OwnGenerator(1, 28, depth=5), discriminator=tiny_dcgan().discriminator)
    path = trained(tmp_path, model)
    loaded = Adversarial.load_from_checkpoint(path, trust=[OwnGenerator])
    assert_equal(loaded, model)
    assert isinstance(loaded.generators["generator"], OwnGenerator)
    assert loaded.generators["generator"].depth == 5
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0).fit(loaded, TinyData(), ckpt_path=path)


def test_what_cannot_be_stored_is_warned_of_and_has_to_be_given(tmp_path: Path) -> None:
    class Local(UniformNoise):
        pass

    class LocalGenerator(OwnGenerator):
        pass

    discriminator = tiny_dcgan().discriminator
    with pytest.warns(NotStoredWarning, match=r"GAN \(noise: .*Local cannot be imported"):
        path = trained(tmp_path / "noise", GAN(OwnGenerator(1, 28), discriminator, noise=Local()))
    with pytest.warns(NotStoredWarning, match="does not store noise"):
        GAN.load_from_checkpoint(path, trust=[OwnGenerator])
    assert isinstance(GAN.load_from_checkpoint(path, noise=Local(), trust=[OwnGenerator]).noise, Local)
    with pytest.raises(InputError, match="does not describe its noise, since "):
        lightning_gans.load(path, trust=[OwnGenerator])
    model = GAN(LocalGenerator(1, 28), discriminator)
    with pytest.warns(NotStoredWarning, match="generator: .*LocalGenerator cannot be imported"):
        path = trained(tmp_path / "generator", model)
    with pytest.raises(InputError, match=r"give it as an argument of load_from_checkpoint, generator=\.\.\."):
        GAN.load_from_checkpoint(path)
    with pytest.raises(InputError, match="does not describe its generator, since "):
        lightning_gans.load(path)
    assert_equal(GAN.load_from_checkpoint(path, generator=LocalGenerator(1, 28)), model)


def test_another_class_is_refused(tmp_path: Path) -> None:
    path = trained(tmp_path, tiny_dcgan())
    with pytest.raises(InputError, match=r"is of lightning_gans\.variants\.dcgan\.DCGAN; expected a subclass of CGAN"):
        CGAN.load_from_checkpoint(path)


def test_a_checkpoint_builds_parts_of_models_only(tmp_path: Path) -> None:
    path = trained(tmp_path, tiny_dcgan())
    checkpoint = torch.load(path, weights_only=True)
    for name in ("noise", "scheduler_g"):
        changed = {name: {"class_path": "subprocess.Popen", "init_args": {"args": "true"}}}
        torch.save({**checkpoint, "hyper_parameters": {**checkpoint["hyper_parameters"], **changed}}, path)
        with pytest.raises(InputError, match=r"names subprocess\.Popen, which is no part of a model"):
            DCGAN.load_from_checkpoint(path)


def test_another_penalty_or_learning_rate_in_a_resumed_script_is_not_silent(tmp_path: Path) -> None:
    path = trained(tmp_path, tiny_dcgan(optimizer_g=partial(GANAdam, lr=1e-3)))
    with pytest.raises(InputError, match=r"model\.optimizer_g\.init_args\.lr is 0\.01 here but 0\.001"):
        tiny_trainer(tmp_path, max_steps=3).fit(
            tiny_dcgan(optimizer_g=partial(GANAdam, lr=1e-2)), TinyData(), ckpt_path=path
        )
