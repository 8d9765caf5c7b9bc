"""Programs of ``torch.export``, which run in torch without this package."""

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
from lightning_gans.export.formats import Format, network_runner
from lightning_gans.export.target import ExportTarget, Runner


def trace(target: ExportTarget) -> ExportedProgram:
    """Trace the network; batch size and, if the network allows, height and width stay variable.

    Raises:
        InputError: if the network cannot be traced.
    """
    # All inputs share the batch axis; for height and width, torch finds the constraints itself.
    batch = Dim("batch")
    dims = tuple(
        {axis: batch if name == "batch" else Dim.DYNAMIC for axis, name in axes.items()} for axes in target.input_axes
    )
    try:
        with silence_torch():
            return torch.export.export(target.network, target.example_inputs(), dynamic_shapes=dims, strict=False)
    except Exception as error:  # torch raises exceptions of many types
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"the generator {type(target.network).__name__} cannot be traced ({type(error).__name__}: {reason}); "
            "expected one whose operations do not depend on the values of its input, or another format: safetensors"
        ) from error


@contextmanager
def silence_torch() -> Iterator[None]:
    """Context manager that discards stderr and log messages; torch prints the graph of networks it cannot trace."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


class TorchProgram(Format):
    """A program for ``torch.export.load``, on the CPU."""

    suffix = ".pt2"

    def write(self, target: ExportTarget, path: Path) -> str:
        """Write the file.

        Raises:
            InputError: if the network cannot be traced.
        """
        # Written from memory in one call, so that a full disk raises OSError and no error of torch's.
        contents = io.BytesIO()
        torch.export.save(trace(target), contents)
        path.write_bytes(contents.getvalue())
        return f"torch.export, torch {torch.__version__}"

    def runner(self, target: ExportTarget, path: Path) -> Runner:
        """Read the program back."""
        with warnings.catch_warnings():
            # torch 2.11 maps the archive's bytes without write access, and warns of it.
            warnings.filterwarnings("ignore", message="The given buffer is not writable", category=UserWarning)
            return network_runner(torch.export.load(path).module())
