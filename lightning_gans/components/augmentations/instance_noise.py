"""Instance noise: both kinds of images that D is given are blurred by noise, less and less during a run."""

from __future__ import annotations

from torch import Tensor

from lightning_gans.components.augmentations.base import Augmentation
from lightning_gans.components.schedules import Schedule, value_at
from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import normal_per_image


class InstanceNoise(Augmentation):
    """Adds normal noise to all images that D is given (Sønderby et al., 2017; Arjovsky and Bottou, 2017).

    It makes the supports of both distributions overlap, so that the divergence that D estimates is finite and no D is
    perfect. With a schedule, for instance a :class:`.CosineSchedule` from .1 to 0, the noise is reduced during the run.

    Args:
        std: standard deviation of the noise, for pixels in [-1, 1]; or a schedule of it.

    Raises:
        ValueError: if ``std`` is negative.
    """

    def __init__(self, std: float | Schedule = 0.1) -> None:
        if not isinstance(std, Schedule):
            at_least("std", std, 0)
        self.std = std
        self._now = 0.0 if isinstance(std, Schedule) else std

    def __call__(self, images: Tensor) -> Tensor:
        """Add noise to images (N, C, H, W); the output has the same shape and may exceed [-1, 1]."""
        if not self._now:
            return images
        return images + self._now * normal_per_image(len(images), images.device, *images.shape[1:])

    def adapt(self, step: int, total_steps: float) -> None:
        """Set the standard deviation of this step."""
        self._now = value_at(self.std, step, total_steps)

    def scalars(self) -> dict[str, float]:
        """The standard deviation of the noise."""
        return {"noise_std": self._now}
