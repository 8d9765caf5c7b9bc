"""Where the public code of pix2pix's, CycleGAN's and CUT's authors has the layers of its generators.

The names are those of ``models/networks.py`` in junyanz/pytorch-CycleGAN-and-pix2pix and in
taesungp/contrastive-unpaired-translation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning_gans.inference.imported.state import State

BLOCK = re.compile(r"model\.(\d{1,4})\.conv_block\.")
"""Beginning of the names of a residual block."""

HALVINGS = 2
"""How often the authors' ResNet halves the sides."""

LEVELS = range(6, 10)
"""Levels of a U-Net for images of 64 to 512 pixels."""

FILTERS = {3: (0.25, 0.5, 0.25), 4: (0.25, 0.75, 0.75, 0.25)}
"""CUT's low-pass filters along one axis by their length: the one to halve the sides, and the one to double them."""

NETWORKS = "lightning_gans.networks"


@dataclass(frozen=True)
class Layer:
    """A convolution, and the normalization after it.

    Attributes:
        conv: name of the convolution.
        norm: name of the normalization; None if there is none.
        joined: whether the input is that of the layer before and the encoder's map, in that order in our network and in
            the opposite order in theirs.
    """

    conv: str
    norm: str | None = None
    joined: bool = False


@dataclass(frozen=True)
class Layout:
    """A generator of the authors' code.

    Attributes:
        name: of the network, such as "ResNet-9".
        layers: in the order of the layers of our network.
        class_path: our network.
        arguments: of our network, without its normalization.
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        side: side of the images of the training in pixels; None if the network does not depend on it.
        filters: names of constant filters, and the length of each.
        dropout: whether it has dropout; None if this cannot be seen in the names.
    """

    name: str
    layers: list[Layer]
    class_path: str
    arguments: Mapping[str, Any]
    channels_in: int
    channels_out: int
    side: int | None = None
    filters: Mapping[str, int] = field(default_factory=dict)
    dropout: bool | None = None


def recognize(state: State) -> Layout:
    """The generator that a state is one of.

    Raises:
        ValueError: if it is that of another network; the message names it if it is known.
    """
    if (other := other_network(state)) is not None:
        raise ValueError(f"it has {other}")
    if any(BLOCK.match(name) for name in state.left):
        return resnet(state)
    if state.has_part("model.model."):
        return unet(state)
    raise ValueError("it has another network")


def other_network(state: State) -> str | None:
    """The network that is no generator, or one that we do not have; None if it may be one that we have."""
    if state.has_part("mlp_0."):
        return "the MLPs on features of CUT (net_F)"
    if state.has_part("encoder.") and state.has_part("decoder."):
        return "CUT's generator with StyleGAN2's layers, which lightning-gans does not have"
    if state.has_part("model1_") or state.has_part("model1.") or state.has_part("model_downsample"):
        return "pix2pixHD's generator, which lightning-gans does not have"
    if state.has("net.0.weight"):
        return "a discriminator that judges pixels (net_D)"
    first = next((name for name in ("model.0.weight", "model.0.weight_orig") if state.has(name)), None)
    if first is not None and tuple(state.left[first].shape[2:]) == (4, 4):
        return "a discriminator that judges patches (net_D)"
    return None


def resnet(state: State) -> Layout:
    """The layers of a ``ResnetGenerator``.

    Raises:
        ValueError: if layers are where that has none.
    """
    found = sorted({int(match[1]) for name in state.left if (match := BLOCK.match(name))})
    first, blocks = found[0], len(found)
    if found != list(range(first, first + blocks)):
        raise ValueError(f"it has residual blocks at {found[:4]} and so on; expected one after the other")
    down = 4 if state.has("model.7.filt") else 3
    if first != 4 + HALVINGS * down:
        raise ValueError(f"it has a ResNet whose first block is model.{first}, and not one that halves the sides twice")
    branch = f"model.{first}.conv_block"
    if state.has_part(f"{branch}.0."):
        raise ValueError("it has a ResNet whose residual blocks pad with zeros; expected padding by reflection")
    dropout = not state.has_part(f"{branch}.5.")
    second = 6 if dropout else 5
    layers = [Layer("model.1", "model.2")]
    layers += [Layer(f"model.{at}", f"model.{at + 1}") for at in (4, 4 + down)]
    for at in found:
        block = f"model.{at}.conv_block"
        layers += [Layer(f"{block}.{place}", f"{block}.{place + 1}") for place in (1, second)]
    end = first + blocks
    filters = {f"model.{at}.filt": 3 for at in (7, 11)} if down == 4 else {}
    blurred = state.has(f"model.{end}.filt")
    for _ in range(HALVINGS):
        if blurred:
            filters[f"model.{end}.filt"] = 4
            end += 1
        layers.append(Layer(f"model.{end}", f"model.{end + 1}"))
        end += 3
    layers.append(Layer(f"model.{end + 1}"))
    width, channels_in, *_ = state.weight_shape("model.1")
    arguments = {"blocks": blocks, "width": width, "dropout": 0.5 if dropout else 0.0}
    arguments |= {"antialias_down": down == 4, "antialias_up": blurred}
    return Layout(
        name=f"{'antialiased ' if filters else ''}ResNet-{blocks}",
        layers=layers,
        class_path=f"{NETWORKS}.ResNetTranslator",
        arguments={key: value for key, value in arguments.items() if value or key == "blocks"},
        channels_in=channels_in,
        channels_out=state.weight_shape(f"model.{end + 1}")[0],
        filters=filters,
        dropout=dropout,
    )


def unet(state: State) -> Layout:
    """The layers of a ``UnetGenerator``, whose blocks are inside each other.

    Raises:
        ValueError: if it has another number of levels than ours.
    """
    outer = "model.model."
    down, up = [Layer(f"{outer}0")], [Layer(f"{outer}3", joined=True)]
    block = f"{outer}1.model."
    while state.has_part(f"{block}3.model.") and len(down) < max(LEVELS):
        down.append(Layer(f"{block}1", f"{block}2"))
        up.append(Layer(f"{block}5", f"{block}6", joined=True))
        block = f"{block}3.model."
    down.append(Layer(f"{block}1"))
    up.append(Layer(f"{block}3", f"{block}4"))
    if len(down) not in LEVELS or state.has_part(f"{block}3.model."):
        raise ValueError(
            f"it has a U-Net that halves the sides {len(down)} times; expected {min(LEVELS)} to {max(LEVELS)}"
        )
    width, channels_in, *_ = state.weight_shape(down[0].conv)
    return Layout(
        name=f"U-Net-{2 ** len(down)}",
        layers=[*down, *reversed(up)],
        class_path=f"{NETWORKS}.UNet",
        arguments={"width": width, "dropout": 0.0},
        channels_in=channels_in,
        channels_out=state.weight_shape(up[0].conv)[1],
        side=2 ** len(down),
    )
