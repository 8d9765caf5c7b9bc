"""The generator to export: its network, inputs, outputs and metadata."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.components.noise import NormalNoise, latents
from lightning_gans.core import __version__
from lightning_gans.core.images import plain_size
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel
from lightning_gans.inference.loading import select_network
from lightning_gans.networks.base import Translator
from lightning_gans.networks.styles import StyleGenerator

LATENT_BATCH_SIZES = (1, 3, 64)
"""Batch sizes of latent vectors in the comparison."""

IMAGE_BATCH_SIZES = (1, 3, 8)
"""Batch sizes of images in the comparison."""

SIZE_STEPS = (1, 2, 4, 8, 16, 32)
"""Differences in pixels from the trained size that are tried to find the sizes a network accepts."""

Inputs = tuple[Tensor, ...]
"""The arguments of a network's forward."""

Runner = Callable[[Inputs], Tensor]
"""Runs an exported generator: inputs to images (N, C, H, W) on the CPU."""


class ExportTarget(ABC):
    """One generator of a model.

    Attributes:
        model: the model that it belongs to.
        network: a copy of its network on the CPU, which is exported.
        input_names: names of the inputs, in order.
        output_name: name of the output.
        input_axes: for each input, the names of the axes of variable length.
        output_axes: names of the output's axes of variable length.
    """

    model: PretrainedModel
    network: nn.Module
    input_names: tuple[str, ...]
    output_name: str
    input_axes: tuple[dict[int, str], ...]
    output_axes: dict[int, str]

    @abstractmethod
    def example_inputs(self) -> Inputs:
        """Inputs to trace the network with."""

    @abstractmethod
    def test_inputs(self) -> Iterator[Inputs]:
        """Inputs for the comparison with the model: several batch sizes and, if possible, image sizes."""

    @abstractmethod
    def test_description(self) -> str:
        """The inputs of :meth:`test_inputs`, in words."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a program that runs the exported file needs to know, as plain data."""

    def model_output(self, inputs: Inputs) -> Tensor:
        """The output of the model itself, computed on its device in full precision, on the CPU."""
        device = self.model.device
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
            images: Tensor = self.model_network()(*(part.to(device) for part in inputs))
        return images.cpu()

    @abstractmethod
    def model_network(self) -> nn.Module:
        """The network inside the model, of which :attr:`network` is a copy."""

    def header(self) -> dict[str, Any]:
        """:meth:`facts` and the model's metadata, as plain data."""
        return {"made_by": f"lightning-gans {__version__}", "values": "-1 to 1", **self.facts(), **self.model.metadata}


