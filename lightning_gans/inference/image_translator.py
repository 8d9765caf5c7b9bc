"""Pretrained models that translate images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.components.class_paths import NO_TRUST, Trust
from lightning_gans.core.arguments import short_text
from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.core.images import height_width
from lightning_gans.inference.construct import build_translator
from lightning_gans.inference.model import PretrainedModel
from lightning_gans.networks.base import Translator
from lightning_gans.runs.record import ModelMetadata

DIRECTIONS = ("a_to_b", "b_to_a")
"""Directions of a translation, in the order in which a model has them."""


class ImageTranslator(PretrainedModel):
    """Generators from images to images, one per direction.

    Args:
        generators: by direction, "a_to_b" or "b_to_a": the class path and arguments of the ``network``, ``channels_in``
            and ``channels_out`` of its images, and the ``size`` of the images that it was trained on.
        metadata: facts about the model, as plain data.
        trust: classes that may be named beside those of this package and of torch.

    Attributes:
        sizes: (height, width) in pixels of the images that each generator was trained on, by direction.

    Raises:
        ValueError: if a direction is unknown or a network cannot be built.
    """

    description = "a model that translates images"

    task = "image-to-image"

    def __init__(
        self, generators: Mapping[str, Mapping[str, Any]], metadata: ModelMetadata, trust: Trust = NO_TRUST
    ) -> None:
        if not isinstance(generators, Mapping) or not {*generators} <= {*DIRECTIONS} or not generators:
            raise ValueError(f"generators is {short_text(generators)}; expected a_to_b, b_to_a or both")
        super().__init__(metadata, trust, generators=generators)
        self.networks = nn.ModuleDict(
            {direction: build_translator(**config, trust=trust) for direction, config in generators.items()}
        )
        self.sizes = {direction: height_width(config["size"]) for direction, config in generators.items()}
        self.frozen_eval()

    @property
    def directions(self) -> list[str]:
        """The model's directions, "a_to_b", "b_to_a" or both; the first is the default."""
        return list(self.sizes)

    @property
    def usage(self) -> str:
        """A line of Python that translates images with ``model``."""
        return f'translated = model.translate(images, "{self.directions[0]}")'

    @property
    def input_description(self) -> str:
        """Shapes and values of inputs and outputs, in sentences."""
        parts = []
        for direction, (height, width) in self.sizes.items():
            network = self.network(direction)
            channels = f"from {network.channels_in} to {network.channels_out} channels"
            parts.append(f"`{direction}` {channels}, trained on {height} x {width} pixels")
        return f"Images are float tensors (N, C, H, W) in [-1, 1]: {'; '.join(parts)}."

    def resolve_direction(self, direction: str | None = None) -> str:
        """Return ``direction``, or the default direction for None.

        Raises:
            ValueError: if the model does not have that direction.
        """
        if direction is None:
            return self.directions[0]
        if direction not in self.sizes:
            raise ValueError(f"direction is {direction}; expected {' or '.join(self.directions)} for this model")
        return direction

    def network(self, direction: str | None = None) -> Translator:
        """The network of a direction.

        Raises:
            ValueError: if the model does not have that direction.
        """
        network = self.networks[self.resolve_direction(direction)]
        assert isinstance(network, Translator)
        return network

    @torch.inference_mode()
    def translate(self, images: Tensor, direction: str | None = None) -> ImageBatch:
        """Translate images one by one.

        Args:
            images: (N, C, H, W) in [-1, 1]. The trained size always works, others if the network accepts them;
                :func:`lightning_gans.inference.tiled.translate.translate_picture` accepts any size.
            direction: "a_to_b" or "b_to_a"; None for the default.

        Returns:
            Images (N, C', H, W) in [-1, 1] on the CPU, which a notebook shows as a grid.

        Raises:
            ValueError: if the model does not have that direction, or the images have another number of channels.
        """
        network = self.network(direction)
        if images.ndim != 4 or images.shape[1] != network.channels_in:
            raise ValueError(f"images has shape {tuple(images.shape)}; expected (N, {network.channels_in}, H, W)")
        translated = [network(image[None].to(self.device)).cpu() for image in images]
        empty = images.new_empty(0, network.channels_out, *images.shape[2:])
        return ImageBatch(torch.cat(translated) if translated else empty)

    def forward(self, images: Tensor) -> Tensor:
        """Translate one batch in the default direction, on the model's device."""
        translated: Tensor = self.network()(images.to(self.device))
        return translated
