"""Measure how each score changes when real images are degraded in known ways.

    python docs/sensitivity.py mnist DATA
    python docs/sensitivity.py cifar10 FOLDER

DATA is a folder in torchvision's layout (DATA/MNIST/raw). The 10,000 test images are the real images; training
images take the place of generated images. Prints a Markdown table and writes docs/images/sensitivity.png. Takes twelve
minutes on one thread.

FOLDER has CIFAR-10's images in class folders, FOLDER/train/CLASS and FOLDER/test/CLASS. The 10,000 test images are the
real images; as many training images take the place of generated images. Prints a Markdown table, in half an hour.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torchvision.datasets import MNIST, ImageFolder
from torchvision.transforms.v2.functional import gaussian_blur, pil_to_tensor, rgb_to_grayscale

from lightning_gans.metrics import DigitFeatures, EfficientNetFeatures, FeatureExtractor
from lightning_gans.metrics.frechet import FrechetDistance
from lightning_gans.metrics.kernel import KernelInceptionDistance
from lightning_gans.metrics.prdc import PRDC

FIGURE = Path(__file__).parent / "images" / "sensitivity.png"

CLASSES = (9, 7, 5, 3, 1)
BLURS = (0.5, 0.75, 1.0, 1.5, 2.0)
NOISES = (0.02, 0.05, 0.1, 0.2, 0.5)
DISTINCT = (0.1, 0.03, 0.01, 0.003)
"""Fractions of the images that are distinct."""
FEWER = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02)
"""Fractions of the images that are used."""
PHOTOS = 10_000
"""Number of real images, and of images in place of generated ones, in color."""
DRAWS = 5
"""Number of disjoint sets of fewer images, which separates a change of the mean from random variation."""

SHARES = ("precision", "recall", "density", "coverage")
SHOWN = {"fid": "FID", "relative_fid": "Relative FID", "kid": "KID", "kid_ci95": "± 95 %"} | {
    name: name.capitalize() for name in SHARES
}
"""Scores in the table, with their headings."""

LINES = {"precision": "#2c6fa6", "recall": "#c8553d", "coverage": "#5b9f6f"}
DARK = "#4d4d4d"


class Degraded(NamedTuple):
    """Images that take the place of generated images.

    Attributes:
        kind: how they are degraded.
        strength: strength of the degradation; 0 for none.
        draws: one or more tensors of images (N, 1, 28, 28), uint8.
    """

    kind: str
    strength: float
    draws: list[Tensor]


class Measured(NamedTuple):
    """The scores of a :class:`Degraded` by name, with a value for every draw."""

    kind: str
    strength: float
    images: int
    scores: dict[str, list[float]]


def mnist(root: str, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28), uint8, and labels (N,) of one split."""
    split = MNIST(root, train=train)
    return split.data[:, None], split.targets


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Apply a Gaussian filter with a standard deviation of ``sigma`` pixels, truncated at three, to uint8 images."""
    result: Tensor = gaussian_blur(images, [2 * round(3 * sigma) + 1] * 2, [sigma] * 2)
    return result


def noisy(images: Tensor, sigma: float) -> Tensor:
    """Add Gaussian noise with a standard deviation of ``sigma`` times the range to uint8 images, with a fixed seed."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 255 * sigma * noise).clamp(0, 255).round().to(torch.uint8)


def repeated(images: Tensor, distinct: int) -> Tensor:
    """Repeat the first ``distinct`` images until there are as many as before."""
    return images[torch.arange(len(images)) % distinct]