class TruncatedGenerator(nn.Module):
    """A generator with a mapping network whose styles are moved towards their mean.

    Args:
        generator: the generator.
        truncation: the factor of the distance from the mean; see :meth:`.StyleGenerator.truncate`.
    """

    def __init__(self, generator: StyleGenerator, truncation: float) -> None:
        super().__init__()
        self.generator, self.truncation = generator, truncation

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width) in [-1, 1] of z (N, latent_dim)."""
        return self.generator.synthesize(self.generator.styles(latent, labels, self.truncation))


class LatentTarget(ExportTarget):
    """A generator from noise, conditional or not.

    Args:
        model: the model.
        truncation: the factor of the distance of styles from their mean, which becomes part of the exported program;
            None for no truncation.

    Raises:
        ValueError: if ``truncation`` is out of range, or given for a generator without a mapping network.
    """

    def __init__(self, model: LatentSampler, truncation: float | None = None) -> None:
        self.model = self.sampler = model
        self.truncation = truncation
        self.exported: nn.Module = model.network
        if truncation is not None:
            if not isinstance(model.network, StyleGenerator):
                raise ValueError(
                    f"truncation is {truncation}, but {type(model.network).__name__} has no mapping network; expected "
                    "none, since the program is given latent vectors: truncate those"
                )
            model.space.check_truncation(truncation)
            self.exported = TruncatedGenerator(model.network, truncation)
        self.network = copy_to_cpu(self.exported)
        self.input_names = ("latent", "labels") if model.num_classes else ("latent",)
        self.output_name = "images"
        self.input_axes = tuple({0: "batch"} for _ in self.input_names)
        self.output_axes = {0: "batch"}

    def model_network(self) -> nn.Module:
        """The network inside the model, truncated if this was asked for."""
        return self.exported

    def example_inputs(self) -> Inputs:
        """Inputs of two images of seed 0; torch may treat a batch size of one as a constant."""
        return self.inputs(2, 0)

    def test_inputs(self) -> Iterator[Inputs]:
        """One batch of each size, with seeds 0, 1 and so on."""
        for seed, n in enumerate(LATENT_BATCH_SIZES):
            yield self.inputs(n, seed)

    def inputs(self, n: int, seed: int) -> Inputs:
        """Inputs of the images 0 to n - 1 of a seed."""
        labels = self.sampler.label_inputs(n)
        latent = self.sampler.latents(range(n), seed)
        return (latent,) if labels is None else (latent, labels)

    def test_description(self) -> str:
        """The inputs of :meth:`test_inputs`, in words."""
        sizes = LATENT_BATCH_SIZES
        return f"{sum(sizes)} images of seeds 0 to {len(sizes) - 1}, in batches of {join_numbers(sizes)}"

    def facts(self) -> dict[str, Any]:
        """Config of the network, noise and classes."""
        config = self.model.config
        pictures = (
            "lightning_gans.components.noise.latents(noise, latent_dim, seed, range(n)) returns the first n of a seed"
        )
        return {
            "generator": config["generator"],
            "noise": config["noise"],
            "latent_dim": self.sampler.network.latent_dim,
            "num_classes": self.sampler.num_classes,
            "pictures": pictures,
            **({} if self.truncation is None else {"truncation": self.truncation}),
        }


class TranslationTarget(ExportTarget):
    """A generator from images, and from latent codes if it takes some.

    Args:
        model: the translation model.
        direction: "a_to_b" or "b_to_a"; None for the model's first.

    Raises:
        ValueError: if the model does not have that direction.
    """

    def __init__(self, model: ImageTranslator, direction: str | None) -> None:
        self.model = self.translator = model
        self.direction = model.resolve_direction(direction)
        self.height, self.width = model.sizes[self.direction]
        self.network = copy_to_cpu(model.network(self.direction))
        self.latent_dim = model.latent_dim(self.direction)
        self.input_names = ("images", "latent") if self.latent_dim else ("images",)
        self.output_name = "translated"  # in ONNX an output must not have the name of an input
        self.multiple = self.smallest_size_step()
        self.output_axes = {0: "batch", 2: "height", 3: "width"} if self.multiple else {0: "batch"}
        self.input_axes = (self.output_axes, {0: "batch"})[: len(self.input_names)]

    def model_network(self) -> Translator:
        """The network inside the model."""
        return self.translator.network(self.direction)

    def example_inputs(self) -> Inputs:
        """Two images of different height and width where possible, so that torch does not confuse the axes."""
        return self.inputs(2, self.height, self.width + self.multiple)

    def test_inputs(self) -> Iterator[Inputs]:
        """One batch of each size at the trained image size, and one of another image size if the network accepts it."""
        for n in IMAGE_BATCH_SIZES:
            yield self.inputs(n, self.height, self.width)
        if self.multiple:
            yield self.inputs(2, *self.other_size)

    @property
    def other_size(self) -> tuple[int, int]:
        """A height and width that differ from the trained size."""
        return self.height + 2 * self.multiple, self.width + 3 * self.multiple

    def smallest_size_step(self) -> int:
        """Smallest number of pixels by which sides may differ from the trained size; 0 if no other size is accepted.

        Found by trial, since networks do not declare it. A U-Net with an innermost map of one pixel accepts no other
        size.
        """
        for step in SIZE_STEPS:
            inputs = self.inputs(1, self.height + step, self.width + 2 * step)
            try:
                if self.model_output(inputs).shape[2:] == inputs[0].shape[2:]:
                    return step
            except RuntimeError:
                continue
        return 0

    def inputs(self, n: int, height: int, width: int) -> Inputs:
        """Random images (n, C, height, width), and latent codes (n, D) if there are some, the same in every call."""
        generator = torch.Generator().manual_seed(n)
        images = torch.rand(n, self.model_network().channels_in, height, width, generator=generator) * 2 - 1
        if not self.latent_dim:
            return (images,)
        return images, latents(NormalNoise(), self.latent_dim, n, range(n))

    def test_description(self) -> str:
        """The inputs of :meth:`test_inputs`, in words."""
        height, width = self.other_size
        others = f", and 2 of {height} x {width}" if self.multiple else ""
        sizes = join_numbers(IMAGE_BATCH_SIZES)
        images = "random images and latent codes" if self.latent_dim else "random images"
        return f"{images}, batches of {sizes} at {self.height} x {self.width} pixels{others}"

    def facts(self) -> dict[str, Any]:
        """Config of the network, direction and sizes."""
        config = self.model.config["generators"][self.direction]
        size = plain_size((self.height, self.width))
        sides = f"multiples of {self.multiple}" if self.multiple else str(size)
        facts = {"generator": config, "direction": self.direction, "trained_size": size, "sides": sides}
        if not self.latent_dim:
            return facts
        answers = (
            "lightning_gans.components.noise.latents(NormalNoise(), latent_dim, seed, range(n)) returns the latent "
            "codes of the first n answers of a seed"
        )
        return {**facts, "latent_dim": self.latent_dim, "answers": answers}


def export_target(
    model: PretrainedModel, direction: str | None = None, truncation: float | None = None
) -> ExportTarget:
    """The generator of a model to export.

    Args:
        model: the model.
        direction: of a model that translates; None for its first.
        truncation: of a model from noise; see :class:`LatentTarget`.

    Raises:
        ValueError: if the model does not have that direction, or cannot be truncated in that way.
    """
    if isinstance(model, ImageTranslator):
        if truncation is not None:
            raise ValueError(f"truncation is {truncation}, but this model translates images; expected none")
        return TranslationTarget(model, direction)
    assert isinstance(model, LatentSampler)
    select_network(model, direction)
    return LatentTarget(model, truncation)


def copy_to_cpu(network: nn.Module) -> nn.Module:
    """A copy of a network on the CPU."""
    return copy.deepcopy(network).cpu()


def join_numbers(numbers: tuple[int, ...]) -> str:
    """Numbers as text, such as "1, 3 and 8"."""
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
