"""Trained generators that make images from images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.core.model_metadata import ModelMetadata
from lightning_gans.inference.construct import build_translator
from lightning_gans.inference.model import PretrainedModel
from lightning_gans.networks.base import Translator


class ImageTranslator(PretrainedModel):
    """One generator from images to images, or one for each way.

    Args:
        generators: by direction, "a_to_b" or "b_to_a": the ``network``'s class path and arguments, ``channels_in`` and
            ``channels_out`` of its images, and the ``size`` in pixels that it was trained on.
        metadata: what is known of the model, as plain data.

    Raises:
        InputError: if a network cannot be built.
    """

    task = "image-to-image"

    def __init__(self, generators: Mapping[str, Mapping[str, Any]], metadata: ModelMetadata) -> None:
        super().__init__(metadata)
        self.networks = nn.ModuleDict({way: build_translator(**given) for way, given in generators.items()})
        self.sizes = {way: int(given["size"]) for way, given in generators.items()}
        self.frozen_eval()

    @property
    def directions(self) -> list[str]:
        """The ways it can go, "a_to_b" and "b_to_a" or one of them; the first is the default."""
        return list(self.sizes)

    @property
    def usage(self) -> str:
        """A line of Python that translates images with ``model``."""
        return f'translated = model.translate(images, "{self.directions[0]}")'

    @property
    def input_description(self) -> str:
        """Shapes and values of inputs and outputs, in sentences."""
        parts = []
        for direction, size in self.sizes.items():
            network = self.network(direction)
            channels = f"from {network.channels_in} to {network.channels_out} channels"
            parts.append(f"`{direction}` {channels}, trained on {size} x {size} pixels")
        return f"Images are float tensors (N, C, H, W) in [-1, 1]: {'; '.join(parts)}."

    def way(self, direction: str | None = None) -> str:
        """The direction that is meant.

        Raises:
            InputError: if the model cannot go there.
        """
        if direction is None:
            return self.directions[0]
        if direction not in self.sizes:
            raise InputError(f"direction is {direction}; this model translates {' and '.join(self.directions)}")
        return direction

    def network(self, direction: str | None = None) -> Translator:
        """The network of a direction."""
        network = self.networks[self.way(direction)]
        assert isinstance(network, Translator)
        return network

    @torch.inference_mode()
    def translate(self, images: Tensor, direction: str | None = None) -> Tensor:
        """Images (N, C', H, W) in [-1, 1] on the CPU from ``images`` (N, C, H, W) in [-1, 1], one after the other.

        Sides of the trained size always work, others where the network takes them;
        :func:`lightning_gans.inference.tiled.translate.translate_picture` takes any.

        Raises:
            InputError: if the model cannot go there, or the images have other channels.
        """
        network = self.network(direction)
        if images.ndim != 4 or images.shape[1] != network.channels_in:
            raise InputError(f"the images are {tuple(images.shape)}; expected (N, {network.channels_in}, H, W)")
        translated = [network(image[None].to(self.device)).cpu() for image in images]
        return torch.cat(translated) if translated else images.new_empty(0, network.channels_out, *images.shape[2:])

    def forward(self, images: Tensor) -> Tensor:
        """Translated images of one batch in the default direction, on the model's device."""
        translated: Tensor = self.network()(images.to(self.device))
        return translated
