"""A program of ``torch.export``: runs in torch without this package's classes."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from lightning_gans.core.errors import InputError
from lightning_gans.export.base import Format, Run
from lightning_gans.export.target import Inputs, Subject


def traced(subject: Subject) -> ExportedProgram:
    """The network as a graph, whose batch, and where it may also height and width, are open.

    Raises:
        InputError: if the network cannot be traced.
    """
    # Two inputs of one batch have one axis; where a side may have any length, torch works out what divides it.
    batch = Dim("batch")
    dims = tuple(
        {axis: batch if name == "batch" else Dim.DYNAMIC for axis, name in open_.items()} for open_ in subject.axes
    )
    try:
        with quiet():
            return torch.export.export(subject.network, subject.example(), dynamic_shapes=dims, strict=False)
    except Exception as error:  # what torch raises depends on what the network does
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"the generator {type(subject.network).__name__} cannot be traced ({type(error).__name__}: {reason}); "
            "expected one whose steps do not depend on its input's values, or --format safetensors"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """While torch traces a network: of one that it cannot trace, it prints the graph and logs lines of its own code."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


class TorchProgram(Format):
    """A program that ``torch.export.load`` reads, for the CPU."""

    suffix = ".pt2"

    def write(self, subject: Subject, path: Path) -> str:
        """Write the file.

        Raises:
            InputError: if the network cannot be traced.
        """
        # Written at once from memory, so that a full disk is an error of the system's and not of torch's.
        contents = io.BytesIO()
        torch.export.save(traced(subject), contents)
        path.write_bytes(contents.getvalue())
        return f"torch.export, torch {torch.__version__}"

    def runner(self, subject: Subject, path: Path) -> Run:
        """The program, read back."""
        with warnings.catch_warnings():
            # torch 2.11 maps the archive's bytes, which it then only reads.
            warnings.filterwarnings("ignore", message="The given buffer is not writable", category=UserWarning)
            module = torch.export.load(path).module()

        @torch.inference_mode()
        def run(inputs: Inputs) -> torch.Tensor:
            images: torch.Tensor = module(*inputs)
            return images

        return run
