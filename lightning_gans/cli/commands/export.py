"""``lightning-gans export``: export a trained generator for other programs, or for the Hugging Face Hub."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from lightning_gans.cli.commands.common import (
    add_overwrite,
    describe_weights,
    errors_name_checkpoint,
    format_megabytes,
    load_model,
    model_parser,
    options_as_arguments,
    require_folder_name,
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.errors import InputError
from lightning_gans.core.extras import require_extra
from lightning_gans.core.files import require_new_path
from lightning_gans.runs.folder import RunFolder

FILE_FORMATS = ("safetensors", "onnx", "torch_export")
"""Values of ``--format`` that write a file."""

PROGRAMS = ("onnx", "torch_export")
"""Those that write a program, which does more than the network alone."""

FOLDER = "huggingface"
"""The value of ``--format`` that writes a folder."""

FOLDER_FILES = ("config.json", "model.safetensors", "readme.md", "samples.png", "epoch-*.png", "test-epoch-*.png")
"""Patterns of the names, in small letters, of the files of that folder."""

LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
"""Form of the hub's names of licenses."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = model_parser(
        "export",
        "Export a trained generator as a file for other programs, or as a folder for the Hugging Face Hub. The result "
        "is compared with the model; if values in [-1, 1] differ by more than 1e-4, nothing is written. With --half "
        "they may differ by two of 255 levels of gray.",
        device="cpu",  # exported files run on the CPU, so the model's outputs are best computed there as well
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=[*FILE_FORMATS, FOLDER],
        help="safetensors: weights; onnx: for ONNX runtimes; torch_export: a program for torch; huggingface: a folder "
        "with config.json, weights, model card and pictures",
    )
    parser.add_argument(
        "--out",
        type=user_path,
        metavar="PATH",
        help="file, or folder for huggingface (default: named after the run, in the current folder)",
    )
    add_overwrite(parser, "the file, or the folder of an earlier export,")
    parser.add_argument(
        "--direction",
        choices=["a_to_b", "b_to_a"],
        help="which generator of a model with two directions (default: a_to_b)",
    )
    parser.add_argument(
        "--truncation",
        type=float,
        metavar="PSI",
        help="for onnx and torch_export of a generator with a mapping network (StyleGAN2), the factor from -1 to 1 of "
        "the distance of w from its mean, which becomes part of the program (default: none)",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="for safetensors and huggingface, round the weights to float16: half the size; they are read as float32",
    )
    parser.add_argument(
        "--license",
        metavar="NAME",
        help="for huggingface, the license of the weights by the hub's name for it, such as mit or cc-by-4.0 "
        "(default: the model card states that none is given)",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the file or folder, and print its difference from the model.

    Raises:
        InputError: if an option cannot be used, or a package is missing.
        RunEnded: if the result cannot be written, or differs from the model.
    """
    folder = options.format == FOLDER
    for key, formats in (("license", (FOLDER,)), ("direction", FILE_FORMATS), ("truncation", PROGRAMS)):
        if getattr(options, key) is not None and options.format not in formats:
            raise InputError(f"--{key} is given, but --format is {options.format}; expected {' or '.join(formats)}")
    if options.half and options.format in PROGRAMS:
        raise InputError(f"--half is given, but --format is {options.format}; expected safetensors or {FOLDER}")
    if folder and options.out is not None:
        require_folder_name(options.out, f"a folder for --format {FOLDER}")
    if options.license is not None and not LICENSE.fullmatch(options.license):
        raise InputError(f"--license is {options.license!r}; expected one of the hub's names, such as mit or cc-by-4.0")

    if options.format == "onnx":
        require_extra("export", "--format onnx")

    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    from lightning_gans.export import (
        Format,
        ONNXFile,
        SafetensorsFile,
        TorchProgram,
        export_target,
        write_file,
        write_folder,
    )
    from lightning_gans.runs.find_checkpoint import find_checkpoint
    from lightning_gans.runs.weights_file import WEIGHTS

    kinds: tuple[type[Format], ...] = (SafetensorsFile, ONNXFile, TorchProgram)
    writers = dict(zip(FILE_FORMATS, kinds, strict=True))
    with errors_name_checkpoint():
        checkpoint = find_checkpoint(options.checkpoint)
    suffix = "" if folder else writers[options.format].suffix
    direction = f"-{options.direction}" if options.direction else ""
    out = options.out or Path(f"{default_name(checkpoint)}{direction}{suffix}")
    if not out.name.endswith(suffix):  # `load` and torch recognize the format by the suffix
        raise InputError(f"--out is {out}; expected a name that ends in {suffix}")
    require_new_path(out, overwrite=options.overwrite, replaced=FOLDER_FILES if folder else (f"*{suffix}",))
    model = load_model(options)
    half = model.to_half() if options.half else None
    if folder:
        parity = write_folder(model, checkpoint, out, options.license, half)
        size = (out / WEIGHTS).stat().st_size
        contents = ", ".join(sorted(path.name for path in out.iterdir()))
    else:
        with options_as_arguments(direction="--direction", truncation="--truncation"):
            target = export_target(model, options.direction, options.truncation)
            target_half = None if half is None else export_target(half, options.direction)
        contents, parity = write_file(target, writers[options.format](), out, target_half)
        size = out.stat().st_size
    print(f"exported: {out} ({format_megabytes(size)}, {describe_weights(model)}; {contents})")
    print(parity)


def default_name(checkpoint: Path) -> str:
    """A name for what is exported: the run's name and version, else the name of the checkpoint."""
    run = RunFolder.containing(checkpoint)
    checkpoint = checkpoint.resolve()
    if run is not None and run.path != checkpoint:
        return f"{run.path.parent.name}-{run.path.name}"
    return checkpoint.name if checkpoint.is_dir() else checkpoint.stem
