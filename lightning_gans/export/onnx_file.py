"""ONNX: runs wherever there is a runtime, without torch."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lightning_gans.core.errors import InputError, RunEnded
from lightning_gans.export.base import Format, Run
from lightning_gans.export.target import Inputs, Subject
from lightning_gans.export.torch_program import quiet, traced

if TYPE_CHECKING:
    import onnx

LARGEST = 2_000_000_000
"""Bytes that one file may have: those of protocol buffers, a little rounded down."""


class ONNXFile(Format):
    """One file for ONNX runtimes, weights included.

    What is known of the model lies in its metadata, each value as JSON.
    """

    suffix = ".onnx"

    def write(self, subject: Subject, path: Path) -> str:
        """Write the file.

        Raises:
            InputError: if the network cannot be traced or translated, or is too large for one file.
        """
        size = sum(part.numel() * part.element_size() for part in subject.network.state_dict().values())
        if size > LARGEST:
            raise InputError(
                f"--format is onnx, whose files hold at most 2 GB, but the weights have {size / 1e9:.1f} GB; expected "
                "torch_export or safetensors"
            )
        model = translated(subject)
        path.write_bytes(model.SerializeToString())
        return f"opset {opset(model)}, inputs {' and '.join(subject.names)}, output {subject.output}"

    def runner(self, subject: Subject, path: Path) -> Run:
        """The session of ONNX Runtime, on the CPU."""
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        try:
            session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # its classes have no common one
            raise RunEnded(f"ONNX Runtime does not take the exported file ({error})") from error

        def run(inputs: Inputs) -> torch.Tensor:
            given = dict(zip(subject.names, (part.numpy() for part in inputs), strict=True))
            return torch.from_numpy(session.run([subject.output], given)[0])

        return run


def translated(subject: Subject) -> onnx.ModelProto:
    """The network in ONNX's terms.

    Raises:
        InputError: if it cannot be traced, or has a step that ONNX does not know.
    """
    program = traced(subject)
    with warnings.catch_warnings(), quiet():
        # torch copies its own tree specifications in a way that it calls deprecated itself.
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning)
        try:
            exported = torch.onnx.export(
                program,
                input_names=list(subject.names),
                output_names=[subject.output],
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"the generator {type(subject.network).__name__} cannot be put into ONNX ({reason}); expected one of "
                "its operators, or --format torch_export"
            ) from error
    assert exported is not None
    model: onnx.ModelProto = exported.model_proto
    plain(model)
    for value, axes in zip(
        [*model.graph.input, *model.graph.output], [*subject.axes, subject.output_axes], strict=True
    ):
        for axis, name in axes.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    model.producer_name = "lightning-gans"
    for key, known in subject.header().items():
        model.metadata_props.add(key=key, value=json.dumps(known))
    return model


def plain(model: onnx.ModelProto) -> None:
    """Take out what torch notes of its own work: paths and lines of the machine's code, and shapes in its symbols."""
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


def opset(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a file needs."""
    return next(int(entry.version) for entry in model.opset_import if not entry.domain)
