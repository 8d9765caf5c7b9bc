"""Programs that run without this package, made from traced networks: those of ``torch.export``, and ONNX."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.export import Dim, ExportedProgram

from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.export.formats import Format, network_runner
from lightning_gans.export.target import ExportTarget, Inputs, Runner

if TYPE_CHECKING:
    import onnx


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


MAX_BYTES = 2_000_000_000
"""Largest size of one file in bytes: the limit of protocol buffers, rounded down."""


class ONNXFile(Format):
    """One file for ONNX runtimes, with the weights inside.

    The model's metadata is in the file's metadata properties, each value as JSON.
    """

    suffix = ".onnx"

    def write(self, target: ExportTarget, path: Path) -> str:
        """Write the file.

        Raises:
            InputError: if the network cannot be traced or converted, or is too large for one file.
        """
        size = sum(part.numel() * part.element_size() for part in target.network.state_dict().values())
        if size > MAX_BYTES:
            raise InputError(
                f"the weights have {size / 1e9:.1f} GB, but an ONNX file holds at most 2 GB; expected another format: "
                "torch_export or safetensors"
            )
        model = to_onnx(target)
        path.write_bytes(model.SerializeToString())
        return f"opset {opset_version(model)}, inputs {' and '.join(target.input_names)}, output {target.output_name}"

    def runner(self, target: ExportTarget, path: Path) -> Runner:
        """Open the file in ONNX Runtime, on the CPU."""
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        try:
            session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common base class
            raise RunEnded(f"ONNX Runtime cannot open the exported file ({error})") from error

        def run(inputs: Inputs) -> torch.Tensor:
            given = dict(zip(target.input_names, (part.numpy() for part in inputs), strict=True))
            return torch.from_numpy(session.run([target.output_name], given)[0])

        return run


def to_onnx(target: ExportTarget) -> onnx.ModelProto:
    """Convert the network to ONNX.

    Raises:
        InputError: if it cannot be traced, or has an operation that ONNX does not support.
    """
    program = trace(target)
    with warnings.catch_warnings(), silence_torch():
        # torch itself uses a function that it has deprecated.
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning)
        try:
            exported = torch.onnx.export(
                program,
                input_names=list(target.input_names),
                output_names=[target.output_name],
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"the generator {type(target.network).__name__} cannot be converted to ONNX ({reason}); expected "
                "operators that ONNX supports, or another format: torch_export"
            ) from error
    assert exported is not None
    model: onnx.ModelProto = exported.model_proto
    strip_debug_info(model)
    for value, axes in zip(
        [*model.graph.input, *model.graph.output], [*target.input_axes, target.output_axes], strict=True
    ):
        for axis, name in axes.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    model.producer_name = "lightning-gans"
    for key, known in target.header().items():
        model.metadata_props.add(key=key, value=json.dumps(known))
    return model


def strip_debug_info(model: onnx.ModelProto) -> None:
    """Remove what torch records for debugging: paths and lines of source code on this machine, and symbolic shapes."""
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    model.ClearField("metadata_props")
    for part in (
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
        *model.functions,
    ):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in model.functions:
        function.ClearField("value_info")
        for node in function.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")


def opset_version(model: onnx.ModelProto) -> int:
    """The version of ONNX's operator set that a file needs."""
    return next(int(entry.version) for entry in model.opset_import if not entry.domain)
