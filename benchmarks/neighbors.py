"""Measure time and memory of precision, recall, density and coverage for 10,000 real and 10,000 generated images.

    python benchmarks/neighbors.py

Features are random, with 64 dimensions like those of the `digits` extractor. Our computation in blocks is compared with
the definition: whole matrices of distances, as in the papers' published code, here with scikit-learn. Each runs in a
separate process; the peak is the growth of that process.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable

import torch
from sklearn.metrics import pairwise_distances
from torch import Tensor

from lightning_gans.metrics.prdc import PRDC, SCORES

COUNT, WIDTH, K = 10_000, 64, 5
GIB = 2**30


def features() -> tuple[Tensor, Tensor]:
    """Return real and generated features (N, D), which overlap partly."""
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, COUNT, WIDTH, generator=generator)
    return real, 0.9 * fake + 0.1


def ours(real: Tensor, fake: Tensor) -> list[float]:
    """Compute the scores in blocks."""
    metric = PRDC(WIDTH, K)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    scores = metric.compute()
    return [scores[name].item() for name in SCORES]


def whole_matrices(real: Tensor, fake: Tensor) -> list[float]:
    """Compute the scores by their definition."""
    x, y = real.double().numpy(), fake.double().numpy()
    within = [pairwise_distances(z, metric="minkowski") for z in (x, y)]
    # The nearest neighbor of a point is the point itself.
    real_radii, fake_radii = (torch.from_numpy(z).kthvalue(K + 1, dim=1).values for z in within)
    between = torch.from_numpy(pairwise_distances(x, y, metric="minkowski"))
    held, recalled = between <= real_radii[:, None], between <= fake_radii
    parts = held.any(0), recalled.any(1), held.sum(0) / K, held.any(1)
    return [part.double().mean().item() for part in parts]


def measured(route: Callable[[Tensor, Tensor], list[float]]) -> tuple[list[float], float, float]:
    """Return scores, seconds and GiB."""
    data = features()
    route(*(x[:100] for x in data))  # loads what a first call needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    scores = route(*data)
    seconds = time.perf_counter() - start
    return scores, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / GIB


def main() -> None:
    """Print the table."""
    print(f"{COUNT} x {COUNT} images, {WIDTH} features, k {K}, {torch.get_num_threads()} threads\n")
    print(f"| Route | {' | '.join(SCORES)} | Seconds | Peak, GiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    context = multiprocessing.get_context("spawn")
    for name, route in (("in blocks", ours), ("whole matrices", whole_matrices)):
        with context.Pool(1) as pool:
            scores, seconds, peak = pool.apply(measured, (route,))
        print(f"| {name} | {' | '.join(f'{score:.6f}' for score in scores)} | {seconds:.1f} | {peak:.2f} |")


if __name__ == "__main__":
    main()
