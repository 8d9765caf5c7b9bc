"""Checkpoint files as runs of the command line leave them, of tiny networks with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightning_gans.networks import (
    BigGANGenerator,
    LatentUNet,
    MLPGenerator,
    ResNetTranslator,
    StyleGAN2Generator,
    UNet,
)
from tests.support.stamps import stamp_dict

NETWORKS = "lightning_gans.networks"
SMALL: dict[str, Any] = {"channels": 1, "size": 28, "latent_dim": 3, "widths": [8], "init_bound": 0.5}
CONDITIONAL: dict[str, Any] = {**SMALL, "num_classes": 10, "conditional": True, "widths": [16, 8], "label_width": 8}
BATCH_NORM = {"class_path": "lightning_gans.networks.layers.BatchNorm"}

STAMP = stamp_dict(extractor="digits", real=10, fake=10, split="val")


def write(path: Path, settings: dict[str, Any], networks: Mapping[str, nn.Module], **more: Any) -> Path:
    """A checkpoint with these networks, whose names may begin with ``averages.``."""
    state = {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}
    score = {"step": 7, "epoch": 2, "scores": {"val/fid": 3.5}, "stamp": STAMP}
    contents = {
        "state_dict": state,
        "global_step": 7,
        "epoch": 1,
        "loops": {},
        "run_seed": 5,
        "hyper_parameters": settings,
        "callbacks": {"Evaluation": {"last": [score]}},
        "data": "lightning_gans.datamodules.DigitsDataModule",
        "versions": {"torch": "2.11"},
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(contents, path)
    return path


def latent(path: Path, conditional: bool = False, noise: str = "NormalNoise") -> Path:
    """A generator from noise and its average, which differ."""
    torch.manual_seed(0)
    arguments = CONDITIONAL if conditional else SMALL
    settings = {
        "_class_path": f"lightning_gans.variants.{'CGAN' if conditional else 'GAN'}",
        "generator": {"class_path": f"{NETWORKS}.MLPGenerator", "init_args": arguments},
        "noise": {"class_path": f"lightning_gans.components.noise.{noise}"},
        "n_critic": 1,
    }
    networks = {"generator": MLPGenerator(**arguments), "ema.generator": MLPGenerator(**arguments)}
    return write(path, settings, networks)


PARTS: dict[str, Any] = {
    **{"channels": 3, "size": [16, 24], "latent_dim": 5, "width": 2, "embedding_dim": 4, "attention": 8},
    **{"num_classes": 2, "conditional": True},
}


def parts(path: Path) -> Path:
    """A conditional BigGAN for images of 16 x 24, with statistics of batch normalization and attention at work."""
    torch.manual_seed(0)
    network = BigGANGenerator(**PARTS)
    nn.init.ones_(network.get_parameter("blocks.0.attention.gain"))
    network(torch.randn(8, 5), torch.arange(8) % 2)
    settings = {
        "_class_path": "lightning_gans.variants.SNGAN",
        "generator": {"class_path": f"{NETWORKS}.BigGANGenerator", "init_args": PARTS},
        "noise": {"class_path": "lightning_gans.components.noise.NormalNoise"},
    }
    return write(path, settings, {"generator": network})


STYLES: dict[str, Any] = {
    **{"channels": 3, "size": [16, 24], "latent_dim": 3, "style_dim": 4, "mapping_layers": 2, "width": 2},
    **{"num_classes": 2, "conditional": True},
}


def styles(path: Path) -> Path:
    """A conditional StyleGAN2 for images of 16 x 24, without an average, whose mean style and noise are not 0."""
    torch.manual_seed(0)
    network = StyleGAN2Generator(**STYLES)
    for name, parameter in network.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.constant_(parameter, 0.2)
    torch.nn.init.normal_(network.style_mean)
    settings = {
        "_class_path": "lightning_gans.variants.StyleGAN2",
        "generator": {"class_path": f"{NETWORKS}.StyleGAN2Generator", "init_args": STYLES},
        "noise": {"class_path": "lightning_gans.components.noise.NormalNoise"},
    }
    return write(path, settings, {"generator": network})


def one_way(path: Path, b_to_a: bool = False) -> Path:
    """A U-Net from one channel to three, without an average."""
    torch.manual_seed(0)
    settings = {
        "_class_path": "lightning_gans.variants.Pix2Pix",
        "generator": {"class_path": f"{NETWORKS}.UNet", "init_args": {"width": 2, "norm": BATCH_NORM}},
        "direction": "b_to_a" if b_to_a else "a_to_b",
        "channels_a": 3 if b_to_a else 1,
        "channels_b": 1 if b_to_a else 3,
        "size": 64,
    }
    return write(path, settings, {"generator": UNet(1, 3, 64, width=2)})


def many_answers(path: Path) -> Path:
    """A U-Net with latent codes of three numbers from one channel to three, without an average."""
    torch.manual_seed(0)
    network = LatentUNet(1, 3, 64, latent_dim=3, width=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    settings = {
        "_class_path": "lightning_gans.variants.BicycleGAN",
        "generator": {"class_path": f"{NETWORKS}.LatentUNet", "init_args": {"latent_dim": 3, "width": 2}},
        "direction": "a_to_b",
        "channels_a": 1,
        "channels_b": 3,
        "size": 64,
    }
    return write(path, settings, {"generator": network})


def both_ways(path: Path, **more: Any) -> Path:
    """Two residual networks, from one channel to three and back."""
    torch.manual_seed(0)
    settings = {
        "_class_path": "lightning_gans.variants.CycleGAN",
        "generator": {"class_path": f"{NETWORKS}.ResNetTranslator", "init_args": {"width": 2, "blocks": 1}},
        "channels_a": 1,
        "channels_b": 3,
        "size": 32,
    }
    networks = {
        "a_to_b": ResNetTranslator(1, 3, 32, blocks=1, width=2),
        "b_to_a": ResNetTranslator(3, 1, 32, blocks=1, width=2),
    }
    return write(path, settings, networks, **more)
