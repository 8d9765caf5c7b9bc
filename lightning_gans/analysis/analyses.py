"""The looks at a subject: what its pictures show and its numbers say."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_gans.analysis.logits import compare_logits
from lightning_gans.analysis.model import BATCH, SAME_IMAGES, Subject, some_of
from lightning_gans.analysis.nearest import memorisation, nearest
from lightning_gans.analysis.probe import hidden_features, probe
from lightning_gans.components.interpolation import interpolation_for
from lightning_gans.core.pixels import to_float, to_uint8

SAMPLES = 1000
"""Generated and held-out images whose distance to the training images is measured."""
NEIGHBOURS = 5
"""Training images beside a sample."""
COLUMNS = 9
"""Images on the way from one latent to another, both ends included."""
CLASSES = 10
"""Most classes in a picture."""
JUDGED = 2000
"""Images of each kind that D judges."""
CLASSIFIED = 10_000
"""Most test images that the probe classifies."""
MOST_CLASSES = 100
"""Most classes that the probe tells apart."""

Numbers = dict[str, float | str | None]


def latents_needed(count: int, test_images: int) -> int:
    """How many latents a subject needs for pictures of ``count`` rows."""
    return max(2 * count, min(JUDGED, test_images))


def neighbours(subject: Subject, count: int) -> tuple[Tensor, Tensor, Numbers]:
    """How near samples are to the training images, compared with held-out images.

    Returns:
        Samples (count, C, H, W) uint8, the training images (count * k, C, H, W) nearest to each, and
        :func:`lightning_gans.analysis.nearest.memorisation`.
    """
    compared = min(SAMPLES, len(subject.test))
    samples = to_uint8(subject.samples(max(count, compared)).images).cpu()
    others = some_of(subject.test, SAMPLES).images if subject.held_out else samples[:0]
    near = nearest(
        subject.features(torch.cat([samples, others])),
        (subject.features(batch) for batch in torch.split(subject.train.images, BATCH)),
        min(NEIGHBOURS, len(subject.train)),
    )
    theirs = subject.train.images[near.indices[:count].cpu().flatten()]
    numbers: Numbers = {"extractor": subject.extractor.description, "train_images": len(subject.train)}
    if subject.held_out:
        distances = near.distances[:, 0].cpu()
        found = memorisation(distances[:compared], distances[len(samples) :])
        numbers |= {"samples": compared, "held_out_images": compared, **found, "reason": None}
    else:
        numbers |= {"nearest_ratio": None, "copied_share": None, "reason": SAME_IMAGES}
    return samples[:count], theirs, numbers


def interpolation(subject: Subject, count: int) -> Tensor:
    """Rows (count * 9, C, H, W) uint8, each from one sample to another, with one label."""
    positions = torch.linspace(0, 1, COLUMNS, dtype=torch.float64, device=subject.latent.device)
    path = interpolation_for(subject.model.noise)
    points = path(subject.latent[:count], subject.latent[count : 2 * count], positions)
    labels = (torch.arange(count) % max(1, subject.num_classes)).repeat_interleave(COLUMNS)
    return to_uint8(subject.generate(points.flatten(0, 1), labels))


def class_grid(subject: Subject, count: int) -> tuple[Tensor, int]:
    """The same noise in each row, a class in each column; of many classes ten, evenly spaced.

    Returns:
        Rows (count * columns, C, H, W) uint8, and the number of columns.
    """
    columns = min(CLASSES, subject.num_classes)
    labels = (torch.arange(columns) * subject.num_classes // columns).repeat(count)
    latent = subject.latent[:count].repeat_interleave(columns, dim=0)
    return to_uint8(subject.generate(latent, labels)), columns


def judgement(subject: Subject) -> tuple[dict[str, Tensor], Numbers]:
    """What D says of training images, of generated ones and of held-out real ones.

    Returns:
        Logits (N,) of each kind of images, and :func:`lightning_gans.analysis.logits.compare_logits`.
    """
    train = subject.logits(*some_of(subject.train, JUDGED))
    fake = subject.logits(*subject.samples(min(JUDGED, len(subject.test))))
    logits, held_out = {"training": train, "generated": fake}, None
    if subject.held_out:
        logits["held out"] = held_out = subject.logits(*some_of(subject.test, JUDGED))
    numbers: Numbers = {f"{name.replace(' ', '_')}_images": len(ours) for name, ours in logits.items()}
    reason = None if subject.held_out else SAME_IMAGES
    return logits, {**numbers, **compare_logits(train, fake, held_out), "reason": reason}


class Probed(NamedTuple):
    """What a linear classifier tells of the classes.

    Attributes:
        accuracy: on D's features; None if there is none, like the rest then.
        pixels_accuracy: on the pixels.
        train_images: number of labelled training images.
        test_images: number of test images that were classified.
        features: number of D's features.
        reason: why there is no accuracy.
    """

    accuracy: float | None = None
    pixels_accuracy: float | None = None
    train_images: int = 0
    test_images: int = 0
    features: int = 0
    reason: str | None = None


def probed(subject: Subject, probe_images: int) -> Probed:
    """The accuracy of a linear classifier on D's features, and of one on the pixels of the same images.

    Args:
        subject: is inspected.
        probe_images: most labelled training images that the classifiers are given.
    """
    reason = why_no_probe(subject, probe_images)
    if reason is not None:
        return Probed(reason=reason)
    discriminator, device = subject.model.discriminator, subject.model.device

    def layers(images: Tensor) -> Tensor:
        with subject.precision():
            return hidden_features(discriminator, to_float(images.to(device)))

    def pixels(images: Tensor) -> Tensor:
        return to_float(images.to(device)).flatten(1)

    train, test = some_of(subject.train, probe_images), some_of(subject.test, CLASSIFIED)
    accuracy, features = probe(layers, train, test, BATCH)
    if not features:
        return Probed(reason=f"{type(discriminator).__name__} has no activation layers to take features from")
    control, _ = probe(pixels, train, test, BATCH)
    return Probed(accuracy, control, len(train.labels), len(test.labels), features)


def why_no_probe(subject: Subject, probe_images: int) -> str | None:
    """Why D's features are not classified, if so."""
    if not probe_images:
        return "inspection.probe_images is 0"
    if subject.model.conditional:
        return "D is given the class, which its features would tell"
    if subject.num_classes < 2:
        return "the images have no classes to tell apart"
    if subject.num_classes > MOST_CLASSES:
        return f"the images have {subject.num_classes} classes; at most {MOST_CLASSES} are told apart"
    return None if subject.held_out else SAME_IMAGES
