"""Parsing and running of commands, and options that several of them have. Imports neither torch nor Lightning."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from lightning_gans.core.arguments import is_class_path
from lightning_gans.core.errors import InputError, UntrustedClassError, exit_on_known_errors
from lightning_gans.core.files import expand_path
from lightning_gans.core.names import did_you_mean, similar_names
from lightning_gans.runs.below import newest_run_in

if TYPE_CHECKING:
    from lightning_gans.inference import PretrainedModel

    Model = TypeVar("Model", bound=PretrainedModel)

TRUNCATION = (
    "for a generator with a mapping network (StyleGAN2) psi, from -1 to 1, by which the distance of w from its mean is "
    "multiplied, such as 0.7 (Karras et al., 2019); for others the largest absolute value in a latent vector z, such "
    "as 1 (Brock et al., 2019)"
)
"""What the value of ``--truncation`` is."""

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def command_line(name: str, arguments: list[str]) -> None:
    """Run a command, and exit with one line on stderr where an error of the user's input or of the run ends it."""
    try:
        with exit_on_known_errors():
            run_command(name, arguments)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def command_module(name: str) -> ModuleType:
    """The module of a command; the name of one that is a word of Python ends in an underscore."""
    return import_module(f"lightning_gans.cli.commands.{name}{'_' if keyword.iskeyword(name) else ''}")


def run_command(name: str, arguments: list[str]) -> None:
    """Parse the arguments of a command, and run it.

    Args:
        name: name of its module in this package.
        arguments: what follows the command's name on the command line.

    Raises:
        InputError: if an argument, or a file that it names, cannot be used.
        RunEnded: if the command fails or is interrupted.
    """
    command = command_module(name)
    options = command.make_parser().parse_args(arguments)
    if "checkpoint" in options and (run := newest_run_in(options.checkpoint)) is not None:
        print(f"lightning-gans: CKPT is {options.checkpoint}, a folder of runs; the newest is {run}", file=sys.stderr)
        options.checkpoint = run.path
    command.run(options)


class CommandParser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and reports an error in one line, with the option that was meant.

    Args:
        name: the command's name.
        description: what it does.
        settings: other arguments of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, name: str, description: str, **settings: Any) -> None:
        super().__init__(prog=f"lightning-gans {name}", description=description, allow_abbrev=False, **settings)

    @property
    def arguments(self) -> list[argparse.Action]:
        """What it takes."""
        return self._actions

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        _, unknown, given = message.partition("unrecognized arguments: ")
        option = next((word for word in given.split() if word.startswith("--")), "")
        known = [name for action in self.arguments for name in action.option_strings]
        hint = did_you_mean(similar_names(option.partition("=")[0], known)) if unknown else ""
        self.exit(2, f"lightning-gans: error: {message}{hint or f'; `{self.prog} --help` shows what it takes'}\n")


def user_path(text: str) -> Path:
    """The path that an argument names; ``~`` at its start is the user's home folder.

    Raises:
        InputError: if the home folder is not known.
    """
    return expand_path(text, "the path")


def model_parser(name: str, description: str, device: str | None = None, **settings: Any) -> argparse.ArgumentParser:
    """A parser with the options of every command that uses a trained model.

    Args:
        name: the command's name.
        description: what it does.
        device: default device; None for a GPU if there is one.
        settings: other arguments of :class:`argparse.ArgumentParser`.
    """
    parser = CommandParser(name, description, **settings)
    parser.add_argument(
        "checkpoint",
        type=user_path,
        metavar="CKPT",
        help="a checkpoint, a run's folder (its best checkpoint, else the last), a folder of runs (the newest), an "
        "exported folder or file, or the name of a model that `lightning-gans models` lists",
    )
    parser.add_argument(
        "--raw", action="store_true", help="use the weights as the optimizer left them, not their moving average"
    )
    parser.add_argument(
        "--device",
        default=device,
        help=f"device to run on, such as cpu or cuda:1 (default: {device or 'a GPU if there is one'})",
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="CLASS",
        help="class of your own code that CKPT may name, such as mynet.MyGenerator; its module is imported, from the "
        "current folder too; may be repeated (default: classes of lightning-gans and of torch only)",
    )
    return parser


def sampling_parser(name: str, description: str, out: str) -> argparse.ArgumentParser:
    """A parser with the options of every command that generates images from noise.

    Args:
        name: the command's name.
        description: what it does.
        out: help text of ``--out``.
    """
    parser = model_parser(name, description)
    parser.add_argument(
        "--truncation",
        type=float,
        metavar="NUMBER",
        help=f"trades variety for quality: {TRUNCATION} (default: none)",
    )
    parser.add_argument(
        "--scale",
        type=int,
        help="draw each pixel as SCALE x SCALE pixels (default: the smallest number with which a grid or an animation "
        "is at least 512 pixels wide; 1 for files of single images)",
    )
    parser.add_argument("--out", type=user_path, required=True, help=out)
    return parser


