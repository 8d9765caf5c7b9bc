"""The noise-to-image family and its variants: what holds for each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.callbacks import Evaluation
from lightning_gans.components.augmentations import Augmentation, DiffAugment
from lightning_gans.components.objectives import LeastSquares, Objective
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1, R1R2, GradientPenalty
from lightning_gans.core.errors import InputError
from lightning_gans.families import LatentGAN
from lightning_gans.networks import (
    BatchNorm,
    DCGANDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
)
from lightning_gans.variants import CGAN, DCGAN, GAN, LSGAN, R3GAN, SNGAN, WGANGP, InfoGAN, SemiSupervisedGAN
from tests.support.half import Gradients
from tests.support.tiny import TinyData, networks_moved, tiny_trainer, watch_updates, weights
from tests.support.variants import (
    CLASSIFYING_VARIANTS,
    ENERGY_VARIANTS,
    JUDGING_CLASSES,
    LATENT_VARIANTS,
    LOGIT_OBJECTIVES,
    conditional,
    covering,
    networks_for,
    plain,
)

LOGIT_VARIANTS = [variant for variant in LATENT_VARIANTS if variant not in ENERGY_VARIANTS]


class Darker(Augmentation):
    def __call__(self, images: Tensor) -> Tensor:
        return images - 3


@pytest.mark.parametrize("variant", LATENT_VARIANTS)
def test_each_step_moves_its_own_side_only(variant: type[LatentGAN], tmp_path: Path) -> None:
    model = variant(**networks_for(variant), n_critic=1)
    moved = watch_updates(model)
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0).fit(model, TinyData())
    assert networks_moved(moved) == {"d": {"discriminator"}, "g": {"generator"}}


@pytest.mark.parametrize("variant", LATENT_VARIANTS)
@pytest.mark.parametrize("networks", [plain, conditional])
def test_every_variant_trains_plain_and_conditional_networks(
    variant: type[LatentGAN], networks: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    needs_others = (*ENERGY_VARIANTS, InfoGAN, SemiSupervisedGAN)
    if variant in needs_others or (variant in (CGAN, *CLASSIFYING_VARIANTS) and networks is plain):
        pytest.skip("refused, see below and test_methods")
    model = variant(**networks(), augmentation=DiffAugment())
    before = weights(model)
    tiny_trainer(tmp_path, max_steps=5, limit_val_batches=1).fit(model, TinyData())
    after = weights(model)
    assert all(torch.isfinite(value).all() for value in after.values())
    for side in ("generator", "discriminator"):
        assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith(side))


@pytest.mark.parametrize(("variant", "objective"), covering(LOGIT_VARIANTS, LOGIT_OBJECTIVES))
def test_every_variant_trains_with_every_objective(
    variant: type[LatentGAN], objective: type[Objective], tmp_path: Path
) -> None:
    model = variant(**networks_for(variant), objective=objective(), n_critic=1)
    before = weights(model)
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData())
    after = weights(model)
    assert all(torch.isfinite(value).all() for value in after.values())
    for side in ("generator", "discriminator"):
        assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith(side))


@pytest.mark.parametrize("variant", LATENT_VARIANTS)
def test_every_variant_has_default_networks_in_python(variant: Callable[[], LatentGAN]) -> None:
    model = variant()
    assert (model.generator.channels, model.generator.size) == (model.discriminator.channels, model.discriminator.size)
    for network, with_classes in (
        (model.generator, (CGAN, *CLASSIFYING_VARIANTS)),
        (model.discriminator, (CGAN, SemiSupervisedGAN)),
    ):
        assert network.num_classes == (10 if variant in with_classes else 0)
    assert model.conditional is (variant in (CGAN, *CLASSIFYING_VARIANTS))


def test_mlp_networks_learn_as_well(tmp_path: Path) -> None:
    model = CGAN(
        generator=MLPGenerator(1, 28, latent_dim=3, widths=[8, 8], label_width=4, num_classes=10, conditional=True),
        discriminator=MLPDiscriminator(1, 28, widths=[8], num_classes=10, conditional=True),
    )
    before = weights(model)
    tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(model, TinyData())
    assert all(not torch.equal(before[key], value) for key, value in weights(model).items())


# Not SNGAN: each pass of its D moves the vectors that the singular values are computed from.
@pytest.mark.parametrize("variant", [each for each in LOGIT_VARIANTS if each not in (SNGAN, *JUDGING_CLASSES)])
def test_judging_both_in_one_pass_is_judging_each(variant: type[LatentGAN], tmp_path: Path) -> None:
    ends = []
    for together in (True, False):
        torch.manual_seed(0)
        if variant is CGAN:
            generator: Any = MLPGenerator(
                1, 28, latent_dim=3, widths=[8, 8], label_width=4, num_classes=10, conditional=True
            )
            discriminator: Any = MLPDiscriminator(1, 28, widths=[8], num_classes=10, conditional=True)
        else:
            generator = MLPGenerator(1, 28, latent_dim=3, widths=[8])
            discriminator = MLPDiscriminator(1, 28, widths=[8])
        discriminator.joint_batch_safe = together
        batches: list[int] = []

        def note(_: nn.Module, given: Any, into: list[int] = batches) -> None:
            into.append(len(given[0]))

        discriminator.register_forward_pre_hook(note)
        sgd = partial(torch.optim.SGD, lr=0.01)
        model = variant(
            generator=generator,
            discriminator=discriminator,
            augmentation=DiffAugment(),
            penalty=R1(interval=2),
            n_critic=1,
            optimizer_g=sgd,
            optimizer_d=sgd,
        )
        trainer = tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0)
        trainer.fit(model, TinyData())
        assert (16 in batches) is together
        ends.append((weights(model), trainer.logged_metrics))
    for value, other in zip(ends[0][0].values(), ends[1][0].values(), strict=True):
        torch.testing.assert_close(value, other, rtol=1e-4, atol=1e-6)
    assert ends[0][1].keys() == ends[1][1].keys()
    assert float(ends[0][1]["logit/fake"]) == pytest.approx(float(ends[1][1]["logit/fake"]), rel=1e-4)


def test_the_papers_own_settings_are_the_defaults() -> None:
    wgan, r3gan = WGANGP(**plain()), R3GAN(**plain())
    assert isinstance(wgan.penalty, GradientPenalty)
    assert wgan.penalty.weight == 10
    assert wgan.sides["g"].interval == 5
    assert isinstance(r3gan.penalty, R1R2)
    objective = LSGAN(**plain()).objective
    assert isinstance(objective, LeastSquares)
    assert (objective.a, objective.b, objective.c, objective.scale) == (0, 1, 1, 0.5)


def test_the_critic_of_wgan_gp_starts_with_a_slope() -> None:
    images = (2 * torch.rand(16, 1, 28, 28) - 1).requires_grad_(True)
    (gradients,) = torch.autograd.grad(WGANGP().discriminator(images).sum(), images)
    assert 0.3 < gradients.flatten(1).norm(dim=1).mean() < 1


def test_sngan_normalizes_every_layer_of_d_and_none_of_g() -> None:
    model = SNGAN(**plain())
    layers = [m for m in model.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert layers
    assert all(nn.utils.parametrize.is_parametrized(layer) for layer in layers)
    assert not any(nn.utils.parametrize.is_parametrized(m) for m in model.generator.modules())


def test_the_augmentation_stands_before_d_for_real_and_generated_images_in_both_steps(tmp_path: Path) -> None:
    networks = plain()
    judged: list[Tensor] = []
    networks["discriminator"].register_forward_pre_hook(lambda module, inputs: judged.append(inputs[0]))
    model = DCGAN(**networks, augmentation=Darker(), penalty=R1())
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData())
    # D: real, of which R1 too differentiates the logits, and generated images; G: generated images.
    assert len(judged) == 3
    assert all(images.max() <= -2 for images in judged)


def test_curves_say_who_is_winning(tmp_path: Path) -> None:
    model, gradients = DCGAN(**plain()), Gradients(0)
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[gradients])
    trainer.fit(model, TinyData())
    logged = trainer.callback_metrics
    assert {"loss/d", "loss/g", "grad_norm/d", "grad_norm/g", "logit/real", "logit/fake"} <= set(logged)
    torch.testing.assert_close(logged["grad_norm/g"], gradients.seen[0].norm())


def test_recording_changes_nothing(tmp_path: Path) -> None:
    ends = []
    for interval in (1, 1000):
        model = DCGAN(**plain(), penalty=R1())
        tiny_trainer(tmp_path, max_steps=4, limit_val_batches=0, log_every_n_steps=interval).fit(model, TinyData())
        ends.append(weights(model))
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_channels_last_agrees_up_to_rounding(tmp_path: Path) -> None:
    ends = []
    for channels_last in (False, True):
        model = DCGAN(**plain(), channels_last=channels_last, optimizer_g=torch.optim.SGD, optimizer_d=torch.optim.SGD)
        weight = next(p for p in model.discriminator.parameters() if p.ndim == 4 and p.shape[1] > 1)
        assert weight.is_contiguous(memory_format=torch.channels_last) is channels_last
        tiny_trainer(tmp_path, max_steps=5, limit_val_batches=0).fit(model, TinyData())
        ends.append(weights(model))
    for key in ends[0]:
        torch.testing.assert_close(ends[0][key], ends[1][key], rtol=1e-4, atol=1e-6)


def test_a_conditional_run_scores_label_accuracy_with_the_asked_labels(tmp_path: Path) -> None:
    for networks, scored in ((conditional, True), (plain, False)):
        model = GAN(**networks())
        trainer = tiny_trainer(tmp_path, max_epochs=1, callbacks=[Evaluation()])
        trainer.fit(model, TinyData())
        assert ("val/label_accuracy" in trainer.callback_metrics) is scored


# Bad input.


def test_cgan_refuses_networks_that_ignore_labels() -> None:
    with pytest.raises(ValueError, match=r"generator is DCGANGenerator, which ignores labels"):
        CGAN(**plain())


def test_one_conditional_network_alone_is_refused() -> None:
    mixed = {**conditional(), "discriminator": plain()["discriminator"]}
    with pytest.raises(ValueError, match=r"generator\.num_classes is 10 but discriminator\.num_classes"):
        DCGAN(**mixed)


def test_conditional_networks_refuse_data_without_labels(tmp_path: Path) -> None:
    class Unlabeled(TinyData):
        num_classes = 0

    with pytest.raises(InputError, match=r"data\.num_classes is 0 but model\.generator\.num_classes is 10"):
        tiny_trainer(tmp_path, max_steps=1).fit(CGAN(**conditional()), Unlabeled())


class PerImageNormalized(DCGANDiscriminator):
    def __init__(self) -> None:
        super().__init__(1, 28, width=2, batch_norm=False)
        self.layers.append(BatchNorm(1))


@pytest.mark.parametrize("make", [lambda: DCGANDiscriminator(1, 28, width=2), PerImageNormalized])
def test_wgan_gp_refuses_batch_normalization_in_its_critic(make: Callable[[], DCGANDiscriminator]) -> None:
    networks = {**plain(), "discriminator": make()}
    with pytest.raises(ValueError, match="discriminator has batch normalization"):
        WGANGP(**networks)


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"generator\.size is 28 but discriminator\.size is 32"):
        GAN(
            generator=MLPGenerator(1, 28),
            discriminator=MLPDiscriminator(1, 32),
            optimizer_g=lambda p: GANAdam(p, lr=1e-3),
        )
