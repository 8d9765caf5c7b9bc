"""ADA: what it draws, how its probability changes, and what a checkpoint keeps of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components.augmentations import ADA, Augmentation
from lightning_gans.components.augmentations.base import Draw
from lightning_gans.components.augmentations.color import draw_colors
from lightning_gans.components.augmentations.corruptions import draw_deviations, draw_gains, draw_rectangles
from lightning_gans.components.augmentations.geometry import draw_positions
from lightning_gans.components.schedules import CosineSchedule
from lightning_gans.core import randomness
from tests.support.closed_form import numbers
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

MANY, P = 20_000, 0.6
EVERYTHING: dict[str, Any] = {"filtering": 1.0, "noise": 1.0, "cutout": 1.0}


def share(chosen: Tensor) -> Any:
    """The share of images, within four standard deviations of what is expected."""
    return chosen.double().mean().item()


def near(expected: float, spread: float = 0.5) -> Any:
    return pytest.approx(expected, abs=4 * spread / math.sqrt(MANY))


def deviation(values: Tensor) -> Any:
    return values.double().square().mean().sqrt().item()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(5)


# What is drawn.


def test_blitting_flips_turns_and_moves_as_often_as_in_the_paper() -> None:
    positions = draw_positions(Draw(MANY, P), None, 32, 16)
    linear = positions[:, :2, :2]
    assert torch.equal(linear, linear.round())
    assert share(torch.linalg.det(linear) < 0) == near(P / 2)
    assert share(linear[:, 0, 0] == 0) == near(P / 2)  # two of four quarter turns
    shift = torch.linalg.solve(linear, positions[:, :2, 2])
    assert torch.equal(shift, shift.round())
    # Up to 2 of 16 and 4 of 32 pixels; the outermost ones are half as likely as the others.
    assert [column.abs().max().item() for column in shift.T] == [2, 4]
    assert share(shift[:, 0] == 2) == near(P / 8)
    assert share(shift[:, 1] == 1) == near(P / 8)


def test_geometry_scales_rotates_and_moves_as_in_the_paper() -> None:
    positions = draw_positions(None, Draw(MANY, P), 32, 16)
    linear = positions[:, :2, :2]
    larger, smaller = torch.linalg.svdvals(linear).log2().unbind(dim=1)
    scale, aniso = (larger + smaller) / 2, (larger - smaller) / 2
    for factor in (scale, aniso):
        assert share(factor.abs() > 1e-6) == near(P)
        assert deviation(factor[factor.abs() > 1e-6]) == pytest.approx(0.2, rel=0.03)
    # Before or after the sides are scaled, or both.
    assert share((linear[:, 0, 1] != 0) | (linear[:, 1, 0] != 0)) == near(P)
    assert (linear[:, 0, 0] < 0).any()
    shift = torch.linalg.solve(linear, positions[:, :2, 2])
    assert share((shift != 0).any(dim=1)) == near(P)
    for moved, side in zip(shift[(shift != 0).any(dim=1)].T, (16, 32), strict=True):
        assert deviation(moved / side) == pytest.approx(0.125, rel=0.03)


def test_colors_change_as_in_the_paper() -> None:
    colors = draw_colors(Draw(MANY, P), 3)
    linear, constant = colors[:, :3, :3], colors[:, :3, 3]
    gray = linear.sum(dim=(1, 2)) / 3
    torch.testing.assert_close(constant, constant[:, :1].expand(-1, 3))  # gray remains gray
    assert share(gray < 0) == near(P / 2)  # luma flips
    brightness = constant[:, 0] / gray
    assert share(brightness != 0) == near(P)
    assert deviation(brightness[brightness != 0]) == pytest.approx(0.2, rel=0.03)
    contrast = gray.abs().log2()
    assert share(contrast.abs() > 1e-9) == near(P)
    assert deviation(contrast[contrast.abs() > 1e-9]) == pytest.approx(0.5, rel=0.03)
    # What is orthogonal to gray is rotated, and multiplied by the contrast and the saturation.
    saturation = (torch.linalg.det(linear).abs() / gray.abs()).log2() / 2 - contrast
    assert share(saturation.abs() > 1e-9) == near(P)
    assert deviation(saturation[saturation.abs() > 1e-9]) == pytest.approx(1, rel=0.03)
    cosine = (linear.diagonal(dim1=1, dim2=2).sum(dim=1) - gray) / 2 / (saturation + contrast).exp2()
    turned = cosine < 1 - 1e-9
    assert share(turned) == near(P)
    assert cosine[turned].acos().mean().item() == pytest.approx(math.pi / 2, rel=0.03)


@pytest.mark.parametrize("channels", [1, 2, 4, 16])
def test_colors_of_other_numbers_of_channels_keep_gray_gray(channels: int) -> None:
    colors = draw_colors(Draw(500, 1.0), channels)
    assert colors.shape == (500, channels + 1, channels + 1)
    gray = colors @ torch.ones(channels + 1, dtype=torch.float64)
    torch.testing.assert_close(gray[:, :-1], gray[:, :1].expand(-1, channels))
    # All that is orthogonal to gray is multiplied by one factor.
    across = torch.zeros(channels + 1, dtype=torch.float64)
    if channels > 1:
        across[:2] = torch.tensor([1, -1])
        changed = colors @ across
        torch.testing.assert_close(changed, changed[:, :1] * across)
        assert len(torch.unique(changed[:, 0])) == 500


def test_bands_noise_and_rectangles_are_drawn_as_in_the_paper() -> None:
    gains = draw_gains(Draw(MANY, P))
    assert share((gains == 1).all(dim=1)) == near((1 - P) ** 4)
    power = torch.tensor([10, 1, 1, 1]) / 13
    changed_once = gains[(gains == gains.median(dim=1, keepdim=True).values).sum(dim=1) == 3]
    torch.testing.assert_close((power * changed_once.square()).sum(dim=1), torch.ones(len(changed_once)))
    deviations = draw_deviations(Draw(MANY, P))
    assert share(deviations > 0) == near(P)
    assert (deviations >= 0).all()
    assert deviation(deviations[deviations > 0]) == pytest.approx(0.1, rel=0.03)
    sizes, centers = draw_rectangles(Draw(MANY, P))
    assert share(sizes == 0.5) == near(P)
    assert share(sizes == 0) == near(1 - P)
    assert centers.mean(dim=0).tolist() == [near(0.5), near(0.5)]


# What it does to images.


@pytest.mark.parametrize(("channels", "size"), [(1, (8, 8)), (3, (9, 14)), (4, (7, 5)), (16, (8, 8))])
def test_nothing_happens_at_p_0_and_every_image_is_augmented_in_its_own_way_at_p_1(
    channels: int, size: tuple[int, int]
) -> None:
    images = numbers((1, channels, *size), 1).float().expand(8, -1, -1, -1)
    assert torch.equal(ADA(0, **EVERYTHING)(images), images)
    augmented = ADA(1, **EVERYTHING)(images)
    assert augmented.shape == images.shape
    assert len(torch.unique(augmented.flatten(1), dim=0)) == 8


@pytest.mark.parametrize("group", ["blitting", "geometry", "color", "filtering", "noise", "cutout"])
def test_each_group_is_switched_by_its_factor(group: str) -> None:
    off: dict[str, Any] = dict.fromkeys(("blitting", "geometry", "color", "filtering", "noise", "cutout"), 0.0)
    images = numbers((16, 3, 8, 8), 1).float()
    assert ADA(1, **off)(images) is images
    changed = [(ADA(1, **{**off, group: by})(images) != images).flatten(1).any(dim=1) for by in (1.0, 0.1)]
    assert changed[0].sum() > 12 > changed[1].sum()


def test_gradients_reach_the_images_once_and_twice() -> None:
    images = numbers((6, 3, 4, 5), 2)
    given = [images.float().requires_grad_(True), images.requires_grad_(True)]
    (slope,) = torch.autograd.grad(ADA(0.7, **EVERYTHING)(given[0]).square().sum(), given[0])
    assert torch.isfinite(slope).all()
    assert (slope != 0).float().mean() > 0.5

    def squares(images: Tensor) -> Tensor:
        torch.manual_seed(1)
        return ADA(0.7, **EVERYTHING)(images).square()

    assert torch.autograd.gradgradcheck(squares, given[1][:2, :, :3, :3], fast_mode=True)


def test_images_are_float32_also_within_mixed_precision() -> None:
    images = numbers((8, 3, 8, 8), 1).float()
    torch.manual_seed(1)
    expected = ADA(0.8, **EVERYTHING)(images.half().float())
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ADA(0.8, **EVERYTHING)(images.half())
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


def test_n_processes_augment_as_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    images, cpu = numbers((6, 3, 8, 8), 1).float(), torch.device("cpu")
    randomness.seed_step(cpu, 3, "step", 0, 7)
    whole = ADA(0.8, **EVERYTHING)(images)
    monkeypatch.setattr(randomness, "world_size", lambda: 2)
    for rank in (0, 1):
        monkeypatch.setattr(randomness, "rank", lambda rank=rank: rank)
        randomness.seed_step(cpu, 3, "step", rank, 7)
        rows = slice(3 * rank, 3 * rank + 3)
        torch.testing.assert_close(ADA(0.8, **EVERYTHING)(images[rows]), whole[rows], rtol=0, atol=1e-5)


# The probability.


def observed(augment: ADA, *batches: list[float], images: int | None = None) -> None:
    for step, logits in enumerate(batches):
        augment.adapt(step, math.inf)
        augment.observe(torch.tensor(logits), len(logits) if images is None else images)


def test_p_moves_by_a_fixed_step_towards_the_target_as_in_the_authors_code() -> None:
    """After every 4 batches, by sign(mean sign - .6) * (images of a batch * 4) / (500 * 1000), and never below 0."""
    augment = ADA()
    step = 64 * 4 / 500_000
    for real, expected in ((60, step), (52, 2 * step), (51, step), (10, 0), (0, 0), (64, step)):
        observed(augment, *[[2.5] * real + [-0.1] * (64 - real)] * 4)
        augment.adapt(0, math.inf)
        assert augment.p == pytest.approx(expected, abs=1e-12)
        assert augment.scalars() == pytest.approx({"p": expected, "real_sign": (2 * real - 64) / 64})


def test_p_stays_at_the_target_and_within_an_interval() -> None:
    augment = ADA(p=0.5, target=0.5, interval=2, ramp_images=8)
    observed(augment, [1, 1, 1, -1], [3, 3, 3, -5])
    augment.adapt(0, math.inf)
    assert augment.p == 0.5
    assert augment.scalars() == {"p": 0.5, "real_sign": 0.5}
    observed(augment, [1, 1, 1, 1])
    augment.adapt(0, math.inf)
    assert augment.p == 0.5
    # It changes before the next batch, and not within one: G's step has the p of D's.
    observed(augment, [1, 1, 1, 1])
    assert augment.p == 0.5
    augment.adapt(0, math.inf)
    assert augment.p == 1.5


def test_the_speed_is_one_of_images_whatever_the_packing_and_the_batch() -> None:
    for batch, interval in ((2, 6), (3, 4), (12, 1)):
        for packing in (1, 2):
            augment = ADA(interval=interval, ramp_images=48)
            observed(augment, *[[1.0] * (batch // packing)] * interval, images=batch)
            augment.adapt(0, math.inf)
            assert augment.p == 0.25


def test_a_state_continues_within_an_interval() -> None:
    batches = [[1.0, 1.0, -1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [-1.0, -1.0, 1.0]] * 2
    whole, first, second = (ADA(p=0.2, target=0.4, interval=4, ramp_images=60) for _ in range(3))
    observed(whole, *batches)
    observed(first, *batches[:6])
    second.load_training_state(first.training_state())
    for augment in (first, second):  # storing a state changes nothing
        observed(augment, *batches[6:])
        assert augment.training_state() == whole.training_state()
    assert whole.training_state()["p"] == pytest.approx(0.6)


def test_a_fixed_p_and_one_with_a_schedule_do_not_look_at_the_discriminator() -> None:
    for p, values in ((0.3, [0.3, 0.3, 0.3]), (CosineSchedule(0.0, 0.5, steps=2), [0.0, 0.25, 0.5])):
        augment = ADA(p, target=None, interval=1, ramp_images=1)
        for step, expected in enumerate(values):
            augment.adapt(step, math.inf)
            augment.observe(torch.ones(4), 4)
            assert augment.p == pytest.approx(expected)
            assert augment.scalars() == {"p": augment.p}
        assert augment.training_state() == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 1.5}, r"p is 1\.5; expected a number in \[0, 1\]"),
        ({"color": -1}, r"color is -1; expected a number in \[0, 1\]"),
        ({"target": 2}, r"target is 2; expected a mean sign in \[-1, 1\], or None"),
        ({"interval": 0}, "interval is 0; expected at least 1"),
        ({"ramp_images": 0}, "ramp_images is 0; expected at least 1"),
        ({"p": CosineSchedule(0, 1)}, r"target is 0\.6, but p is a schedule; expected a number p, or None"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ADA(**arguments)


# In a run.


class Steps(Augmentation):
    """Notes its calls, and leaves images as they are."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        return images

    def adapt(self, step: int, total_steps: float) -> None:
        self.seen.append((step, total_steps))

    def observe(self, real_logits: Tensor, images: int) -> None:
        assert not real_logits.requires_grad
        self.seen.append((len(real_logits), images))


def test_a_step_adapts_before_and_observes_the_discriminators_pass_over_real_images_once(tmp_path: Path) -> None:
    augment = Steps()
    model = tiny_dcgan(batch_norm=False, augmentation=augment)
    tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(model, TinyData(batch_size=6))
    assert augment.seen == [(0, 2), 6, 6, (6, 6), 6, (1, 2), 6, 6, (6, 6), 6]


def test_p_and_the_mean_sign_are_logged(tmp_path: Path) -> None:
    model = tiny_dcgan(augmentation=ADA(target=-1, interval=2, ramp_images=40))
    trainer = tiny_trainer(tmp_path, max_steps=4, limit_val_batches=0)
    trainer.fit(model, TinyData())
    # The last batch had the p after the second one.
    assert trainer.logged_metrics["augment/p"] == pytest.approx(16 / 40)
    assert -1 < trainer.logged_metrics["augment/real_sign"] <= 1