def draws(images: Tensor, number: int) -> list[Tensor]:
    """Draw disjoint random sets of ``number`` images each, with a fixed seed."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return [images[part[:number]] for part in order.tensor_split(DRAWS)]


def degradations(images: Tensor, labels: Tensor, number: int) -> list[Degraded]:
    """Apply every degradation at every strength.

    Args:
        images: (N, 1, 28, 28), uint8. The first ``number`` of them are degraded. Images of dropped classes are
            replaced by later ones, and sets of fewer images are drawn from all of them.
        labels: (N,), from 0 to 9.
        number: number of images that take the place of generated ones, if there are as many.
    """
    first = images[:number]
    rows = [Degraded("none", 0, [first])]
    rows += [Degraded("classes kept", count, [images[labels < count][:number]]) for count in CLASSES]
    rows += [Degraded("blur, sigma in pixels", sigma, [blurred(first, sigma)]) for sigma in BLURS]
    rows += [Degraded("noise, sigma of the range", sigma, [noisy(first, sigma)]) for sigma in NOISES]
    for distinct in (round(share * number) for share in DISTINCT):
        rows.append(Degraded("distinct images", distinct, [repeated(first, distinct)]))
    for fewer in (round(share * number) for share in FEWER):
        rows.append(Degraded("images", fewer, draws(images, fewer)))
    return rows


def photos(root: str, *, train: bool, number: int) -> tuple[Tensor, Tensor]:
    """A random choice of images (N, 3, 32, 32), uint8, and their labels (N,), with a fixed seed."""
    split = ImageFolder(Path(root, "train" if train else "test"))
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:number].tolist()
    images, labels = zip(*(split[index] for index in order), strict=True)
    return torch.stack([pil_to_tensor(image) for image in images]), torch.tensor(labels)


def color_degradations(images: Tensor, labels: Tensor, number: int) -> list[Degraded]:
    """Degrade photos, and make images that show nothing.

    Args:
        images: (N, 3, H, W), uint8, with at least ``DRAWS`` times ``number`` images.
        labels: (N,), from 0 to 9.
        number: number of images that take the place of generated ones.
    """
    first = images[:number]
    one_color = first.float().mean(dim=(2, 3), keepdim=True).round().to(torch.uint8).expand_as(first)
    red = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None].expand_as(first)
    noise = torch.randint(0, 256, first.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return [
        Degraded("none", 0, draws(images, number)),
        Degraded("red and blue swapped", 0, [first[:, [2, 1, 0]]]),
        Degraded("gray", 0, [rgb_to_grayscale(first, 3)]),
        Degraded("blur, sigma in pixels", 1, [blurred(first, 1.0)]),
        Degraded("noise, sigma of the range", 0.05, [noisy(first, 0.05)]),
        Degraded("classes kept", 5, [images[labels < 5][:number]]),
        Degraded("distinct images", number // 10, [repeated(first, number // 10)]),
        Degraded("each image one color, its mean", 0, [one_color]),
        Degraded("all images red", 0, [red]),
        Degraded("uniform noise", 0, [noise]),
    ]


def measure(real: Tensor, fake: Tensor, kernel_scale: float | None = None) -> dict[str, float]:
    """Compute all scores of real features (N, D) and generated features (M, D)."""
    scores: dict[str, float] = {}
    width = real.shape[1]
    for metric in (FrechetDistance(width), KernelInceptionDistance(width, kernel_scale), PRDC(width)):
        metric.update(real, real=True)
        metric.update(fake, real=False)
        scores |= {name: value.item() for name, value in metric.compute().items()}
    return scores


def features(extractor: FeatureExtractor, images: Tensor) -> Tensor:
    """Compute features (N, D) of uint8 images (N, C, H, W)."""
    return torch.cat([extractor(part) for part in torch.split(images, 500)])


def measured(real: Tensor, degraded: Degraded, extractor: FeatureExtractor) -> Measured:
    """Compute the scores of every draw against the features (N, D) of real images."""
    scale = extractor.kernel_scale
    all_scores = [measure(real, features(extractor, images), scale) for images in degraded.draws]
    scores = {name: [one[name] for one in all_scores] for name in all_scores[0]}
    return Measured(degraded.kind, degraded.strength, len(degraded.draws[0]), scores)


def table_row(row: Measured) -> str:
    """Format a row of the table: values, or means and standard deviations over draws."""
    cells = [row.kind, f"{row.strength:,g}" if row.strength else "", f"{row.images:,}"]
    for name in SHOWN:
        values = row.scores[name]
        mean = fmean(values)
        digits = ".3f" if name in SHARES else ",.0f" if mean >= 100 else ".3g"
        spread = f" ± {stdev(values):.1g}" if len(values) > 1 and name != "kid_ci95" else ""
        cells.append(f"{mean:{digits}}{spread}")
    return f"| {' | '.join(cells)} |"


def draw(rows: list[Measured]) -> Figure:
    """Draw a column of panels for each degradation: relative FID, KID, and precision, recall and coverage."""
    none, kinds = rows[0], list(dict.fromkeys(row.kind for row in rows[1:]))
    figure = Figure(figsize=(2.3 * len(kinds), 5.4), layout="constrained")
    grid = figure.subplots(3, len(kinds), sharex="col", sharey="row")
    for column, kind in enumerate(kinds):
        steps = [row for row in rows if row.kind == kind]
        if steps[0].strength != none.images:
            steps = [none, *steps]
        for axes, names in zip(grid[:, column], (["relative_fid"], ["kid"], list(LINES)), strict=True):
            for name in names:
                draw_line(axes, [row.scores[name] for row in steps], name)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=7)
            axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
            axes.set_axisbelow(True)
        labels = [f"{row.strength:g}" if row.strength else "none" for row in steps]
        grid[2, column].set_xticks(range(len(steps)), labels)
        grid[2, column].set_xlabel(kind, fontsize=8)
    grid[0, 0].set_yscale("log")
    grid[0, 0].set_yticks([0.001, 0.01, 0.1, 1, 10], ["0.001", "0.01", "0.1", "1", "10"])
    grid[0, 0].minorticks_off()
    grid[1, 0].set_yscale("symlog", linthresh=1)
    grid[1, 0].set_ylim(-1.5, 30000)
    grid[1, 0].minorticks_off()
    grid[1, 0].set_yticks([-1, 0, 1, 10, 100, 1000, 10000], ["-1", "0", "1", "10", "100", "1,000", "10,000"])
    for axes, title in zip(grid[:, 0], ("relative FID", "KID", "fraction"), strict=True):
        axes.set_ylabel(title, fontsize=8)
    grid[2, 0].legend(fontsize=7, frameon=False)
    return figure


def draw_line(axes: Axes, values: list[list[float]], name: str) -> None:
    """Draw one score over strength: means, and the range over draws."""
    means = [fmean(draws) for draws in values]
    reach = [[mean - min(draws) for mean, draws in zip(means, values, strict=True)]]
    reach.append([max(draws) - mean for mean, draws in zip(means, values, strict=True)])
    axes.errorbar(
        range(len(means)), means, reach, color=LINES.get(name, DARK), label=name, linewidth=1, marker="o", markersize=3
    )


def measure_all(rows: list[Degraded], real: Tensor, extractor: FeatureExtractor) -> list[Measured]:
    """Print the table of all degradations against real images (N, C, H, W), row by row."""
    real_features = features(extractor, real)
    print("| Degradation | Strength | Images | " + " | ".join(SHOWN.values()) + " |")
    print("| --- | " + " | ".join(["--:"] * (len(SHOWN) + 2)) + " |")
    found = []
    for degraded in rows:
        found.append(measured(real_features, degraded, extractor))
        print(table_row(found[-1]), flush=True)
    return found


def main(data: str, root: str) -> None:
    """Print the table, and draw the figure for digits."""
    if data == "mnist":
        real = mnist(root, train=False)[0]
        rows = measure_all(degradations(*mnist(root, train=True), number=len(real)), real, DigitFeatures())
        draw(rows).savefig(FIGURE, dpi=110)
    elif data == "cifar10":
        real = photos(root, train=False, number=PHOTOS)[0]
        images = photos(root, train=True, number=DRAWS * PHOTOS)
        measure_all(color_degradations(*images, number=PHOTOS), real, EfficientNetFeatures())
    else:
        sys.exit(f"{data} is no data set of this script; expected mnist or cifar10")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
