"""What the commands that use a model have in common."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from lightning_gans.core.errors import InputError
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel, load


def parser_for(command: str, description: str, device: str | None = None) -> argparse.ArgumentParser:
    """The options of every command that uses a model: which one, whose weights, where it works.

    Args:
        command: its name.
        description: what it does.
        device: where it works by default; None is a GPU if there is one.
    """
    parser = argparse.ArgumentParser(prog=f"lightning-gans {command}", description=description, allow_abbrev=False)
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CKPT",
        help="a checkpoint, a run's folder (its best checkpoint, else the last), or an exported folder or file",
    )
    parser.add_argument(
        "--raw", action="store_true", help="the weights as the optimizer left them, not their moving average"
    )
    parser.add_argument(
        "--device",
        default=device,
        help=f"where to work, such as cpu or cuda:1 (default: {device or 'a GPU if there is one'})",
    )
    return parser


def drawing_parser_for(command: str, description: str, out: str) -> argparse.ArgumentParser:
    """The options of a command that draws what a model makes from noise.

    Args:
        command: its name.
        description: what it does.
        out: what it writes.
    """
    parser = parser_for(command, description)
    parser.add_argument(
        "--truncation",
        type=float,
        metavar="BOUND",
        help="largest value in a latent vector: less variety, in some models better pictures (default: no bound)",
    )
    parser.add_argument("--scale", type=int, default=1, help="draw each pixel this many times as large")
    parser.add_argument("--out", type=Path, required=True, help=out)
    return parser


def model_of(options: argparse.Namespace) -> PretrainedModel:
    """The model that the options name.

    Raises:
        InputError: if there is none, or it cannot be built here.
    """
    # As for `fit`: a user's own network is found in the folder where the command runs.
    sys.path.append(str(Path.cwd()))
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    return load(options.checkpoint, raw=options.raw, device=device)


def sampler_of(options: argparse.Namespace) -> LatentSampler:
    """The model that the options name, which makes images from noise.

    Raises:
        InputError: if it is none or another kind.
    """
    model = model_of(options)
    if not isinstance(model, LatentSampler):
        raise InputError(f"CKPT is {options.checkpoint}, which translates images; expected a model from noise")
    return model


def translator_of(options: argparse.Namespace) -> ImageTranslator:
    """The model that the options name, which translates images.

    Raises:
        InputError: if it is none or another kind.
    """
    model = model_of(options)
    if not isinstance(model, ImageTranslator):
        raise InputError(f"CKPT is {options.checkpoint}, which makes images from noise; expected a translation")
    return model


def weights_line(model: PretrainedModel) -> str:
    """Whose weights made something, to be printed beside it."""
    return f"{model.weights_kind} weights of step {model.metadata.get('step', 'unknown')}"


def megabytes(count: int) -> str:
    """A number of bytes."""
    return f"{count / 1e6:.1f} MB"
