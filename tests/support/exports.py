"""Exported generators as their users run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import Tensor

from lightning_gans.core.images import to_uint8
from lightning_gans.networks import DCGANGenerator
from tests.support import checkpoint_files

FORMATS = {"safetensors": ".safetensors", "onnx": ".onnx", "torch_export": ".pt2", "huggingface": ""}
"""The suffix of each format."""


def dcgan(path: Path) -> Path:
    """A checkpoint of a DCGAN with statistics of batch normalization."""
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"channels": 1, "size": 28, "latent_dim": 3, "width": 2}
    network_config = {"class_path": "lightning_gans.networks.DCGANGenerator", "init_args": arguments}
    noise = {"class_path": "lightning_gans.components.noise.UniformNoise"}
    settings = {"_class_path": "lightning_gans.variants.DCGAN", "generator": network_config, "noise": noise}
    network = DCGANGenerator(**arguments)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)  # fresh weights make images of one gray
    network(torch.randn(8, 3))  # so that batch norm has statistics to go by
    return checkpoint_files.write(path, settings, {"generator": network})


def session(path: Path) -> onnxruntime.InferenceSession:
    """A session of ONNX Runtime on the CPU."""
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def onnx_images(path: Path, **inputs: Tensor) -> Tensor:
    """The images that an ONNX file makes of its inputs."""
    return torch.from_numpy(session(path).run(None, {name: value.numpy() for name, value in inputs.items()})[0])


def assert_to_one_level(ours: Tensor, theirs: Tensor) -> None:
    """Both batches are equal to one of 256 levels, and show something."""
    assert ours.shape == theirs.shape
    assert int((to_uint8(ours).int() - to_uint8(theirs).int()).abs().max()) <= 1
    assert to_uint8(ours).float().std() > 2  # there is something to see


def difference_of(printed: str) -> float:
    """The largest difference that the command prints."""
    return float(printed.rpartition("largest difference: ")[2].split()[0])
