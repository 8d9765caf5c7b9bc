"""Methods of the literature within the training step: all pairs of them train, what cannot be combined is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_gans.components.augmentations import ADA, DiffAugment, InstanceNoise
from lightning_gans.components.generator_penalties import FeatureMatching, LatentDiversity, PathLength, PullingAway
from lightning_gans.components.objectives import BoundaryEquilibrium, EnergyBased, NonSaturating, Wasserstein
from lightning_gans.components.penalties import (
    DRAGAN,
    R1,
    R1R2,
    R2,
    Consistency,
    GradientPenalty,
    LatentConsistency,
    LeCam,
    Penalties,
    WassersteinDivergence,
)
from lightning_gans.components.schedules import CosineSchedule, ExponentialSchedule
from lightning_gans.families import LatentGAN
from lightning_gans.families.part_states import PART_STATES
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from lightning_gans.networks.constraints import OrthogonalRegularization, SpectralNorm, WeightClipping
from lightning_gans.variants import BEGAN, DCGAN, EBGAN, WGAN, UnrolledGAN
from tests.families.test_resume import Kill, KilledError, everything, fit
from tests.support.tiny import TinyData, last_checkpoint, tiny_trainer, weights
from tests.support.tiny_translation import tiny_pix2pix
from tests.support.variants import LOGIT_OBJECTIVES, autoencoder, plain

Networks = Callable[[int], dict[str, Any]]
"""Makes generator and discriminator for a packing."""


def convolutions(packing: int, batch_norm: bool = False) -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2),
        "discriminator": DCGANDiscriminator(packing, 28, width=2, batch_norm=batch_norm),
    }


def normalized(packing: int) -> dict[str, Any]:
    return convolutions(packing, batch_norm=True)


def dense(packing: int) -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "generator": MLPGenerator(1, 28, latent_dim=3, widths=[8]),
        "discriminator": MLPDiscriminator(packing, 28, widths=[8, 8]),
    }


Method = tuple[str, Callable[[], Any]]
Choice = dict[str, Method]

FACTORS: dict[str, list[Method]] = {
    "objective": [(kind.__name__, kind) for kind in LOGIT_OBJECTIVES],
    "penalty": [
        *((kind.__name__, kind) for kind in (R1, R2, R1R2, GradientPenalty, DRAGAN, WassersteinDivergence)),
        ("one-sided", lambda: GradientPenalty(one_sided=True)),
        ("CR", Consistency),
        ("bCR", lambda: Consistency(balanced=True, interval=2)),
        ("ICR", lambda: Penalties([Consistency(balanced=True), LatentConsistency()])),
        ("LeCam", lambda: Penalties([R1(interval=2), LeCam(start=0)])),
    ],
    "generator_penalty": [
        (kind.__name__, kind) for kind in (FeatureMatching, PullingAway, LatentDiversity, PathLength)
    ],
    "constraint": [(kind.__name__, kind) for kind in (SpectralNorm, WeightClipping, OrthogonalRegularization)],
    "generator_constraint": [("spectral G", SpectralNorm), ("orthogonal G", OrthogonalRegularization)],
    "augmentation": [
        ("DiffAugment", DiffAugment),
        ("ADA", lambda: ADA(interval=1)),
        ("InstanceNoise", lambda: InstanceNoise(CosineSchedule(0.1, 0.0))),
    ],
    "top_k": [("half", lambda: 0.5), ("falling", lambda: ExponentialSchedule(1.0, 0.5, factor=0.7))],
    "packing": [("packs of 2", lambda: 2)],
    "networks": [("batch norm", lambda: normalized), ("dense", lambda: dense)],
    "variant": [("UnrolledGAN", lambda: UnrolledGAN)],
}
"""By argument of the model, the methods that one may give there."""


def is_allowed(choice: Choice) -> bool:
    """Whether a combination is not one that is refused; see the tests of refusals."""
    clipped = choice.get("constraint", ("",))[0] in ("WeightClipping", "OrthogonalRegularization")
    return not (clipped and "variant" in choice)


def rows() -> list[Choice]:
    """Combinations of many factors, with each method in at least one."""
    found = []
    for row in range(max(map(len, FACTORS.values()))):
        # A factor of few methods is left out of some rows, and comes back with another method.
        chosen = {
            name: methods[(row // (1 if len(methods) > 2 else 6)) % len(methods)]
            for place, (name, methods) in enumerate(FACTORS.items())
            if len(methods) > 2 or (row + place) % 6 == 0
        }
        if not is_allowed(chosen):
            del chosen["constraint"]
        found.append(chosen)
    return found


def pairs() -> list[Choice]:
    """All pairs of methods of different factors."""
    found = [
        {first: a, second: b}
        for first, second in combinations(FACTORS, 2)
        for a in FACTORS[first]
        for b in FACTORS[second]
    ]
    return list(filter(is_allowed, found))


def label(choice: Choice) -> str:
    return ", ".join(name for name, _ in choice.values())


def make(choice: Choice) -> LatentGAN:
    arguments = {name: method() for name, (_, method) in choice.items()}
    networks: Networks = arguments.pop("networks", convolutions)
    variant = arguments.pop("variant", DCGAN)
    if variant is UnrolledGAN:
        arguments["unrolled_steps"] = 2
    made: LatentGAN = variant(**networks(arguments.get("packing", 1)), **arguments)
    return made


def assert_trains(model: LatentGAN, folder: Path) -> None:
    before = weights(model)
    tiny_trainer(folder, max_steps=2, limit_val_batches=0).fit(model, TinyData())
    after = weights(model)
    assert all(value.isfinite().all() for value in after.values())
    for side in ("generator", "discriminator"):
        assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith(side))


def test_the_rows_have_every_method() -> None:
    used = {(name, method[0]) for row in rows() for name, method in row.items()}
    assert used == {(name, method[0]) for name, methods in FACTORS.items() for method in methods}


@pytest.mark.parametrize("choice", rows(), ids=label)
def test_methods_train_together(choice: Choice, tmp_path: Path) -> None:
    assert_trains(make(choice), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("choice", pairs(), ids=label)
def test_all_pairs_of_methods_train(choice: Choice, tmp_path: Path) -> None:
    assert_trains(make(choice), tmp_path)


@pytest.mark.parametrize("variant", [EBGAN, BEGAN])
@pytest.mark.parametrize(
    "arguments",
    [
        {"generator_penalty": PullingAway(), "augmentation": DiffAugment(), "top_k": 0.5},
        {"objective": Wasserstein(), "penalty": Consistency(), "constraint": WeightClipping(bound=0.1)},
        {"penalty": LatentConsistency(), "constraint": SpectralNorm(), "generator_penalty": FeatureMatching()},
    ],
    ids=["PT", "clipping", "matching"],
)
def test_energies_allow_what_is_no_gradient(variant: Any, arguments: dict[str, Any], tmp_path: Path) -> None:
    assert_trains(variant(**autoencoder(), **arguments), tmp_path)


# What is refused, by name and before training.


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (
            lambda: DCGAN(**plain(), objective=EnergyBased()),
            "objective is EnergyBased, which needs energies, but the logits of DCGANDiscriminator have no bound",
        ),
        (lambda: tiny_pix2pix(objective=BoundaryEquilibrium()), "BoundaryEquilibrium, which needs energies, but the"),
        (
            lambda: EBGAN(**autoencoder(), objective=NonSaturating()),
            "objective is NonSaturating, which needs logits of both signs, but those of AutoencoderDiscriminator",
        ),
        (
            lambda: EBGAN(**plain(), objective=Wasserstein()),
            "discriminator is DCGANDiscriminator, whose logits are not errors of reconstruction; EBGAN expects",
        ),
        (lambda: EBGAN(**autoencoder(), penalty=R1()), "penalty is R1, on gradients of logits by images, but"),
        (
            lambda: BEGAN(**autoencoder(), penalty=Penalties([LeCam(), DRAGAN()])),
            "penalty is Penalties, on gradients of logits by images, but the logits of AutoencoderDiscriminator",
        ),
        (
            lambda: UnrolledGAN(**plain(), constraint=WeightClipping()),
            "constraint is WeightClipping, which is no part of D's loss and network",
        ),
        (
            lambda: UnrolledGAN(**normalized(1), penalty=GradientPenalty()),
            "penalty is GradientPenalty, on gradients, but the discriminator has batch normalization",
        ),
        (lambda: DCGAN(**plain(), top_k=0.0), r"top_k is 0\.0; expected a share in \(0, 1\]"),
    ],
)
def test_what_cannot_be_combined_is_refused(refused: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refused()


# Single methods.


def test_the_critics_weights_are_clipped_after_every_step(tmp_path: Path) -> None:
    model = WGAN(**plain(), optimizer_d=lambda p: torch.optim.SGD(p, lr=100.0))
    assert model.sides["g"].interval == 5
    tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(model, TinyData())
    largest = max(weight.abs().max().item() for weight in model.discriminator.parameters())
    assert largest == pytest.approx(0.01)
    assert max(weight.abs().max().item() for weight in model.generator.parameters()) > 0.02


def test_orthogonal_regularization_is_part_of_the_loss_of_its_own_side(tmp_path: Path) -> None:
    losses = []
    for strength in (0.0, 50.0):
        constraint = OrthogonalRegularization(weight=strength)
        model = DCGAN(**plain(), constraint=constraint)
        expected = torch.as_tensor(constraint.term(model.discriminator)).item()
        tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(model, TinyData())
        losses.append((model.losses["d"].item(), expected))
    assert losses[1][0] - losses[0][0] == pytest.approx(losses[1][1], rel=1e-2)
    assert losses[1][1] > 1e-4


@pytest.mark.slow
def test_began_goes_on_from_its_k(tmp_path: Path) -> None:
    def began() -> BEGAN:
        return BEGAN(**autoencoder(), objective=BoundaryEquilibrium(gamma=0.9, lambda_k=0.05))

    whole = fit(tmp_path / "whole", began(), TinyData())
    with pytest.raises(KilledError):
        fit(tmp_path, began(), TinyData(), Kill(7))
    assert 0 < last_checkpoint(tmp_path)[PART_STATES]["objective"]["k"] < 1
    torch.manual_seed(99)  # a new process
    resumed = fit(tmp_path, began(), TinyData(), ckpt_path=tmp_path / "checkpoints" / "last.ckpt")
    expected, found = everything(whole), everything(resumed)
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    scalars = resumed.callback_metrics
    assert torch.equal(scalars["equilibrium/k"], whole.callback_metrics["equilibrium/k"])
    assert scalars["equilibrium/measure"] > 0
