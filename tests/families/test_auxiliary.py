"""Auxiliary losses within the training step, with every discriminator that offers features."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from lightning_gans.callbacks import EMA, Compilation, LastCheckpoint
from lightning_gans.components.augmentations import DiffAugment
from lightning_gans.components.auxiliary import Classification
from lightning_gans.components.noise import CodedNoise, NormalNoise
from lightning_gans.components.penalties import R1
from lightning_gans.families import LatentGAN
from lightning_gans.inference import LatentSampler, load
from lightning_gans.networks import (
    BigGANDiscriminator,
    CompactDiscriminator,
    DCGANDiscriminator,
    DCGANGenerator,
    FastGANDiscriminator,
    InfoGANDiscriminator,
    LSGANDiscriminator,
    MaxoutDiscriminator,
    MLPDiscriminator,
    R3GANDiscriminator,
    SNGANDiscriminator,
    SNGANResNetDiscriminator,
    StyleGAN2Discriminator,
)
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.variants import DCGAN, GAN, R3GAN, SNGAN, InfoGAN
from tests.families.test_resume import Kill, KilledError, everything, fit
from tests.support.half import half_trainer
from tests.support.tiny import TinyData, networks_moved, tiny_trainer, watch_updates, weights
from tests.support.variants import coded

DISCRIMINATORS: dict[str, Callable[..., FeatureDiscriminator]] = {
    "biggan": partial(BigGANDiscriminator, 1, 28, width=1, attention=14),
    "compact": partial(CompactDiscriminator, 1, 28, width=8, blocks=1, features=6),
    "dcgan": partial(DCGANDiscriminator, 1, 28, width=2),
    "infogan": partial(InfoGANDiscriminator, 1, 28, width=2, dense=6),
    "maxout": partial(MaxoutDiscriminator, 1, 28, width=4, joint_width=4, label_width=2),
    "mlp": partial(MLPDiscriminator, 1, 28, widths=[6]),
    "r3gan": partial(R3GANDiscriminator, 1, 28, width=8, widest=8, blocks=1),
    "sngan_resnet": partial(SNGANResNetDiscriminator, 1, 28, width=4),
    "stylegan2": partial(StyleGAN2Discriminator, 1, 28, width=2, widest=4, mapping_layers=1),
}
PLAIN: dict[str, Callable[..., FeatureDiscriminator]] = {
    "lsgan": partial(LSGANDiscriminator, 1, 28, width=2),
    "sngan": partial(SNGANDiscriminator, 1, 28, width=2),
}
BY_PROJECTION = sorted(set(DISCRIMINATORS) - {"maxout", "mlp"})
LABELS: dict[str, Any] = {"num_classes": 10, "conditional": True}


def model_with(discriminator: FeatureDiscriminator, variant: type[LatentGAN] = DCGAN, **kwargs: Any) -> LatentGAN:
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 28, latent_dim=3, width=2, **LABELS)
    return variant(**{"auxiliary": Classification(), "generator": generator, "discriminator": discriminator, **kwargs})


@pytest.mark.parametrize("name", sorted({**DISCRIMINATORS, **PLAIN}))
def test_one_pass_gives_logits_and_the_heads_outputs(name: str) -> None:
    network = {**DISCRIMINATORS, **PLAIN}[name](**(LABELS if name in BY_PROJECTION else {}))
    model = model_with(network)
    network.eval()
    images, labels = torch.rand(4, 1, 28, 28) * 2 - 1, torch.arange(4)
    judgment = network(images, labels, judge=True)
    torch.testing.assert_close(judgment.logits, network(images, labels))
    assert judgment.outputs.shape == (4, 10)
    features = network.feature_maps(images).flatten(1)
    assert features.shape == (4, network.num_features)
    torch.testing.assert_close(judgment.outputs, model.discriminator.get_submodule("head")(features))
    blocks = [id(module) for block in network.feature_blocks() for module in block]
    assert id(network.head) not in blocks
    assert id(network.last_layer) not in blocks


@pytest.mark.parametrize(
    "discriminator",
    ["compact", *(pytest.param(name, marks=pytest.mark.slow) for name in BY_PROJECTION if name != "compact")],
)
def test_each_step_trains_its_own_side_with_any_projection_discriminator(discriminator: str, tmp_path: Path) -> None:
    model = model_with(DISCRIMINATORS[discriminator](**LABELS), R3GAN, augmentation=DiffAugment())
    moved = watch_updates(model)
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0)
    trainer.fit(model, TinyData())
    assert networks_moved(moved) == {"d": {"discriminator"}, "g": {"generator"}}
    assert {"discriminator.head.weight", "discriminator.head.bias"} <= dict(moved)["d"]
    expected = {"loss/auxiliary_d", "loss/auxiliary_g", "accuracy/real", "accuracy/fake"}
    assert expected <= set(trainer.logged_metrics)


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("penalty", [None, R1(weight=2)])
def test_losses_in_closed_form(joint: bool, penalty: R1 | None, tmp_path: Path) -> None:
    network = MLPDiscriminator(1, 28, widths=[6])
    network.joint_batch_safe = joint
    auxiliary = Classification(weight_d=0.5, weight_g=0.25, on_generated=True)
    model, plain = (model_with(network, GAN, auxiliary=each, penalty=penalty) for each in (auxiliary, auxiliary))
    plain.auxiliary = None
    for each in (model, plain):
        each.trainer = tiny_trainer(tmp_path, max_steps=1, log_every_n_steps=0)
    labels = torch.tensor([3, 1, 4, 1])
    real, fake = (torch.rand(4, 1, 28, 28) * 2 - 1 for _ in range(2))
    assert network.head is not None
    on_real, on_fake = (F.cross_entropy(network.head(network.feature_maps(images)), labels) for images in (real, fake))
    difference = model.discriminator_loss(real, fake, labels) - plain.discriminator_loss(real, fake, labels)
    torch.testing.assert_close(difference, 0.5 * (on_real + on_fake))
    difference = model.generator_loss(real, fake, labels) - plain.generator_loss(real, fake, labels)
    torch.testing.assert_close(difference, 0.25 * on_fake)


def test_a_step_has_no_further_pass_of_the_discriminator(tmp_path: Path) -> None:
    passes = []
    for auxiliary in (None, Classification()):
        network = DCGANDiscriminator(1, 28, width=2, batch_norm=False, **LABELS)
        model = model_with(network, R3GAN, auxiliary=auxiliary)
        count: list[int] = []
        network.layers[0].register_forward_hook(lambda *_, seen=count: seen.append(1))
        tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(model, TinyData())
        passes.append(len(count))
    assert passes[0] == passes[1]


def test_the_head_is_normalized_with_the_discriminator() -> None:
    model = model_with(DISCRIMINATORS["sngan_resnet"](**LABELS), SNGAN)
    names = {name for name, _ in model.discriminator.named_parameters()}
    assert "head.parametrizations.weight.original" in names


@pytest.mark.slow
def test_a_run_with_a_head_resumes_exactly_and_its_checkpoint_builds_it(tmp_path: Path) -> None:
    def run(folder: str, *callbacks: Kill, ckpt_path: Path | None = None) -> Any:
        torch.manual_seed(1)
        model = model_with(DISCRIMINATORS["compact"](**LABELS), R3GAN, auxiliary=Classification(weight_g=0.1))
        return fit(tmp_path / folder, model, TinyData(), *callbacks, ckpt_path=ckpt_path, limit_train_batches=2)

    whole = everything(run("whole"))
    with pytest.raises(KilledError):
        run("cut", Kill(3))
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    torch.manual_seed(99)  # a new process
    resumed = everything(run("cut", ckpt_path=last))
    assert not [key for key, value in resumed.items() if not torch.equal(value, whole[key])]
    loaded = R3GAN.load_from_checkpoint(last)
    assert isinstance(loaded.auxiliary, Classification)
    assert loaded.auxiliary.weight_g == 0.1
    assert "discriminator.head.weight" in weights(loaded)


def test_half_precision_and_accumulation(tmp_path: Path) -> None:
    model = model_with(DISCRIMINATORS["dcgan"](**LABELS), accumulate_d=2, accumulate_g=2, penalty=R1(interval=2))
    trainer = half_trainer(tmp_path, max_steps=4, callbacks=[EMA(0.9)])
    trainer.fit(model, TinyData())
    # The norm of a gradient may overflow before the loss is scaled right.
    losses = [value for key, value in trainer.logged_metrics.items() if key.startswith("loss/")]
    assert len(losses) == 4
    assert all(value.isfinite() for value in losses)


@pytest.mark.parametrize(
    ("discriminator", "kwargs", "message"),
    [
        (FastGANDiscriminator(1, 28, width=1), {}, "FastGANDiscriminator, which offers no features"),
        (MLPDiscriminator(1, 28, **LABELS), {}, "the features of MLPDiscriminator .* depend on the label"),
        (
            DCGANDiscriminator(1, 28, width=2),
            {"generator": DCGANGenerator(1, 28, width=2)},
            "the generator ignores labels; expected one with conditional true",
        ),
        (
            DCGANDiscriminator(2, 28, width=2),
            {"generator": DCGANGenerator(1, 28, width=2), "packing": 2},
            "packing is 2; expected 1",
        ),
        (DCGANDiscriminator(1, 28, width=2, num_classes=7, conditional=True), {}, "num_classes is 10 but .* is 7"),
    ],
)
def test_networks_that_cannot_have_a_classifier_are_refused(
    discriminator: Any, kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model_with(discriminator, **kwargs)


@pytest.mark.slow
@pytest.mark.filterwarnings(r"ignore:The \.grad attribute of a Tensor that is not a leaf Tensor")
@pytest.mark.filterwarnings(r"ignore:`torch\.jit\.script_method` is deprecated")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_networks_agree_with_plain_ones(tmp_path: Path) -> None:
    ends = []
    for callbacks in ([], [Compilation(networks=True)]):
        sgd = partial(torch.optim.SGD, lr=0.01)
        torch.manual_seed(1)
        network = DISCRIMINATORS["compact"](**LABELS)
        model = model_with(network, penalty=R1(interval=2), optimizer_g=sgd, optimizer_d=sgd)
        tiny_trainer(tmp_path, max_steps=4, limit_val_batches=0, callbacks=callbacks).fit(model, TinyData())
        ends.append(weights(model))
    for key, value in ends[0].items():
        torch.testing.assert_close(ends[1][key], value, rtol=1e-3, atol=1e-5)


def test_infogan_trains_on_codes_and_its_checkpoint_samples_them(tmp_path: Path) -> None:
    model = InfoGAN(**coded(), lambda_information=0.5)
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, callbacks=[EMA(0.9), LastCheckpoint()])
    trainer.fit(model, TinyData())
    assert {"information/categorical", "information/continuous"} <= set(trainer.logged_metrics)
    loaded = load(tmp_path / "checkpoints" / "last.ckpt")
    assert isinstance(loaded, LatentSampler)
    assert isinstance(loaded.noise, CodedNoise)
    latent = loaded.latents(range(3), seed=1)
    assert latent.shape == (3, 5)
    assert torch.equal(latent[:, 2:4].sum(dim=1), torch.ones(3))
    assert loaded.sample(3, seed=1).shape == (3, 1, 28, 28)
    assert loaded.interpolate([0, 1], steps=3).shape == (3, 1, 28, 28)


def test_infogan_needs_codes_and_room_for_noise() -> None:
    with pytest.raises(ValueError, match="noise is NormalNoise, which has no codes; expected CodedNoise"):
        InfoGAN(noise=NormalNoise())
    with pytest.raises(ValueError, match=r"generator\.latent_dim is 12, but the codes have 12 entries; expected more"):
        InfoGAN(generator=DCGANGenerator(1, 28, latent_dim=12, width=2))