def add_overwrite(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option ``--overwrite``.

    Args:
        parser: of a command that writes files.
        what: the files that it replaces, such as "FILE".
    """
    parser.add_argument("--overwrite", action="store_true", help=f"replace {what} if there already")


FILES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".svg", ".pdf", ".mp4", ".webm"),
    *(".zip", ".safetensors", ".onnx", ".pt", ".pt2", ".json", ".html"),
)
"""Suffixes of files, which no folder that a command writes may have: the user expects a file of that format."""


def require_folder_name(path: Path, expected: str) -> None:
    """Check that the name of an output folder is not that of a file.

    Args:
        path: value of ``--out``.
        expected: what is, for the message.

    Raises:
        InputError: if it is.
    """
    if path.suffix.lower() in FILES:
        raise InputError(f"--out is {path}; expected {expected}")


def print_skipped(sentence: str) -> None:
    """Say on stderr what a command leaves out of its output."""
    print(f"lightning-gans: warning: {sentence}; skipped", file=sys.stderr)


INTEGER_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
LONGEST_RANGE = 100_000
"""Numbers in one range; a longer one is taken for a typing error."""


def integer_list(text: str) -> list[int]:
    """Parse a list of integers and ranges, such as ``3``, ``0-9`` or ``1,4-6``.

    Raises:
        argparse.ArgumentTypeError: if ``text`` is not such a list.
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = INTEGER_RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or last - first >= LONGEST_RANGE:
            raise argparse.ArgumentTypeError(f"{text} is not a list of integers; expected one such as 3, 0-9 or 1,4-6")
        numbers += range(first, last + 1)
    return numbers


def require_at_least(options: argparse.Namespace, **bounds: float) -> None:
    """Check lower bounds of options, except those that are not given.

    Args:
        options: the parsed options.
        bounds: smallest allowed value of each option.

    Raises:
        InputError: if an option is smaller.
    """
    for key, least in bounds.items():
        if (value := getattr(options, key)) is not None and value < least:
            raise InputError(f"--{key} is {value}; expected at least {least}")


@contextmanager
def options_as_arguments(**options: str) -> Iterator[None]:
    """Context manager around a call whose arguments come from options: a ValueError names the option.

    Args:
        options: name of the option for each argument of the call.

    Raises:
        InputError: instead of a ValueError, with the options' names in place of the arguments' in its message.
    """
    try:
        yield
    except ValueError as error:
        arguments = re.compile(rf"\b({'|'.join(options)})\b")
        raise InputError(arguments.sub(lambda match: options[match[0]], str(error))) from error


@contextmanager
def errors_name_checkpoint() -> Iterator[None]:
    """Context manager around the loading of a model: errors about its ``path`` name the command's ``CKPT``.

    Raises:
        InputError: in place of an InputError that begins with "path is".
    """
    try:
        yield
    except UntrustedClassError as error:
        flags = " ".join(f"--trust {path}" for path in error.paths)
        raise InputError(error.message(f"add {flags}").replace("path is ", "CKPT is ", 1)) from error
    except InputError as error:
        if not str(error).startswith("path is "):
            raise
        raise InputError(f"CKPT{str(error).removeprefix('path')}") from error


def load_model(options: argparse.Namespace) -> PretrainedModel:
    """Load the model that the options of :func:`model_parser` name.

    Raises:
        InputError: if there is no such model, or it cannot be built here.
    """
    # Imported here for start-up time: parsing, --help and commands without a model do not load torch.
    import torch

    from lightning_gans.inference import load

    for path in options.trust:
        if not is_class_path(path):
            raise InputError(f"--trust is {path}; expected the path of a class, such as mynet.MyGenerator")
    if options.trust:
        # As in `fit`: classes of the user's own are imported from the current folder. Without the option nothing is.
        sys.path.append(str(Path.cwd()))
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    with errors_name_checkpoint():
        return load(options.checkpoint, raw=options.raw, device=device, trust=options.trust)


def load_model_of(options: argparse.Namespace, kind: type[Model]) -> Model:
    """Load a model as :func:`load_model`, and check its class.

    Raises:
        InputError: if there is no such model, it is not a ``kind``, or it cannot be built here.
    """
    model = load_model(options)
    if not isinstance(model, kind):
        raise InputError(f"CKPT is {options.checkpoint}, {model.description}; expected {kind.description}")
    return model


def describe_weights(model: PretrainedModel) -> str:
    """Which weights a model has, such as "ema weights of step 600"."""
    return f"{model.weights_kind} weights of step {model.metadata.get('step', 'unknown')}"


def format_megabytes(count: int) -> str:
    """A number of bytes in megabytes."""
    return f"{count / 1e6:.1f} MB"
