"""What is exported: one generator, what goes in and comes out, and what is known of it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.core.version import __version__
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel
from lightning_gans.inference.loading import select_network
from lightning_gans.networks.base import Generator, Translator

BATCHES = (1, 3, 64)
"""Sizes of the batches of latent vectors that are compared."""

IMAGE_BATCHES = (1, 3, 8)
"""Sizes of the batches of images that are compared."""

STEPS = (1, 2, 4, 8, 16, 32)
"""By which sides of images are tried to differ from those of training, in pixels."""

Inputs = tuple[Tensor, ...]


class Subject(ABC):
    """One generator of a model.

    Attributes:
        model: where it comes from.
        network: a copy on the CPU, which is exported.
        names: of the inputs, in their order.
        output: name of the output.
        axes: for each input, the names of the axes that may have any length.
        output_axes: the same of the output.
    """

    model: PretrainedModel
    network: nn.Module
    names: tuple[str, ...]
    output: str
    axes: tuple[dict[int, str], ...]
    output_axes: dict[int, str]

    @abstractmethod
    def example(self) -> Inputs:
        """Inputs to trace the network with."""

    @abstractmethod
    def batches(self) -> Iterator[Inputs]:
        """Inputs on which an exported file is compared with the model: several numbers of images, several sizes."""

    @abstractmethod
    def compared(self) -> str:
        """What :meth:`batches` are."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a program that reads the file has to know, as plain data."""

    def output_of(self, inputs: Inputs) -> Tensor:
        """The model's own output, computed where the model is, in full precision."""
        device = self.model.device
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            images: Tensor = self.own()(*(part.to(device) for part in inputs))
        return images.cpu()

    @abstractmethod
    def own(self) -> nn.Module:
        """The model's own network."""

    def header(self) -> dict[str, Any]:
        """All that is known, as plain data: :meth:`facts` and what the model knows of itself."""
        return {"made_by": f"lightning-gans {__version__}", "values": "-1 to 1", **self.facts(), **self.model.metadata}


class FromNoise(Subject):
    """A generator from noise, with classes where it knows them."""

    def __init__(self, model: LatentSampler) -> None:
        self.model = self.sampler = model
        self.network = copied(model.network)
        self.names = ("latent", "labels") if model.num_classes else ("latent",)
        self.output = "images"
        self.axes = tuple({0: "batch"} for _ in self.names)
        self.output_axes = {0: "batch"}

    def own(self) -> Generator:
        """The model's own network."""
        return self.sampler.network

    def example(self) -> Inputs:
        """Two pictures of seed 0: a batch of one may be taken for a constant."""
        return self.inputs(2, 0)

    def batches(self) -> Iterator[Inputs]:
        """A batch of each size, of seeds 0, 1 and so on."""
        for seed, n in enumerate(BATCHES):
            yield self.inputs(n, seed)

    def inputs(self, n: int, seed: int) -> Inputs:
        """Pictures 0 to n - 1 of a seed."""
        labels = self.sampler.label_inputs(n)
        latent = self.sampler.latents(range(n), seed)
        return (latent,) if labels is None else (latent, labels)

    def compared(self) -> str:
        """What :meth:`batches` are."""
        return f"{sum(BATCHES)} pictures of seeds 0 to {len(BATCHES) - 1}, in batches of {listed(BATCHES)}"

    def facts(self) -> dict[str, Any]:
        """Noise and classes."""
        config = self.model.config
        pictures = (
            "lightning_gans.components.noise.latents(noise, latent_dim, seed, range(n)) gives the first n of a seed"
        )
        return {
            "generator": config["generator"],
            "noise": config["noise"],
            "latent_dim": self.sampler.network.latent_dim,
            "num_classes": self.sampler.num_classes,
            "pictures": pictures,
        }


class FromImages(Subject):
    """A generator from images: the way that a translation goes, or one of its ways.

    Raises:
        InputError: if the model does not go that way.
    """

    def __init__(self, model: ImageTranslator, direction: str | None) -> None:
        self.model = self.translator = model
        self.way = model.way(direction)
        self.size = model.sizes[self.way]
        self.network = copied(model.network(self.way))
        self.names = ("images",)
        self.output = "translated"  # ONNX does not let an output have the name of an input
        self.multiple = self.smallest_step()
        self.output_axes = {0: "batch", 2: "height", 3: "width"} if self.multiple else {0: "batch"}
        self.axes = (self.output_axes,)

    def own(self) -> Translator:
        """The model's own network."""
        return self.translator.network(self.way)

    def example(self) -> Inputs:
        """Two images, higher than wide, so that no axis is taken for another."""
        return self.inputs(2, self.size, self.size + self.multiple)

    def batches(self) -> Iterator[Inputs]:
        """A batch of each number of images at the trained size, and one of another size where there may be any."""
        for n in IMAGE_BATCHES:
            yield self.inputs(n, self.size, self.size)
        if self.multiple:
            yield self.inputs(2, *self.other_size)

    @property
    def other_size(self) -> tuple[int, int]:
        """A height and width that differ from the trained ones."""
        return self.size + 2 * self.multiple, self.size + 3 * self.multiple

    def smallest_step(self) -> int:
        """By how many pixels sides may differ from the trained ones; 0 if the network takes no other sides.

        It is tried, since a network need not say it: a U-Net, whose innermost map is one pixel, refuses all others.
        """
        for step in STEPS:
            inputs = self.inputs(1, self.size + step, self.size + 2 * step)
            try:
                if self.output_of(inputs).shape[2:] == inputs[0].shape[2:]:
                    return step
            except RuntimeError:
                continue
        return 0

    def inputs(self, n: int, height: int, width: int) -> Inputs:
        """Images (n, C, height, width) of random values, the same every time."""
        generator = torch.Generator().manual_seed(n)
        return (torch.rand(n, self.own().channels_in, height, width, generator=generator) * 2 - 1,)

    def compared(self) -> str:
        """What :meth:`batches` are."""
        height, width = self.other_size
        others = f", and 2 of {height} x {width}" if self.multiple else ""
        return f"images of noise, batches of {listed(IMAGE_BATCHES)} at {self.size} x {self.size} pixels{others}"

    def facts(self) -> dict[str, Any]:
        """Way and size."""
        described = self.model.config["generators"][self.way]
        sides = f"multiples of {self.multiple}" if self.multiple else str(self.size)
        return {"generator": described, "direction": self.way, "trained_size": self.size, "sides": sides}


def subject_of(model: PretrainedModel, direction: str | None = None) -> Subject:
    """The generator of a model that is exported.

    Raises:
        InputError: if the model does not go that way.
    """
    if isinstance(model, ImageTranslator):
        return FromImages(model, direction)
    assert isinstance(model, LatentSampler)
    select_network(model, direction)
    return FromNoise(model)


def copied(network: nn.Module) -> nn.Module:
    """A copy on the CPU."""
    return copy.deepcopy(network).cpu()


def listed(numbers: tuple[int, ...]) -> str:
    """Numbers as text."""
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
