"""``lightning-gans export``: a trained generator as a file for other programs, or a folder for the hub."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from lightning_gans.cli.commands.common import megabytes, model_of, parser_for, weights_line
from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.core.files import atomic_file, atomic_folder, require_new_path
from lightning_gans.export import Format, ONNXFile, SafetensorsFile, TorchProgram, compare, subject_of
from lightning_gans.export.hub_folder import compare_folder, write_hub_folder
from lightning_gans.inference import PretrainedModel
from lightning_gans.inference.loading import find_checkpoint
from lightning_gans.inference.model import WEIGHTS
from lightning_gans.runs.folder import RunFolder

FILES: dict[str, type[Format]] = {"safetensors": SafetensorsFile, "onnx": ONNXFile, "torch_export": TorchProgram}
"""The words of ``--format`` that mean one file."""

FOLDER = "huggingface"
"""The one that means a folder."""

LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
"""Of the hub's words."""


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = parser_for(
        "export",
        "Write a trained generator as a file for other programs, or as a folder for the Hugging Face Hub, and compare "
        "it with the model: what differs by more than 1e-4, of values from -1 to 1, is not left.",
        device="cpu",  # files are for it, and what they are compared with is best computed there as well
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=[*FILES, FOLDER],
        help="safetensors: weights; onnx: for ONNX runtimes; torch_export: a program for torch; huggingface: a folder "
        "with config.json, weights, model card and pictures",
    )
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="file, or folder of huggingface (default: the run's name, here)"
    )
    parser.add_argument(
        "--direction", choices=["a_to_b", "b_to_a"], help="of a translation that goes both ways (default: a_to_b)"
    )
    parser.add_argument(
        "--licence",
        metavar="NAME",
        help="of huggingface, the licence of the weights in the hub's words, such as mit or cc-by-4.0 (default: the "
        "card says that none is stated)",
    )
    return parser


def run(argv: list[str]) -> None:
    """Write the file or folder, compare it, and say how far it is from the model.

    Raises:
        InputError: if something given cannot be used.
        RunEnded: if it cannot be written, or differs from the model.
    """
    options = options_parser().parse_args(argv)
    folder = options.format == FOLDER
    for key, of_folder in (("licence", True), ("direction", False)):
        if getattr(options, key) is not None and folder != of_folder:
            expected = FOLDER if of_folder else " or ".join(FILES)
            raise InputError(f"--{key} is given, but --format is {options.format}; expected {expected}")
    if options.licence is not None and not LICENCE.fullmatch(options.licence):
        raise InputError(f"--licence is {options.licence!r}; expected a word of the hub's, such as mit or cc-by-4.0")
    place = find_checkpoint(options.checkpoint)
    suffix = "" if folder else FILES[options.format].suffix
    if options.out is None:
        direction = f"-{options.direction}" if options.direction else ""
        options.out = Path(f"{name_of(place)}{direction}{suffix}")
    elif not options.out.name.endswith(suffix):  # readers go by it, load and torch's among them
        raise InputError(f"--out is {options.out}; expected a name that ends in {suffix}")
    require_new_path(options.out)
    model = model_of(options)
    if folder:
        export_folder(model, place, options.out, options.licence)
    else:
        export_file(model, options.direction, FILES[options.format](), options.out)


def export_file(model: PretrainedModel, direction: str | None, kind: Format, out: Path) -> None:
    """Write one generator.

    Raises:
        InputError: if it has no such form.
        RunEnded: if it cannot be written, or differs from the model.
    """
    subject = subject_of(model, direction)
    with atomic_file(out) as file:
        note = kind.write(subject, file)
        parity = compare(subject, kind.runner(subject, file))
    print(f"exported: {out} ({megabytes(out.stat().st_size)}, {weights_line(model)}; {note})")
    print(parity)


def export_folder(model: PretrainedModel, place: Path, out: Path, licence: str | None) -> None:
    """Write a folder for the hub.

    Raises:
        RunEnded: if it cannot be written, or differs from the model.
    """
    with atomic_folder(out) as folder:
        write_hub_folder(model, place, folder, licence)
        parity = compare_folder(model, folder)
    names = ", ".join(sorted(path.name for path in out.iterdir()))
    print(f"exported: {out} ({megabytes((out / WEIGHTS).stat().st_size)}, {weights_line(model)}; {names})")
    print(parity)


def name_of(place: Path) -> str:
    """A name for what comes from a checkpoint: that of its run and version, or its own."""
    run = RunFolder.containing(place)
    place = place.resolve()
    if run is not None and run.path != place:
        return f"{run.path.parent.name}-{run.path.name}"
    return place.name if place.is_dir() else place.stem


def main(argv: list[str]) -> None:
    """The command line: what ends it is one line on stderr."""
    with exit_on_known_errors():
        run(argv)
