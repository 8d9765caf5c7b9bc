"""Trained generators as files for other programs, each compared with the model that it came from."""

from lightning_gans.export.base import Format
from lightning_gans.export.onnx_file import ONNXFile
from lightning_gans.export.parity import LIMIT, Parity, compare
from lightning_gans.export.safetensors_file import SafetensorsFile
from lightning_gans.export.target import Subject, subject_of
from lightning_gans.export.torch_program import TorchProgram

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
