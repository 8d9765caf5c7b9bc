"""Trained generators as files for other programs, each compared with the model that it came from."""

from lightning_gans.exporting.base import Format
from lightning_gans.exporting.onnx_file import ONNXFile
from lightning_gans.exporting.parity import LIMIT, Parity, compare
from lightning_gans.exporting.safetensors_file import SafetensorsFile
from lightning_gans.exporting.subject import Subject, subject_of
from lightning_gans.exporting.torch_program import TorchProgram

__all__ = [
    "LIMIT",
    "Format",
    "ONNXFile",
    "Parity",
    "SafetensorsFile",
    "Subject",
    "TorchProgram",
    "compare",
    "subject_of",
]
