"""Conversion of the authors' generators to models of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.components.bounded import on_meta_device
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import square_side
from lightning_gans.inference.construct import build_translator
from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.imported.layouts import FILTERS, Layout, recognize
from lightning_gans.inference.imported.state import State
from lightning_gans.networks.base import Translator
from lightning_gans.networks.layers import BatchNorm, InstanceNorm, Norm
from lightning_gans.networks.norms import NoNorm, RunningBatchNorm
from lightning_gans.runs.record import ModelMetadata
from lightning_gans.runs.state_file import read_state

DEFAULT_SIDE = 256
"""Side in pixels of the images that a ResNet is said to be trained on; the authors' default (``--crop_size``)."""

NORMS: dict[type[Norm], str] = {
    InstanceNorm: "instance normalization",
    BatchNorm: "batch normalization by the statistics of each image",
    RunningBatchNorm: "batch normalization by the running statistics of the training",
    NoNorm: "no normalization",
}
"""Our normalization layers, in words."""


@dataclass(frozen=True)
class Imported:
    """A model from foreign files.

    Attributes:
        model: the model.
        found: for each direction, what its file has, in words.
        notes: for each direction, what was left out or changed, in sentences.
    """

    model: ImageTranslator
    found: Mapping[str, str]
    notes: Mapping[str, list[str]]


@dataclass(frozen=True)
class Converted:
    """A generator of ours with the weights of one of theirs.

    Attributes:
        config: arguments of :func:`.build_translator`.
        weights: its state.
        found: what the file has, in words.
        notes: what was left out or changed, in sentences.
    """

    config: dict[str, Any]
    weights: dict[str, Tensor]
    found: str
    notes: list[str]


def import_generators(files: Mapping[str, Path], side: int | None = None, running: bool = False) -> Imported:
    """Make a model of generators that the authors' public code has saved.

    Args:
        files: the file of each direction, "a_to_b" or "b_to_a".
        side: side in pixels of the images that they were trained on; None for that of a U-Net, and 256 for a ResNet.
        running: whether batch normalization uses the file's running statistics, as the authors' ``test.py --eval``,
            and not those of each image, as without ``--eval``.

    Raises:
        InputError: if a file cannot be read, or has another network.
    """
    converted: dict[str, Converted] = {}
    for direction, path in files.items():
        state = State(read_state(path, "FILE"))
        try:
            converted[direction] = convert(state, recognize(state), side, running)
        except ValueError as error:
            raise InputError(
                f"FILE is {path}, which is no generator that can be imported: {error}; expected a ResNet or U-Net "
                "saved by the public code of pix2pix, CycleGAN or CUT, such as latest_net_G.pth"
            ) from error
    metadata: ModelMetadata = {"weights": "raw", "imported_from": describe_sources(files, converted)}
    config = {"generators": {name: each.config for name, each in converted.items()}, "metadata": metadata}
    weights = {f"networks.{name}.{key}": value for name in converted for key, value in converted[name].weights.items()}
    model = ImageTranslator.from_config(config, weights, f"FILE is {next(iter(files.values()))}")
    return Imported(
        model,
        {name: each.found for name, each in converted.items()},
        {name: each.notes for name, each in converted.items()},
    )


def describe_sources(files: Mapping[str, Path], converted: Mapping[str, Converted]) -> str:
    """The names of the files, and what each has, for the model's metadata."""
    names = {direction: path.name if path.name.isprintable() else "a file" for direction, path in files.items()}
    return "; ".join(f"{name[:80]} ({converted[direction].found})" for direction, name in names.items())


def convert(state: State, layout: Layout, side: int | None, running: bool) -> Converted:
    """Take all tensors of a state.

    Raises:
        ValueError: if one is missing, unknown, or has another shape, or ``side`` is not that of the network.
    """
    if side is not None and layout.side is not None and side != layout.side:
        raise ValueError(f"size is {side}, but it has a {layout.name}; expected {layout.side} or none")
    trained = side or layout.side or DEFAULT_SIDE
    norm = norm_of(state, layout, running)
    config: dict[str, Any] = {
        "network": {
            "class_path": layout.class_path,
            "init_args": {**layout.arguments, "norm": {"class_path": f"{norm.__module__}.{norm.__name__}"}},
        },
        "channels_in": layout.channels_in,
        "channels_out": layout.channels_out,
        "size": square_side(trained),
    }
    with on_meta_device():
        network = build_translator(**config)
    notes = note_statistics(state, layout, norm)
    weights = take_weights(state, layout, network, norm)
    for name, length in layout.filters.items():
        check_filter(state.take(name), name, length)
    state.check_all_taken(layout.name)
    if state.spectral:
        notes.append(f"spectral normalization of {state.spectral} layers is part of their weights now")
    if layout.dropout is None:
        notes.append(
            "whether it was trained with dropout cannot be seen in the file; it is off when images are translated"
        )
    elif layout.dropout:
        notes.append("it was trained with dropout, which is off when images are translated")
    if layout.side is None and side is None:
        notes.append(f"the size of its training images is not in the file; {DEFAULT_SIDE} pixels are assumed (--size)")
    channels = f"{layout.channels_in} to {layout.channels_out} channels"
    width = layout.arguments["width"]
    return Converted(config, weights, f"{layout.name}, width {width}, {NORMS[norm]}, {channels}", notes)


