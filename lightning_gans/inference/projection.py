"""Projection of a picture into a generator's latent space: the point whose image is nearest to it.

The search follows the projection of Karras et al. (2020, appendix D) where it applies to any generator: Adam on the
point, with a distance in a fixed network's features, and a learning rate that ends at 0. It differs in these points.
There are several starts, the nearest of many random points. In the first half of the steps they are moved by the
distance of pixels, which takes little time, and the worse half of them is left out again and again, until one remains.
In the second half that one is moved by the distance of pixels and features. Noise inputs are those of evaluation and
are not changed, so that the saved point gives the image. And a point stays where the prior has points: its distance
from their mean is one that such points have.

With a mapping network the first half is for one w, the second for a w of each layer (Abdal et al., 2019).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_gans.core.errors import at_least
from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.core.randomness import derive_seed
from lightning_gans.inference.latent_sampler import LatentSampler
from lightning_gans.metrics.image_distance import (
    DistanceToTarget,
    ImageDistance,
    choose_features,
    image_distance,
    pixel_distances,
)

CANDIDATES = 512
"""Random points of which the nearest are the starts."""

RATE = 0.1
"""Learning rate at the beginning, in standard deviations of the prior's points."""

MARGIN = 0.05
"""Share by which the range of distances from the mean is extended."""


STEPS, STARTS = 400, 32
"""Steps of Adam and number of starts by default."""

FEATURES = ("auto", "natural", "digits", "pixels")
"""What images can be compared in: "auto" for what suits the model's data."""


class Projection(NamedTuple):
    """A point of a latent space and its image.

    Attributes:
        latent: z (1, latent_dim), or w (1, L, style_dim) if there is a mapping network.
        labels: class (1,) of the image; None for an unconditional model.
        image: (1, C, H, W) in [-1, 1].
        psnr: peak signal-to-noise ratio of the image to the picture, both of 8 bits, in dB; infinite if they are equal.
    """

    latent: Tensor
    labels: Tensor | None
    image: ImageBatch
    psnr: float


class TypicalRegion:
    """Where points of the prior are: the range of their entries, and of their distance from their mean.

    Args:
        points: (N, D) of the prior.
    """

    def __init__(self, points: Tensor) -> None:
        self.center = points.mean(dim=0)
        self.low, self.high = points.min(), points.max()
        self.deviation = float((points - self.center).square().mean().sqrt())
        radii = torch.linalg.vector_norm(points - self.center, dim=1)
        self.nearest, self.farthest = radii.min() * (1 - MARGIN), radii.max() * (1 + MARGIN)

    def clamp(self, points: Tensor) -> Tensor:
        """Move points (..., D) that are outside to the border."""
        offset = points.clamp(self.low, self.high) - self.center
        radius: Tensor = torch.linalg.vector_norm(offset, dim=-1, keepdim=True)
        return self.center + offset * (radius.clamp(self.nearest, self.farthest) / radius.clamp(min=1e-12))


