"""Pretrained models that translate images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lightning_gans.components.class_paths import NO_TRUST, Trust
from lightning_gans.components.noise import NormalNoise, latents
from lightning_gans.core.arguments import short_text
from lightning_gans.core.errors import at_least
from lightning_gans.core.image_batch import ImageBatch
from lightning_gans.core.images import height_width
from lightning_gans.inference.construct import build_translator
from lightning_gans.inference.model import PretrainedModel
from lightning_gans.inference.tiled.translate import translate_picture
from lightning_gans.networks.base import Translator
from lightning_gans.networks.latent_translator import LatentTranslator, SingleAnswer
from lightning_gans.runs.record import ModelMetadata

DIRECTIONS = ("a_to_b", "b_to_a")
"""Directions of a translation, in the order in which a model has them."""

RANGE_TOLERANCE = 1e-3
"""How far values may be outside [-1, 1], such as by rounding."""


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

    def takes_borders(self, direction: str) -> bool:
        """Whether the last channel of the input has the borders of instances, 1 there and -1 elsewhere."""
        return direction[0] in self.metadata.get("borders", [])

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
            if length := self.latent_dim(direction):
                parts[-1] += f", with latent codes of {length} numbers, each of which gives another answer"
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

    def latent_dim(self, direction: str | None = None) -> int:
        """Length of the latent codes by which a direction gives several answers to an image; 0 if it gives one.

        Raises:
            ValueError: if the model does not have that direction.
        """
        network = self.network(direction)
        return network.latent_dim if isinstance(network, LatentTranslator) else 0

    def answering(self, direction: str | None = None, seed: int = 0, answer: int = 0) -> Translator:
        """The network of a direction; of one that takes latent codes, with the code of one answer.

        The code depends on the seed and the number of the answer only, so that it is the same for all images.

        Args:
            direction: "a_to_b" or "b_to_a"; None for the default.
            seed: seed of the answers, at least 0.
            answer: number of the answer, at least 0.

        Raises:
            ValueError: if the model does not have that direction, a number is out of range, or an answer other than the
                first is requested of a network that gives one.
        """
        network = self.network(direction)
        at_least("seed", seed, 0)
        at_least("answer", answer, 0)
        if isinstance(network, LatentTranslator):
            return SingleAnswer(network, latents(NormalNoise(), network.latent_dim, seed, [answer])[0])
        if answer:
            raise ValueError(
                f"answer is {answer}, but {type(network).__name__} takes no latent codes and gives one answer to an "
                "image; expected 0"
            )
        return network

    @torch.inference_mode()
    def translate(self, images: Tensor, direction: str | None = None, seed: int = 0, answer: int = 0) -> ImageBatch:
        """Translate images one by one.

        Args:
            images: (N, C, H, W) in [-1, 1]. The trained size always works, others if the network accepts them;
                :meth:`translate_array` accepts any size.
            direction: "a_to_b" or "b_to_a"; None for the default.
            seed: see :meth:`answering`.
            answer: see :meth:`answering`.

        Returns:
            Images (N, C', H, W) in [-1, 1] on the CPU, which a notebook shows as a grid.

        Raises:
            ValueError: if the model does not have that direction or answer, or the images have another number of
                channels.
        """
        network = self.answering(direction, seed, answer)
        if images.ndim != 4 or images.shape[1] != network.channels_in:
            raise ValueError(f"images has shape {tuple(images.shape)}; expected (N, {network.channels_in}, H, W)")
        translated = [network(image[None].to(self.device)).cpu() for image in images]
        empty = images.new_empty(0, network.channels_out, *images.shape[2:])
        return ImageBatch(torch.cat(translated) if translated else empty)

    def translate_array(
        self,
        array: NDArray[Any],
        direction: str | None = None,
        tile: int | None = None,
        seed: int = 0,
        answer: int = 0,
    ) -> NDArray[Any]:
        """Translate an image of any size, or several, as the command ``translate`` does.

        An image that fits into one tile is translated as a whole, a larger one in tiles; see
        :func:`lightning_gans.inference.tiled.translate.translate_picture`.

        Args:
            array: (H, W) or (H, W, C), or several images (N, H, W, C) of one size, with as many channels C as the
                network takes; uint8, uint16 (0 to 65535), or float in [-1, 1].
            direction: "a_to_b" or "b_to_a"; None for the default.
            tile: largest height and width in pixels of what the network is run on at once, for networks that can be
                cut into stages; None for 512, or the size of the training if that is larger.
            seed: see :meth:`answering`.
            answer: see :meth:`answering`.

        Returns:
            An array of the same type and shape, except for the number of channels: (H, W) for an image (H, W) if it is
            one, else (H, W, C').

        Raises:
            ValueError: if the array has another shape, type or range, the model does not have that direction or answer,
                or ``tile`` is not possible.
        """
        direction = self.resolve_direction(direction)
        network, given = self.answering(direction, seed, answer), np.asarray(array)
        images = given[None, :, :, None] if given.ndim == 2 else given[None] if given.ndim == 3 else given
        if images.ndim != 4 or images.shape[-1] != network.channels_in or not images.size:
            raise ValueError(f"array has shape {given.shape}; expected (H, W, {network.channels_in})")
        top = {"uint8": 255, "uint16": 65535}.get(given.dtype.name)
        if top is None and given.dtype.kind != "f":
            raise ValueError(f"array has type {given.dtype}; expected uint8, uint16 or float")
        if top is None and not np.abs(given).max() <= 1 + RANGE_TOLERANCE:
            raise ValueError(f"array has values from {given.min():g} to {given.max():g}; expected [-1, 1]")
        made = []
        for image in images:
            pixels = torch.from_numpy(image.astype(np.uint8 if top == 255 else np.float32)).permute(2, 0, 1)
            pixels = pixels / (top / 2) - 1 if top == 65535 else pixels
            made.append(translate_picture(network, pixels, self.sizes[direction], tile).permute(1, 2, 0))
        result = torch.stack(made)
        if top == 65535:
            result = result.double().add(1).mul(top / 2).round().clamp(0, top)
        if given.ndim == 2 and result.shape[-1] == 1:
            result = result[..., 0]
        return (result if given.ndim == 4 else result[0]).numpy().astype(given.dtype)

    def forward(self, images: Tensor) -> Tensor:
        """Translate one batch in the default direction, on the model's device."""
        translated: Tensor = self.network()(images.to(self.device))
        return translated
