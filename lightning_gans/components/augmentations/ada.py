"""Adaptive discriminator augmentation, ADA (Karras et al., 2020): augmentations as often as D overfits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_gans.components.augmentations.base import Augmentation, Draw
from lightning_gans.components.augmentations.color import draw_colors, recolor
from lightning_gans.components.augmentations.corruptions import (
    add_noise,
    amplify_bands,
    cut_rectangles,
    draw_deviations,
    draw_gains,
    draw_rectangles,
)
from lightning_gans.components.augmentations.geometry import draw_positions
from lightning_gans.components.augmentations.resampling import transform
from lightning_gans.components.schedules import Schedule
from lightning_gans.core.errors import at_least
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.core.randomness import world_size
from lightning_gans.distributed import AsyncSum


class ADA(Augmentation):
    r"""Adaptive discriminator augmentation (Karras et al., 2020, section 3).

    Each transformation of an image is done with probability :math:`p`. A discriminator that overfits is sure of its
    training images: then :math:`r_t = E[\operatorname{sign}(D(x))]`, the mean over real images, comes near 1. Every
    ``interval`` batches :math:`p` grows by a fixed step if :math:`r_t` is above ``target``, falls by it if it is below,
    and is never negative. :math:`p` is part of the checkpoint, equal on all processes, and logged as ``augment/p``,
    beside the last :math:`r_t`, ``augment/real_sign``. For objectives whose discriminator gives real images logits
    above 0 and generated ones logits below 0, such as :class:`.NonSaturating` and :class:`.Hinge`.

    The transformations come in the paper's groups (appendix B). The defaults are its ``bgc``, which was best for few
    images:

    - ``blitting``: flips left and right, rotations by multiples of 90 degrees, translations by up to an eighth of the
      side in whole pixels.
    - ``geometry``: scaling, rotation by any angle, scaling of one side against the other, translation.
    - ``color``: brightness, contrast, luma flip, hue, saturation. Gray images have the first three, images of other
      numbers of channels than three all but hue; see :mod:`.color`.
    - ``filtering``: each of four frequency bands is amplified or damped.
    - ``noise``: normal noise is added to each pixel.
    - ``cutout``: a rectangle of half the sides is set to 0.

    While :math:`p` is below about .8, the generator does not learn to generate augmented images (section 2.2), since
    images as they are remain the most frequent. Leave out what changes the meaning of an image even so, such as
    rotations of digits.

    Deviations from the authors' code: an image goes on as its reflection, again and again, where theirs is 0 beyond one
    image; this also lets a wide image be turned upright. Colors are defined for any number of channels.

    Args:
        p: the probability of each transformation; with a target, at the start of the run. Without one it may be a
            schedule, as for R3GAN (Huang et al., 2024, appendix).
        target: the value of :math:`r_t`, in [-1, 1], at which ``p`` stays as it is; None for a ``p`` that does not
            depend on the discriminator.
        interval: number of batches from one change of ``p`` to the next.
        ramp_images: number of training images, over all processes, in which ``p`` can grow from 0 to 1.
        blitting: factor, in [0, 1], of the probability of this group's transformations; 0 leaves them out.
        geometry: as ``blitting``.
        color: as ``blitting``.
        filtering: as ``blitting``.
        noise: as ``blitting``.
        cutout: as ``blitting``.

    Attributes:
        p: the probability of each transformation.

    Raises:
        ValueError: if a number is out of range, or ``p`` has a schedule and a target.
    """

    def __init__(
        self,
        p: float | Schedule = 0.0,
        target: float | None = 0.6,
        interval: int = 4,
        ramp_images: int = 500_000,
        blitting: float = 1.0,
        geometry: float = 1.0,
        color: float = 1.0,
        filtering: float = 0.0,
        noise: float = 0.0,
        cutout: float = 0.0,
    ) -> None:
        shares = {"blitting": blitting, "geometry": geometry, "color": color}
        shares |= {"filtering": filtering, "noise": noise, "cutout": cutout}
        for key, share in (shares if isinstance(p, Schedule) else {"p": p, **shares}).items():
            if not 0 <= share <= 1:
                raise ValueError(f"{key} is {share}; expected a number in [0, 1]")
        if target is not None and isinstance(p, Schedule):
            raise ValueError(f"target is {target}, but p is a schedule; expected a number p, or None as the target")
        if target is not None and not -1 <= target <= 1:
            raise ValueError(f"target is {target}; expected a mean sign in [-1, 1], or None")
        at_least("interval", interval, 1)
        at_least("ramp_images", ramp_images, 1)
        self.shares = shares
        self.target = target
        self.interval = interval
        self.ramp_images = ramp_images
        self._schedule = p if isinstance(p, Schedule) else None
        self.p = 0.0 if isinstance(p, Schedule) else float(p)
        self._real_sign: float | None = None
        self._interval = Interval()
        self._ended: tuple[Interval, AsyncSum] | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Augment images (N, C, H, W) in [-1, 1]; the output is float32 and may exceed that range."""
        channels, height, width = images.shape[1:]
        draws = {key: Draw(len(images), self.p * share) for key, share in self.shares.items() if share}
        with autocast_off(images.device):
            images = at_least_float32(images)
            if draws.keys() & {"blitting", "geometry"}:
                moved = draw_positions(draws.get("blitting"), draws.get("geometry"), height, width)
                images = transform(images, moved)
            if "color" in draws:
                images = recolor(images, draw_colors(draws["color"], channels))
            if "filtering" in draws:
                images = amplify_bands(images, draw_gains(draws["filtering"]))
            if "noise" in draws:
                images = add_noise(images, draw_deviations(draws["noise"]))
            if "cutout" in draws:
                images = cut_rectangles(images, *draw_rectangles(draws["cutout"]))
        return images

    # The probability.

    def observe(self, real_logits: Tensor, images: int) -> None:
        """Count the signs of logits; see :meth:`.Augmentation.observe`."""
        if self.target is None:
            return
        now = self._interval
        now.signs = now.signs + real_logits.float().sign().sum()
        now.logits += real_logits.numel() * world_size()
        now.images += images * world_size()
        now.steps += 1
        if now.steps == self.interval:
            self._ended = now, AsyncSum(torch.as_tensor(now.signs))
            self._interval = Interval()

    def adapt(self, step: int, total_steps: float) -> None:
        """Change ``p`` after the last batch of an interval, or along its schedule."""
        self._settle()
        if self._schedule is not None:
            self.p = self._schedule.at(step, total_steps)

    def _settle(self) -> None:
        if self._ended is None or self.target is None:
            return
        (ended, signs), self._ended = self._ended, None
        self._real_sign = (ended.earlier + signs.result()) / ended.logits
        direction = (self._real_sign > self.target) - (self._real_sign < self.target)
        self.p = max(0.0, self.p + direction * ended.images / self.ramp_images)

    def scalars(self) -> dict[str, float]:
        """``p``, and as ``real_sign`` the mean sign of the last interval."""
        values = {"p": self.p}
        return values if self._real_sign is None else {**values, "real_sign": self._real_sign}

    def training_state(self) -> dict[str, float]:
        """``p``, and what was counted since its last change; empty for a fixed ``p``."""
        if self.target is None:
            return {}
        self._settle()
        now = self._interval
        if now.steps:
            now.earlier += AsyncSum(torch.as_tensor(now.signs)).result()
            now.signs = 0.0
        counted = {"signs": now.earlier, "logits": now.logits, "images": now.images, "steps": now.steps}
        return {**self.scalars(), **counted}

    def load_training_state(self, state: Mapping[str, float]) -> None:
        """Continue from a state; without effect on a fixed ``p``."""
        if self.target is None:
            return
        logits, images, steps = (int(state[name]) for name in ("logits", "images", "steps"))
        self.p, self._real_sign, self._ended = state["p"], state.get("real_sign"), None
        self._interval = Interval(state["signs"], 0.0, logits, images, steps)


@dataclass
class Interval:
    """What was counted since the last change of the probability.

    Attributes:
        earlier: sum of the signs of logits of all processes, up to the last checkpoint.
        signs: the sum of those since then of this process, a scalar on its device.
        logits: number of logits, of all processes.
        images: number of images, of all processes.
        steps: number of batches.
    """

    earlier: float = 0.0
    signs: Tensor | float = 0.0
    logits: int = 0
    images: int = 0
    steps: int = 0