def norm_of(state: State, layout: Layout, running: bool) -> type[Norm]:
    """Our normalization that a network has.

    Batch normalization has weights. Instance normalization has none, but may have running statistics in old files, and
    the authors' convolutions have biases beside it.

    Raises:
        ValueError: if running statistics are to be used, and there are none of batch normalization.
    """
    layer = next(each for each in layout.layers if each.norm is not None)
    tracked = state.has(f"{layer.norm}.running_mean")
    if state.has(f"{layer.norm}.weight"):
        if running and not tracked:
            raise ValueError("its batch normalization has no running statistics")
        return RunningBatchNorm if running else BatchNorm
    if running:
        raise ValueError("it has no batch normalization, whose running statistics could be used")
    return InstanceNorm if tracked or state.has(f"{layer.conv}.bias") else NoNorm


def note_statistics(state: State, layout: Layout, norm: type[Norm]) -> list[str]:
    """What is said of running statistics."""
    if not any(state.has(f"{layer.norm}.running_mean") for layer in layout.layers):
        return []
    if norm is InstanceNorm:
        return ["running statistics of instance normalization are left out, as in the authors' code"]
    if norm is BatchNorm:
        return [
            "batch normalization uses the statistics of each image, as the authors' test.py without --eval; "
            "--running_statistics uses those of the file, as with --eval"
        ]
    return []


@torch.no_grad()
def take_weights(state: State, layout: Layout, network: Translator, norm: type[Norm]) -> dict[str, Tensor]:
    """The state of our network from theirs.

    Args:
        state: theirs.
        layout: of their network.
        network: ours, with shapes.
        norm: its normalization.

    Raises:
        ValueError: if a tensor is missing or has another shape.
    """
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    layers = [(name, each) for name, each in network.named_modules() if isinstance(each, kinds)]
    norms = iter([name for name, each in network.named_modules() if isinstance(each, Norm)])
    weights: dict[str, Tensor] = {}
    for (name, ours), theirs in zip(layers, layout.layers, strict=True):
        weight = state.take_weight(theirs.conv, tuple(ours.weight.shape), isinstance(ours, nn.ConvTranspose2d))
        weights[f"{name}.weight"] = weight.roll(len(weight) // 2, 0) if theirs.joined else weight
        if ours.bias is not None:
            shape = tuple(ours.bias.shape)
            given = state.has(f"{theirs.conv}.bias")
            weights[f"{name}.bias"] = state.take(f"{theirs.conv}.bias", shape) if given else torch.zeros(shape)
        elif norm in (InstanceNorm, BatchNorm):
            state.drop(f"{theirs.conv}.bias")  # the normalization by the image's own mean subtracts it again
        if theirs.norm is not None:
            place, shape = next(norms), (ours.out_channels,)
            state.drop(f"{theirs.norm}.num_batches_tracked")
            for part in norm(1).state_dict():
                weights[f"{place}.{part}"] = state.take(f"{theirs.norm}.{part}", shape)
            for part in ("running_mean", "running_var"):
                state.drop(f"{theirs.norm}.{part}")
    return weights


def check_filter(values: Tensor, name: str, length: int) -> None:
    """Check that a stored filter (C, 1, length, length) is the constant one.

    Raises:
        ValueError: if not.
    """
    taps = torch.tensor(FILTERS[length])
    expected = torch.outer(taps, taps)
    if values.shape[1:] != (1, length, length) or not torch.allclose(values, expected.expand_as(values), atol=1e-6):
        raise ValueError(f"{name} is another filter than {' '.join(f'{tap:g}' for tap in FILTERS[length])}")
