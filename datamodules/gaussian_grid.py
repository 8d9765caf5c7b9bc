"""Mixtures of Gaussians in the plane, on a grid or a ring, whose modes can be counted exactly."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from lightning_gans.core.data import Contents
from lightning_gans.core.errors import at_least
from lightning_gans.core.images import to_uint8
from lightning_gans.core.randomness import derive_generator
from lightning_gans.datamodules.in_memory import InMemoryDataModule

EXTENT = 0.8
"""The largest coordinate of a center."""

RADIUS = 4
"""Radius of a mode, in standard deviations: all but 0.03 % of its points are nearer to its center."""

ROUNDING = math.sqrt(2) / 255
"""The largest distance by which rounding to 256 levels in [-1, 1] moves a point: half a level in x and in y."""


class GaussianMixture(InMemoryDataModule, ABC):
    """A mixture of equal Gaussians in the plane; each point is an image of 1 x 1 pixel with channels x and y.

    The coordinates in [-1, 1] are rounded to uint8 (steps of 0.0078), so that points go through the same loaders,
    conversion and cached statistics as images. Training, validation and test points are different samples, the same in
    every run.

    Args:
        centers: (M, 2), float32.
        largest_std: largest standard deviation that is allowed.
        std: standard deviation of each mode along x and y, for coordinates in [-1, 1].
        length: number of points in each of the three splits, at least 2.
        batch_size: training points per step and process.
        eval_batch_size: points per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Attributes:
        centers: (M, 2), float32, in the order of the modes.

    Raises:
        ValueError: if a number is out of range.
    """

    channels = 2
    contents: Contents = "points"
    shape: str

    @abstractmethod  # a data set states its centers
    def __init__(
        self,
        centers: Tensor,
        largest_std: float,
        std: float,
        length: int,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int,
    ) -> None:
        at_least("length", length, 2)
        super().__init__(1, batch_size, eval_batch_size, val_size=length, num_workers=num_workers)
        # Written so that NaN fails the check too.
        if not 0 < std <= largest_std * (1 + 1e-6):
            raise ValueError(
                f"std is {std}; expected more than 0 and at most {largest_std:.4g}, so that {len(centers)} modes do "
                "not overlap and lie within [-1, 1]"
            )
        self.std = std
        self.length = length
        self.num_classes = len(centers)
        self.centers = centers

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Points (N, 2, 1, 1) uint8 and their modes (N,) int64; validation points follow training points."""
        draws = [self._draw(split) for split in (("train", "val") if train else ("test",))]
        points, modes = (torch.cat(parts) for parts in zip(*draws, strict=True))
        return points, modes

    def _draw(self, split: str) -> tuple[Tensor, Tensor]:
        generator = derive_generator("cpu", f"Gaussian {self.shape}", split)
        modes = torch.randint(self.num_classes, (self.length,), generator=generator)
        points = self.centers[modes] + self.std * torch.randn(self.length, 2, generator=generator)
        return to_uint8(points)[:, :, None, None], modes

    def modes(self, images: Tensor) -> Tensor:
        """Assign points to modes.

        Args:
            images: (N, 2, 1, 1), float in [-1, 1].

        Returns:
            (N,) int64: the index of the nearest center, or -1 if its distance is more than four standard deviations
            plus the rounding to uint8.
        """
        offsets = images.flatten(1).float()[:, None] - self.centers.to(images.device)
        distances = torch.linalg.vector_norm(offsets, dim=2)
        nearest, indices = distances.min(dim=1)
        return torch.where(nearest <= RADIUS * self.std + ROUNDING, indices, -1)


class GaussianGridDataModule(GaussianMixture):
    """A mixture of equal Gaussians on a square grid; each point is an image of 1 x 1 pixel with channels x and y.

    The centers are evenly spaced from -0.8 to 0.8; mode ``side * i + j`` has the i-th x and the j-th y. The coordinates
    in [-1, 1] are rounded to uint8 (steps of 0.0078), so that points go through the same loaders, conversion and cached
    statistics as images. Training, validation and test points are different samples, the same in every run.

    Args:
        side: modes along each axis, at least 2.
        std: standard deviation of each mode along x and y, for coordinates in [-1, 1]; at most 0.05, and at most an
            eighth of the distance between centers, so that the modes do not overlap and lie within the square.
        length: number of points in each of the three splits, at least 2.
        batch_size: training points per step and process.
        eval_batch_size: points per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Attributes:
        centers: (side * side, 2), float32, in the order of the modes.

    Raises:
        ValueError: if a number is out of range.
    """

    shape = "grid"

    def __init__(
        self,
        side: int = 5,
        std: float = 0.02,
        length: int = 10_000,
        batch_size: int = 256,
        eval_batch_size: int = 1000,
        num_workers: int = 0,
    ) -> None:
        at_least("side", side, 2)
        ticks = torch.linspace(-EXTENT, EXTENT, side)
        largest = min(1 - EXTENT, EXTENT / (side - 1)) / RADIUS
        centers = torch.cartesian_prod(ticks, ticks)
        super().__init__(centers, largest, std, length, batch_size, eval_batch_size, num_workers)
        self.side = side


class GaussianRingDataModule(GaussianMixture):
    """A mixture of equal Gaussians on a circle, as in unrolled GANs (Metz et al., 2017, section 3.1).

    The centers are evenly spaced on a circle of radius 0.8; mode i is at the angle of i M-ths of the circle. See
    :class:`GaussianGridDataModule` for how points are images. In the paper the standard deviation is a hundredth of the
    radius, as the default here.

    Args:
        modes: number of modes M, at least 2.
        std: standard deviation of each mode along x and y, for coordinates in [-1, 1]; at most 0.05, and at most an
            eighth of the distance between centers, so that the modes do not overlap and lie within the square.
        length: number of points in each of the three splits, at least 2.
        batch_size: training points per step and process.
        eval_batch_size: points per step and process in validation, test and prediction.
        num_workers: processes that index the tensors; 0 is fastest.

    Attributes:
        centers: (modes, 2), float32, in the order of the modes.

    Raises:
        ValueError: if a number is out of range.
    """

    shape = "ring"

    def __init__(
        self,
        modes: int = 8,
        std: float = 0.008,
        length: int = 10_000,
        batch_size: int = 512,
        eval_batch_size: int = 1000,
        num_workers: int = 0,
    ) -> None:
        at_least("modes", modes, 2)
        angles = 2 * math.pi * torch.arange(modes) / modes
        centers = EXTENT * torch.stack([angles.cos(), angles.sin()], dim=1)
        largest = min(1 - EXTENT, EXTENT * math.sin(math.pi / modes)) / RADIUS
        super().__init__(centers, largest, std, length, batch_size, eval_batch_size, num_workers)
