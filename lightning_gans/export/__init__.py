"""Export of trained generators for other programs, each compared with the model that it comes from."""

from lightning_gans.export.formats import (
    LIMIT,
    Format,
    Parity,
    SafetensorsFile,
    compare,
    write_file,
    write_folder,
    write_imported,
)
from lightning_gans.export.programs import ONNXFile, TorchProgram
from lightning_gans.export.target import ExportTarget, export_target

__all__ = [
    "LIMIT",
    "ExportTarget",
    "Format",
    "ONNXFile",
    "Parity",
    "SafetensorsFile",
    "TorchProgram",
    "compare",
    "export_target",
    "write_file",
    "write_folder",
    "write_imported",
]
