"""The analyses of a trained model: images and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from lightning_gans.analysis.directions import Directions
from lightning_gans.analysis.discriminator import compare_logits, hidden_features, probe
from lightning_gans.analysis.mixing import mixing_grid
from lightning_gans.analysis.model import BATCH_SIZE, NOT_HELD_OUT, AnalyzedModel, subset
from lightning_gans.components.noise import interpolation_for
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.metrics.prdc import distances
from lightning_gans.networks.styles import StyleGenerator, part_of_layers


class Nearest(NamedTuple):
    """The nearest rows of a set, sorted by increasing distance.

    Attributes:
        distances: (N, k) float64.
        indices: row numbers in the set, (N, k) int64.
    """

    distances: Tensor
    indices: Tensor


def nearest(queries: Tensor, batches: Iterable[Tensor], k: int) -> Nearest:
    """Find the k rows of a set that are nearest to each query, by exact Euclidean distance.

    The set is read once, batch by batch, and is never in memory as a whole.

    Args:
        queries: features (N, D).
        batches: features (M, D) of the set, in order; at least k rows in total.
        k: number of neighbors, at least 1.
    """
    near = queries.new_empty(len(queries), 0, dtype=torch.float64)
    indices = torch.empty_like(near, dtype=torch.long)
    first = 0
    for batch in batches:
        nearer, places = distances(queries, batch).topk(min(k, len(batch)), dim=1, largest=False)
        origins = torch.cat([indices, places + first], dim=1)
        near, order = torch.cat([near, nearer], dim=1).sort(dim=1, stable=True)
        near, indices = near[:, :k], origins.gather(1, order[:, :k])
        first += len(batch)
    return Nearest(near, indices)


def memorization(samples: Tensor, held_out: Tensor) -> dict[str, float]:
    """Compare the distances of generated and of held-out real images to the training images.

    Args:
        samples: distances (N,) of generated images to their nearest training image.
        held_out: distances (M,) of real images that were not trained on to their nearest training image.

    Returns:
        - ``median_sample`` and ``median_held_out``: the median distances.
        - ``nearest_ratio``: ``median_sample / median_held_out``. About 1: samples are as far from the training images
          as new real images are; near 0: copies; above 1: samples are farther from the training images than real
          images are.
        - ``copied_share``: fraction of the samples that are at least as near as the nearest 1 % of ``held_out``.
        - ``copied_share_expected``: expected ``copied_share`` if samples and held-out images have one distribution:
          j / (M + 1), where j is the number of held-out images in the nearest 1 %.
    """
    median_sample, median_held_out = samples.double().quantile(0.5), held_out.double().quantile(0.5)
    rank = max(1, len(held_out) // 100)
    near = held_out.kthvalue(rank).values
    return {
        "median_sample": float(median_sample),
        "median_held_out": float(median_held_out),
        "nearest_ratio": float(median_sample / median_held_out),
        "copied_share": float((samples <= near).double().mean()),
        "copied_share_expected": rank / (len(held_out) + 1),
    }


COLORS = ("#4d4d4d", "#2c6fa6", "#c8553d")
BINS = 40


def histograms(values: Mapping[str, Tensor], label: str) -> Image.Image:
    """Draw overlaid histograms of several sets of values, each normalized to an area of 1.

    Args:
        values: values (N,) by name of the set; values that are not finite are ignored.
        label: label of the x-axis.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    finite = {name: part[part.isfinite()].double().cpu() for name, part in values.items()}
    filled = [part for part in finite.values() if len(part)]
    span = (min(float(p.min()) for p in filled), max(float(p.max()) for p in filled)) if filled else (0.0, 1.0)
    for (name, part), color in zip(finite.items(), COLORS, strict=False):
        if not len(part):
            continue
        text = f"{name}, {len(part)}, mean {float(part.mean()):.3g}"
        numbers = part.numpy()
        styles: dict[str, Any] = {"range": span, "density": True, "color": color}
        axes.hist(numbers, bins=BINS, histtype="stepfilled", alpha=0.15, **styles)
        axes.hist(numbers, bins=BINS, histtype="step", linewidth=1.2, label=text, **styles)
    axes.set_xlabel(label, fontsize=9)
    axes.set_ylabel("density", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if filled:
        axes.legend(fontsize=8, frameon=False)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return Image.open(file).convert("RGB")


DISTANCE_IMAGES = 1000
"""Generated and held-out images whose distance to the training images is measured."""
NEIGHBORS = 5
"""Nearest training images shown for each sample."""
INTERPOLATION_STEPS = 9
"""Images from one latent vector to another, both ends included."""
DIRECTION_STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Standard deviations by which an image is moved along a direction."""
MIXING_COLUMNS = 8
"""Largest number of columns of the grid of mixed styles."""
CLASS_COLUMNS = 10
"""Largest number of classes in the grid of classes."""
LOGIT_IMAGES = 2000
"""Largest number of images of each kind whose logits are compared."""
PROBE_TEST_IMAGES = 10_000
"""Largest number of test images that the linear probe classifies."""
PROBE_CLASSES = 100
"""Largest number of classes that the linear probe separates."""

Numbers = dict[str, float | str | None]


def latents_needed(rows: int, test_images: int) -> int:
    """Number of latent vectors needed for pictures of ``rows`` rows and for the logits."""
    return max(2 * rows, min(LOGIT_IMAGES, test_images))


def nearest_training_images(analyzed: AnalyzedModel, rows: int) -> tuple[Tensor, Tensor, Numbers]:
    """Find the training images nearest to samples, and compare the distances with those of held-out images.

    Returns:
        Samples (rows, C, H, W) uint8; the k training images nearest to each, (rows * k, C, H, W) uint8; and
        the numbers of :func:`lightning_gans.analysis.analyses.memorization`.
    """
    compared = min(DISTANCE_IMAGES, len(analyzed.test.labels))
    samples = to_uint8(analyzed.samples(max(rows, compared)).images).cpu()
    held_out = subset(analyzed.test, DISTANCE_IMAGES).images if analyzed.held_out else samples[:0]
    found = nearest(
        analyzed.features(torch.cat([samples, held_out])),
        (analyzed.features(batch) for batch in torch.split(analyzed.train.images, BATCH_SIZE)),
        min(NEIGHBORS, len(analyzed.train.labels)),
    )
    neighbors = analyzed.train.images[found.indices[:rows].cpu().flatten()]
    numbers: Numbers = {"extractor": analyzed.extractor.description, "train_images": len(analyzed.train.labels)}
    if analyzed.held_out:
        distances = found.distances[:, 0].cpu()
        memorized = memorization(distances[:compared], distances[len(samples) :])
        numbers |= {"samples": compared, "held_out_images": compared, **memorized, "reason": None}
    else:
        numbers |= {"nearest_ratio": None, "copied_share": None, "reason": NOT_HELD_OUT}
    return samples[:rows], neighbors, numbers


def interpolations(analyzed: AnalyzedModel, rows: int) -> Tensor:
    """Interpolations between pairs of samples, (rows * 9, C, H, W) uint8; all images of a row have one label."""
    positions = torch.linspace(0, 1, INTERPOLATION_STEPS, dtype=torch.float64)
    interpolate = interpolation_for(analyzed.model.noise)
    points = interpolate(analyzed.latent[:rows], analyzed.latent[rows : 2 * rows], positions)
    labels = (torch.arange(rows) % max(1, analyzed.num_classes)).repeat_interleave(INTERPOLATION_STEPS)
    return to_uint8(analyzed.generate(points.flatten(0, 1), labels))


def class_grid(analyzed: AnalyzedModel, rows: int) -> tuple[Tensor, list[int]]:
    """Images with one latent vector per row and one class per column; at most 10 classes, evenly spaced.

    Returns:
        Images (rows * columns, C, H, W) uint8, and the class of each column.
    """
    columns = min(CLASS_COLUMNS, analyzed.num_classes)
    labels = torch.arange(columns) * analyzed.num_classes // columns
    latent = analyzed.latent[:rows].repeat_interleave(columns, dim=0)
    return to_uint8(analyzed.generate(latent, labels.repeat(rows))), labels.tolist()


def move_along_directions(analyzed: AnalyzedModel, rows: int) -> tuple[Tensor | None, Numbers]:
    """Move the first sample along the directions in which images change most; see :mod:`.analysis.directions`.

    Returns:
        Images (rows * 7, C, H, W) uint8, a row for each direction, from -3 to 3 standard deviations, or None if the
        generator does not say where it is given the latent vector; and the share of all eigenvalues of each direction.
    """
    try:
        directions = Directions(analyzed.model)
    except ValueError as error:
        return None, {"reason": str(error)}
    rows = min(rows, len(directions))
    amounts = torch.eye(rows)[:, None] * torch.tensor(DIRECTION_STEPS)[:, None]
    labels = torch.zeros(len(DIRECTION_STEPS) * rows, dtype=torch.int64)
    start = analyzed.model.points(analyzed.latent[:1], labels[:1])
    moved = directions.move(start.expand(len(labels), *start.shape[1:]), amounts.flatten(0, 1))
    shares = {f"share_{place}": float(share) for place, share in enumerate(directions.shares[:rows], start=1)}
    return to_uint8(analyzed.generate(moved, labels)), {**shares, "reason": None}


def mixed_styles(analyzed: AnalyzedModel, rows: int) -> tuple[Tensor, int] | None:
    """Mix the coarse styles of some samples with the others of further samples; see :mod:`.analysis.mixing`.

    Returns:
        Images ((rows + 1) * columns, C, H, W) uint8 and the number of columns; None without a mapping network.
    """
    network = analyzed.model.sampled
    if not isinstance(network, StyleGenerator):
        return None
    count = min(rows, MIXING_COLUMNS)
    labels = torch.arange(rows + count) % max(1, analyzed.num_classes)
    styles = analyzed.model.points(analyzed.latent[: rows + count], labels)
    layers = part_of_layers("coarse", network.style_layers)
    # The class is part of the styles; labels are not used.
    images = mixing_grid(
        lambda w: analyzed.generate(w, torch.zeros(len(w), dtype=torch.int64)), styles[:rows], styles[rows:], layers
    )
    return to_uint8(images), count + 1


def discriminator_scores(analyzed: AnalyzedModel) -> tuple[dict[str, Tensor], Numbers]:
    """Compare the discriminator's logits of training, generated and held-out images.

    Returns:
        Logits (N,) of images, or packs of images, by their kind; and the numbers of
        :func:`lightning_gans.analysis.discriminator.compare_logits`.
    """
    train = analyzed.logits(*subset(analyzed.train, LOGIT_IMAGES))
    fake = analyzed.logits(*analyzed.samples(min(LOGIT_IMAGES, len(analyzed.test.labels))))
    logits, held_out = {"training": train, "generated": fake}, None
    if analyzed.held_out:
        logits["held out"] = held_out = analyzed.logits(*subset(analyzed.test, LOGIT_IMAGES))
    packing = analyzed.model.packing
    numbers: Numbers = {f"{name.replace(' ', '_')}_images": len(values) * packing for name, values in logits.items()}
    reason = None if analyzed.held_out else NOT_HELD_OUT
    return logits, {**numbers, **compare_logits(train, fake, held_out), "reason": reason}


class ProbeResult(NamedTuple):
    """The result of the linear probe.

    Attributes:
        accuracy: on the discriminator's features; None if the probe was skipped, and then all other numbers are empty.
        pixels_accuracy: on the pixels of the same images.
        train_images: number of labeled training images.
        test_images: number of classified test images.
        features: number of the discriminator's features.
        reason: why the probe was skipped; None if it was not.
    """

    accuracy: float | None = None
    pixels_accuracy: float | None = None
    train_images: int = 0
    test_images: int = 0
    features: int = 0
    reason: str | None = None


def linear_probe(analyzed: AnalyzedModel, probe_images: int) -> ProbeResult:
    """Accuracy of a linear classifier on the discriminator's features, and of one on the pixels of the same images.

    Args:
        analyzed: the model and its data.
        probe_images: largest number of labeled training images; 0 skips the probe.
    """
    reason = probe_skip_reason(analyzed, probe_images)
    if reason is not None:
        return ProbeResult(reason=reason)
    discriminator, device = analyzed.model.discriminator, analyzed.model.device

    def layers(images: Tensor) -> Tensor:
        with analyzed.precision():
            return hidden_features(discriminator, to_float(images.to(device)))

    def pixels(images: Tensor) -> Tensor:
        return to_float(images.to(device)).flatten(1)

    train, test = subset(analyzed.train, probe_images), subset(analyzed.test, PROBE_TEST_IMAGES)
    accuracy, features = probe(layers, train, test, BATCH_SIZE)
    if not features:
        return ProbeResult(reason=f"{type(discriminator).__name__} has no activation layers to take features from")
    control, _ = probe(pixels, train, test, BATCH_SIZE)
    return ProbeResult(accuracy, control, len(train.labels), len(test.labels), features)


def probe_skip_reason(analyzed: AnalyzedModel, probe_images: int) -> str | None:
    """Why the linear probe is skipped; None if it is not."""
    if not probe_images:
        return "probe_images is 0"
    if analyzed.model.discriminator.num_classes:
        return "the discriminator is given the class, so its features would contain it"
    if analyzed.model.packing > 1:
        return f"the discriminator judges {analyzed.model.packing} images at once, so it has no features of one image"
    if analyzed.num_classes < 2:
        return "the images have fewer than two classes"
    if analyzed.num_classes > PROBE_CLASSES:
        return f"the images have {analyzed.num_classes} classes; the probe supports at most {PROBE_CLASSES}"
    return None if analyzed.held_out else NOT_HELD_OUT
