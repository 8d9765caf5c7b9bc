"""The weights alone, as safetensors."""

from __future__ import annotations

from pathlib import Path

import torch

from lightning_gans.export.base import Format, Run
from lightning_gans.export.target import FromImages, Inputs, Subject
from lightning_gans.inference.loading import load_generator_file, select_network
from lightning_gans.inference.weights_file import to_safetensors


class SafetensorsFile(Format):
    """A generator's weights under their own names, and a header that :func:`lightning_gans.load` builds it from."""

    suffix = ".safetensors"

    def write(self, subject: Subject, path: Path) -> str:
        """Write the file."""
        config = subject.model.config
        if isinstance(subject, FromImages):
            config["generators"] = {subject.way: config["generators"][subject.way]}
        path.write_bytes(to_safetensors(subject.network.state_dict(), config))
        return "weights, and how the network is built"

    def runner(self, subject: Subject, path: Path) -> Run:
        """A network that is built from the file's header and filled from it."""
        network = select_network(load_generator_file(path))

        @torch.inference_mode()
        def run(inputs: Inputs) -> torch.Tensor:
            images: torch.Tensor = network(*inputs)
            return images

        return run