class Projector:
    """Finds points whose images are near to a picture.

    Args:
        model: the model.
        distance: of images to the picture.
        steps: steps of Adam; of each of both parts together.
        starts: number of starts.

    Raises:
        ValueError: if ``steps`` is less than 2, or ``starts`` less than 1 or more than 512.
    """

    def __init__(self, model: LatentSampler, distance: ImageDistance, steps: int = STEPS, starts: int = STARTS) -> None:
        at_least("steps", steps, 2)
        if not 1 <= starts <= CANDIDATES:
            raise ValueError(f"starts is {starts}; expected 1 to {CANDIDATES}")
        self.model, self.distance = model, distance.to(model.device)
        self.steps, self.starts = steps, starts

    @classmethod
    def of_model(
        cls, model: LatentSampler, features: str = "auto", steps: int = STEPS, starts: int = STARTS
    ) -> tuple[Projector, str]:
        """A projector with a distance that suits the model's images.

        Args:
            model: the model.
            features: one of :data:`FEATURES`.
            steps: see :class:`Projector`.
            starts: see :class:`Projector`.

        Returns:
            The projector, and the features that were chosen.

        Raises:
            ValueError: if an argument is out of range, or the images have too many channels for the features.
        """
        network, contents = model.network, model.metadata.get("contents", "pictures")
        chosen: Any = choose_features(contents, network.channels, network.size) if features == "auto" else features
        distance = image_distance(chosen, network.channels, contents == "stacked digits")
        return cls(model, distance, steps, starts), chosen

    def project(
        self,
        picture: Tensor,
        label: int | None = None,
        seed: int = 0,
        progress: Callable[[float], object] | None = None,
    ) -> Projection:
        """Find the point whose image is nearest to a picture.

        Args:
            picture: (C, H, W) uint8, of the model's channels and size.
            label: of a conditional model, the class; None to start from all classes and keep that of the nearest image.
            seed: of the random points.
            progress: called after each step with the distance of the best point.

        Returns:
            The point; the same for the same arguments on the same machine.

        Raises:
            ValueError: if the picture has another shape, or ``label`` does not fit the model.
        """
        network = self.model.network
        if picture.shape != (network.channels, *network.size):
            raise ValueError(f"picture has shape {tuple(picture.shape)}; expected {(network.channels, *network.size)}")
        device = self.model.device
        target = to_float(picture)[None].to(device)
        points, labels = self._candidates(label, seed)
        region = TypicalRegion(points if points.ndim == 2 else points[:, 0])
        places = self._starts(points, labels, target)
        points, labels = points[places], None if labels is None else labels[places]
        if points.ndim > 2:
            points = points[:, :1]  # one w for all layers

        def to_pixels(images: Tensor) -> Tensor:
            return pixel_distances(images, target)

        rounds = max(1, math.ceil(math.log2(self.starts)))
        ends = [self.steps * number // (2 * rounds) for number in range(rounds + 1)]
        for begin, end in pairwise(ends):
            points, distances = self._optimize(points, labels, to_pixels, region, range(begin, end), progress)
            best = distances.argsort()[: max(1, (len(points) + 1) // 2)]
            points, labels = points[best], None if labels is None else labels[best]
        if points.ndim > 2:
            points = points.expand(-1, self.model.space.shape[0], -1)
        rest = range(ends[-1], self.steps)
        points, _ = self._optimize(points, labels, self.distance.to_target(target), region, rest, progress)
        given = None if labels is None else labels.cpu()
        image = self.model.generate(points, labels)
        return Projection(points.cpu(), given, image, psnr(to_uint8(image)[0], picture))

    def _candidates(self, label: int | None, seed: int) -> tuple[Tensor, Tensor | None]:
        """Random points of the prior, and their classes, on the model's device."""
        # Not the latent vectors of `sample`, among which a picture of this model would be found without a search.
        generator = torch.Generator().manual_seed(derive_seed(seed, "projection"))
        latent = self.model.noise.sample((CANDIDATES, self.model.network.latent_dim), generator)
        labels = self.model.label_inputs(CANDIDATES, label)
        points = self.model.points(latent, labels).to(self.model.device)
        return points, None if labels is None else labels.to(self.model.device)

    @torch.no_grad()
    def _starts(self, points: Tensor, labels: Tensor | None, target: Tensor) -> Tensor:
        """Numbers of the points whose images are nearest to the target, those of other classes before more of one."""
        distances = pixel_distances(self.model.generate(points, labels).to(target.device), target)
        order = distances.argsort().tolist()
        classes = [0] * len(order) if labels is None else labels.tolist()
        seen: Counter[int] = Counter()
        ranks = {}
        for place in order:
            ranks[place] = seen[classes[place]]
            seen[classes[place]] += 1
        return torch.tensor(sorted(order, key=ranks.__getitem__)[: self.starts], device=points.device)

    def _optimize(
        self,
        points: Tensor,
        labels: Tensor | None,
        distance: DistanceToTarget,
        region: TypicalRegion,
        steps: range,
        progress: Callable[[float], object] | None,
    ) -> tuple[Tensor, Tensor]:
        """Move points by Adam; return the nearest of each start's points and their distances (N,)."""
        space, half = self.model.space, self.steps / 2
        moved = points.clone().requires_grad_()
        optimizer = torch.optim.Adam([moved], RATE * region.deviation, betas=(0.9, 0.99))
        nearest, least = points, points.new_full((len(points),), math.inf)
        for step in range(steps.start, steps.stop + 1):
            shown = moved.expand(-1, space.shape[0], -1) if moved.ndim > 2 else moved
            distances = distance(space.images(shown, labels))
            with torch.no_grad():
                better = distances < least
                nearest = torch.where(better.view(-1, *[1] * (moved.ndim - 1)), moved, nearest)
                least = torch.where(better, distances, least)
            if step == steps.stop:
                break
            for group in optimizer.param_groups:  # constant in the first half, then to 0
                share = (1 + math.cos(math.pi * max(0.0, step / half - 1))) / 2
                group["lr"] = RATE * region.deviation * share
            (moved.grad,) = torch.autograd.grad(distances.sum(), moved)
            optimizer.step()
            with torch.no_grad():
                moved.copy_(region.clamp(moved))
            if progress is not None:
                progress(float(least.min()))
        return nearest.detach(), least


def psnr(image: Tensor, picture: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 images of the same shape; infinite if they are equal."""
    error = (image.double() - picture.double()).square().mean()
    return math.inf if error == 0 else float(10 * torch.log10(255**2 / error))
