"""Packs: several images that the discriminator judges at once (PacGAN; Lin et al., 2018, section 2).

A pack of m images is one image with m times the channels. A discriminator that sees several samples of one distribution
at once notices when they are too much alike, so a generator that loses modes has a higher loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lightning_gans.core.errors import InputError, at_least
from lightning_gans.core.images import plain_size
from lightning_gans.networks.base import Discriminator, Generator
from lightning_gans.networks.judging import FeatureDiscriminator


def pack(images: Tensor, packing: int) -> Tensor:
    """Concatenate consecutive images along their channels.

    Args:
        images: (N, C, H, W).
        packing: images of a pack.

    Returns:
        (N / packing, packing * C, H, W); ``images`` itself if ``packing`` is 1.

    Raises:
        InputError: if N is no multiple of ``packing``.
    """
    if packing == 1:
        return images
    if len(images) % packing:
        raise InputError(f"a training batch has {len(images)} image(s); expected a multiple of {packing}, the packing")
    count, channels, height, width = images.shape
    return images.reshape(count // packing, packing * channels, height, width)


def unpack(packs: Tensor, packing: int) -> Tensor:
    """Return the images (N, C, H, W) of packs (N / packing, packing * C, H, W); the inverse of :func:`pack`."""
    if packing == 1:
        return packs
    count, channels, height, width = packs.shape
    return packs.reshape(count * packing, channels // packing, height, width)


def packed_shape(shape: Mapping[str, Any], packing: int) -> dict[str, Any]:
    """Arguments of a network for packs, from those of one for images: ``packing`` times the channels.

    Raises:
        ValueError: if ``packing`` is less than 1.
    """
    at_least("packing", packing, 1)
    channels = {"channels": packing * shape["channels"]} if "channels" in shape else {}
    return {**shape, **channels}


def check_networks(generator: Generator, discriminator: Discriminator, packing: int, classifies: bool = False) -> None:
    """Check that two networks fit each other.

    Args:
        generator: maps noise to images.
        discriminator: maps images, or packs of them, to logits.
        packing: images of a pack.
        classifies: whether a head of the discriminator classifies images, so that its logits may ignore labels.

    Raises:
        ValueError: if the channels, sizes or numbers of classes do not fit each other, or packs are of several images
            and the networks use labels, which differ within a pack.
    """
    if packing > 1 and (generator.num_classes or discriminator.num_classes):
        raise ValueError(
            f"packing is {packing}, but the networks use labels, which differ within a pack; expected a packing of 1, "
            "or networks that ignore labels"
        )
    for key in ("channels", "size", "num_classes"):
        if key == "num_classes" and classifies and not discriminator.num_classes:
            continue
        if key == "num_classes" and isinstance(discriminator, FeatureDiscriminator) and discriminator.classifies:
            continue
        made, judged = getattr(generator, key), getattr(discriminator, key)
        if key == "size":
            made, judged = plain_size(made), plain_size(judged)
        if key == "channels" and packing > 1:
            if judged != packing * made:
                raise ValueError(
                    f"generator.channels is {made} and packing is {packing}, but discriminator.channels is {judged}; "
                    f"expected {packing * made}"
                )
        elif made != judged:
            raise ValueError(
                f"generator.{key} is {made} but discriminator.{key} is {judged}; expected the same"
                + (" (0 means that the network ignores labels)" if key == "num_classes" else "")
            )
