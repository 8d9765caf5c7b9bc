from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lightning_gans.components.augmentations import Augmentation
from lightning_gans.components.penalties import (
    DRAGAN,
    R1,
    R1R2,
    R2,
    Consistency,
    DiscriminatorPass,
    GradientPenalty,
    LatentConsistency,
    LeCam,
    Penalties,
    Penalty,
    WassersteinDivergence,
    squared_gradient_norms,
)
from lightning_gans.components.schedules import CosineSchedule
from tests.support.penalties import penalty_term


class Linear:
    """A critic whose slope is known: the same vector everywhere."""

    def __init__(self, channels: int) -> None:
        self.slope = torch.randn(channels, 4, 4, requires_grad=True)

    def __call__(self, images: Tensor) -> Tensor:
        return (images * self.slope).flatten(1).sum(dim=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_squared_slopes_of_a_linear_critic_are_its_squared_norm(channels: int) -> None:
    critic = Linear(channels)
    images = torch.randn(5, channels, 4, 4, requires_grad=True)
    slopes = squared_gradient_norms(critic(images), images)
    torch.testing.assert_close(slopes, critic.slope.square().sum().expand(5))


def test_of_patches_the_mean_logit_of_an_image_is_differentiated() -> None:
    critic = Linear(3)
    images = torch.randn(2, 3, 4, 4, requires_grad=True)
    patches = torch.stack([critic(images) * factor for factor in (1.0, 3.0, 5.0)], dim=1)
    slopes = squared_gradient_norms(patches, images)
    torch.testing.assert_close(slopes, 9 * critic.slope.square().sum().expand(2))


def test_squared_slopes_are_differentiable_in_the_critic() -> None:
    critic = Linear(3)
    images = torch.randn(2, 3, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(squared_gradient_norms(critic(images), images).mean(), critic.slope)
    torch.testing.assert_close(gradient, 2 * critic.slope)


@pytest.mark.parametrize("channels", [1, 3])
def test_gradient_penalty_is_zero_for_a_unit_slope_critic_and_its_formula_for_others(channels: int) -> None:
    critic = Linear(channels)
    images = torch.randn(2, 5, channels, 4, 4)
    norm = critic.slope.detach().norm()
    expected = 10 * (norm - 1).square()
    torch.testing.assert_close(penalty_term(GradientPenalty(weight=10.0), critic, *images), expected)
    critic.slope = (critic.slope / norm).detach()
    assert penalty_term(GradientPenalty(weight=10.0), critic, *images).item() == pytest.approx(0, abs=1e-10)


def test_gradient_penalty_looks_between_each_real_and_its_generated_image() -> None:
    seen = []

    def critic(images: Tensor) -> Tensor:
        seen.append(images.detach())
        return images.flatten(1).sum(dim=1)

    real, fake = torch.zeros(50, 1, 2, 2), torch.ones(50, 1, 2, 2)
    penalty_term(GradientPenalty(), critic, real, fake)
    share = seen[2].flatten(1)  # after the pass of the loss at both images
    assert torch.equal(share.min(dim=1).values, share.max(dim=1).values)
    assert share.min() >= 0
    assert share.max() <= 1
    assert share[:, 0].std() > 0.2


def test_gradient_penalty_has_a_finite_gradient_where_the_critic_is_flat() -> None:
    weight = torch.zeros(1, requires_grad=True)
    value = penalty_term(GradientPenalty(), lambda x: (x * weight).flatten(1).sum(dim=1), *torch.randn(2, 3, 1, 2, 2))
    (slope,) = torch.autograd.grad(value, weight)
    assert torch.isfinite(slope).all()


def test_a_one_sided_penalty_allows_small_slopes() -> None:
    critic, images = Linear(1), torch.randn(2, 5, 1, 4, 4)
    norm = critic.slope.detach().norm()
    for length, expected in ((0.5, 0.0), (3.0, 4.0)):
        critic.slope = critic.slope.detach() * (length / norm)
        norm = torch.tensor(length)
        assert penalty_term(GradientPenalty(one_sided=True), critic, *images).item() == pytest.approx(
            expected, abs=1e-5
        )


def test_the_wasserstein_divergence_is_a_power_of_the_slope_between_the_images() -> None:
    critic, images = Linear(3), torch.randn(2, 5, 3, 4, 4)
    norm = critic.slope.detach().norm()
    torch.testing.assert_close(penalty_term(WassersteinDivergence(), critic, *images), 2 * norm**6)
    torch.testing.assert_close(penalty_term(WassersteinDivergence(3.0, power=2.0), critic, *images), 3 * norm**2)


def test_dragan_looks_around_real_images_within_half_a_standard_deviation() -> None:
    seen = []

    def critic(images: Tensor) -> Tensor:
        seen.append(images.detach())
        return 3 * images.flatten(1).sum(dim=1)  # slope: 3 in each of 4 pixels, a norm of 6

    real = torch.randn(200, 1, 2, 2)
    term = penalty_term(DRAGAN(), critic, real, torch.full_like(real, 9.0))
    assert term.item() == pytest.approx(10 * 5**2)
    moved = (seen[2] - real) / real.std(correction=0)
    assert moved.min() >= 0
    assert 0.4 < moved.max() <= 0.5
    assert moved.mean().item() == pytest.approx(0.5 / 4, abs=0.02)
    assert torch.equal(seen[2], real) is False


class Brighter(Augmentation):
    def __call__(self, images: Tensor) -> Tensor:
        return images + 2


@pytest.mark.parametrize(("balanced", "expected"), [(False, 8.0**2), (True, 2 * 8.0**2)])
def test_consistency_is_the_squared_distance_to_the_logits_of_augmented_images(balanced: bool, expected: float) -> None:
    penalty = Consistency(weight=3.0, balanced=balanced, augmentation=Brighter())
    images = torch.randn(2, 5, 1, 2, 2)
    found = penalty_term(penalty, lambda x: x.flatten(1).sum(dim=1), *images)
    assert found.item() == pytest.approx(3 * expected, rel=1e-5)


def test_consistency_translates_by_default() -> None:
    centered = torch.zeros(4, 1, 16, 16)
    centered[:, :, 8, 8] = 1
    critic = lambda x: x[:, 0, 8, 8]  # noqa: E731
    assert penalty_term(Consistency(), lambda x: x.flatten(1).sum(dim=1), centered, centered).item() == 0
    assert penalty_term(Consistency(), critic, centered, centered).item() > 0


def test_latent_consistency_compares_with_images_from_latents_near_by() -> None:
    asked = []

    def nearby(std: float) -> Tensor:
        asked.append(std)
        return torch.full((3, 1, 2, 2), 0.5)

    penalty, labels = LatentConsistency(weight=2.0, std=0.3), torch.zeros(3, dtype=torch.long)
    fake_logits = torch.tensor([1.0, 2.0, 4.0])
    images = torch.zeros(3, 1, 2, 2)
    given = DiscriminatorPass(images, images, fake_logits, fake_logits, labels, lambda x, _: x.flatten(1).sum(dim=1))
    assert penalty.term(given._replace(nearby=nearby)).item() == pytest.approx(2 * (1 + 0 + 4) / 3)
    assert asked == [0.3]
    with pytest.raises(ValueError, match="LatentConsistency needs a generator"):
        penalty.term(given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DRAGAN(spread=-1.0), "spread is -1"),
        (lambda: WassersteinDivergence(power=1.0), r"power is 1\.0; expected at least 2"),
        (lambda: LatentConsistency(std=-1.0), "std is -1"),
    ],
)
def test_bad_numbers_of_single_papers_are_named(make: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_r1_looks_at_real_images_and_r2_at_generated_ones() -> None:
    def critic(images: Tensor) -> Tensor:
        return images.square().flatten(1).sum(dim=1) / 2  # slope: the image itself

    real, fake = torch.ones(2, 1, 2, 2), 3 * torch.ones(2, 1, 2, 2)
    assert penalty_term(R1(weight=1.0), critic, real, fake).item() == pytest.approx(4 / 2)
    assert penalty_term(R2(weight=1.0), critic, real, fake).item() == pytest.approx(36 / 2)
    assert penalty_term(R1R2(weight=1.0), critic, real, fake).item() == pytest.approx((4 + 36) / 2)


@pytest.mark.parametrize("kind", [R1, R2, R1R2, GradientPenalty, WassersteinDivergence])
def test_a_lazy_penalty_has_the_same_mean_as_an_eager_one(kind: type[Penalty]) -> None:
    critic, real = Linear(1), torch.randn(3, 1, 4, 4)
    eager, lazy = kind(weight=0.7, interval=1), kind(weight=0.7, interval=4)
    means = [
        sum(penalty_term(p, critic, real, real).item() for step in range(8) if p.applies_at(step)) / 8
        for p in (eager, lazy)
    ]
    assert means[0] == pytest.approx(means[1])


@pytest.mark.parametrize("kind", [R1, R2, R1R2, GradientPenalty, WassersteinDivergence])
def test_the_weight_can_follow_a_schedule(kind: type[Penalty]) -> None:
    critic, real = Linear(1), torch.randn(3, 1, 4, 4)
    scheduled = kind(weight=CosineSchedule(2.0, 1.0, steps=10), interval=2)
    for step, weight in ((0, 2.0), (5, 1.5), (10, 1.0), (30, 1.0)):
        plain = penalty_term(kind(weight=weight, interval=2), critic, real, real)
        torch.testing.assert_close(penalty_term(scheduled, critic, real, real, step), plain)


@pytest.mark.parametrize(
    ("kwargs", "named"), [({"weight": -1.0}, "weight is -1.0"), ({"interval": 0}, "interval is 0")]
)
def test_bad_numbers_are_named(kwargs: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        R1(**kwargs)  # type: ignore[arg-type]


# A penalty with a state.


def given(real: list[float], fake: list[float], step: int) -> DiscriminatorPass:
    images, labels = torch.zeros(len(real), 1, 2, 2), torch.zeros(len(real), dtype=torch.long)
    logits = torch.tensor(real, requires_grad=True), torch.tensor(fake, requires_grad=True)
    return DiscriminatorPass(images, images, *logits, labels, lambda images, _: images, step)


def test_lecam_pulls_real_logits_down_and_generated_ones_up_after_its_start() -> None:
    lecam = LeCam(weight=2.0, decay=0.5, start=1)
    assert lecam.training_state() == {}
    assert lecam.term(given([4.0, 2.0], [-1.0, -1.0], 0)).item() == 0
    assert lecam.training_state() == {"real": 3.0, "fake": -1.0}
    # At the start the averages begin to move: half of what they were, and half of the batch's means, 1 and -3.
    assert lecam.term(given([1.0, 1.0], [-3.0, -3.0], 1)).item() == 0
    assert lecam.training_state() == {"real": 2.0, "fake": -2.0}
    now = given([2.0, -6.0], [2.0, 4.0], 2)  # the averages are then 0 and .5
    term = lecam.term(now)
    assert lecam.training_state() == {"real": 0.0, "fake": 0.5}
    assert term.item() == pytest.approx(2 * 1.5**2 / 2)
    slopes = torch.autograd.grad(term, (now.real_logits, now.fake_logits))
    assert [slope.tolist() for slope in slopes] == [[3.0, 0.0], [0.0, 0.0]]


def test_lecam_follows_a_schedule_and_continues_from_a_state() -> None:
    first, second = (LeCam(CosineSchedule(2.0, 0.0, steps=4), decay=0.5, start=0) for _ in range(2))
    first.term(given([1.0], [-1.0], 0))
    second.load_training_state(first.training_state())
    terms = [lecam.term(given([3.0], [-2.0], 2)).item() for lecam in (first, second)]
    assert terms == [pytest.approx((3 + 1.5) ** 2 + (2 + 2) ** 2)] * 2


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"decay": 1.0}, r"decay is 1\.0; expected at least 0 and less than 1"), ({"start": -1}, "start is -1")],
)
def test_bad_numbers_of_lecam_are_named(kwargs: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LeCam(**kwargs)  # type: ignore[arg-type]


# Several penalties.


def test_several_penalties_are_the_sum_of_those_that_are_due() -> None:
    critic, real, fake = Linear(1), torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    r1, r2 = R1(weight=0.5, interval=2), R2(weight=0.3, interval=3)
    both = Penalties([r1, r2])
    for step in range(7):
        due = [penalty for penalty in (r1, r2) if penalty.applies_at(step)]
        assert both.applies_at(step) is bool(due)
        if due:
            expected = sum(penalty_term(penalty, critic, real, fake, step).item() for penalty in due)
            assert penalty_term(both, critic, real, fake, step).item() == pytest.approx(expected)
            leaves = both.leaves(real, fake, step)
            assert [leaf.requires_grad for leaf in leaves] == [r1 in due, r2 in due]
    assert not real.requires_grad


def test_several_penalties_keep_the_states_of_each() -> None:
    first, second = (Penalties([R1(), LeCam(start=0), LeCam(decay=0.0)]) for _ in range(2))
    assert first.training_state() == {}
    for place in (1, 2):
        first.terms[place].term(given([1.0], [-float(place)], 0))
    state = {"1.real": 1.0, "1.fake": -1.0, "2.real": 1.0, "2.fake": -2.0}
    assert first.training_state() == state
    second.load_training_state(state)
    assert second.training_state() == state
    with pytest.raises(ValueError, match=r"terms is \[\]; expected at least one penalty"):
        Penalties([])
