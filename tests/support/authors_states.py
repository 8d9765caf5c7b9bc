"""What the authors' code of pix2pix, CycleGAN and CUT saves, without that code: the names and shapes of its layers."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from tests.support.closed_form import numbers

HALVE, DOUBLE = [0.25, 0.5, 0.25], [0.25, 0.75, 0.75, 0.25]


def saved(tmp_path: Path, state: dict[str, Tensor], legacy: bool = False) -> Path:
    path = tmp_path / "latest_net_G.pth"
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return path


def low_pass(taps: list[float], channels: int) -> Tensor:
    return torch.outer(torch.tensor(taps), torch.tensor(taps)).repeat(channels, 1, 1, 1)


def resnet_state(
    norm: str = "batch", dropout: bool = False, width: int = 2, blurred: bool = False, channels_out: int = 1
) -> dict[str, Tensor]:
    """A state of ResnetGenerator with one block, as the names in the authors' code."""
    state: dict[str, Tensor] = {}

    def conv(name: str, *shape: int, normed: bool = True, channels: int = 0) -> None:
        state[f"{name}.weight"] = numbers(shape, len(state)).float()
        channels = channels or shape[0]
        if not normed or norm == "instance":
            state[f"{name}.bias"] = numbers([channels], len(state)).float()
        if normed and norm == "batch":
            layer, _, place = name.rpartition(".")
            after = f"{layer}.{int(place) + 1}"
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"{after}.{part}"] = 1 + numbers([channels], len(state)).float() / 2

    step = 4 if blurred else 3
    conv("model.1", width, 3, 7, 7)
    conv("model.4", 2 * width, width, 3, 3)
    conv(f"model.{4 + step}", 4 * width, 2 * width, 3, 3)
    block = 4 + 2 * step
    conv(f"model.{block}.conv_block.1", 4 * width, 4 * width, 3, 3)
    conv(f"model.{block}.conv_block.{6 if dropout else 5}", 4 * width, 4 * width, 3, 3)
    at = block + 1
    for after in (2 * width, width):
        if blurred:
            state[f"model.{at}.filt"] = low_pass(DOUBLE, 2 * after)
            at += 1
            conv(f"model.{at}", after, 2 * after, 3, 3)
        else:
            conv(f"model.{at}", 2 * after, after, 3, 3, channels=after)
        at += 3
    if blurred:
        state |= {"model.7.filt": low_pass(HALVE, 2 * width), "model.11.filt": low_pass(HALVE, 4 * width)}
    conv(f"model.{at + 1}", channels_out, width, 7, 7, normed=False)
    return state
