"""``lightning-gans`` and ``python -m lightning_gans``: choose the command, and import nothing else."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from lightning_gans.core import __version__

TRAINING = {
    "fit": "train: `fit dcgan/digits`, or `fit photos --data.root MY_PHOTOS`",
    "validate": "score a checkpoint on the validation split",
    "test": "score a checkpoint on the test split, and write results.json",
    "predict": "write a checkpoint's images as PNG files",
}
"""Commands of Lightning's command line, :mod:`lightning_gans.cli.train`, and what they do."""

COMMANDS = {
    "sample": "generate images from noise",
    "interpolate": "interpolate between generated images, as a grid, GIF or MP4",
    "mix": "mix the styles of generated images in a grid",
    "project": "find the latent vector whose image is nearest to a picture",
    "translate": "translate images of any size, from files or folders",
    "inspect": "describe a checkpoint: variant, step, scores, versions, sizes",
    "demo": "show a trained model on a page in the browser, on this machine",
    "export": "export a generator: safetensors, ONNX, torch_export, huggingface",
    "prepare": "decode images once into a cache, and say what is in a set",
    "import": "make a model of a generator file of pix2pix, CycleGAN or CUT",
    "configs": "list the shipped configs",
    "models": "list the trained models that ship with the package",
    "table": "print a table of results of the runs in a folder",
    "report": "write an HTML page of one run, or of several side by side",
    "gallery": "write an HTML page with pictures of trained models",
    "study": "compare methods at an equal budget, as a study file says",
    "sweep": "run a W&B sweep file without a service or a login",
    "doctor": "print versions, devices, caches, and what is missing for what",
    "completion": "print a script for completion at TAB in bash or zsh",
}
"""Other commands, and what they do: modules of :mod:`lightning_gans.cli.commands`, which start without Lightning."""


OTHER_NAMES = {
    **dict.fromkeys(("train", "run", "resume", "continue"), "fit"),
    **dict.fromkeys(("eval", "evaluate", "score"), "test"),
    **dict.fromkeys(("generate", "gen"), "sample"),
    **dict.fromkeys(("convert", "save"), "export"),
    **dict.fromkeys(("list", "ls", "config"), "configs"),
    **dict.fromkeys(("info", "describe", "show"), "inspect"),
    **dict.fromkeys(("serve", "gui", "app"), "demo"),
    **dict.fromkeys(("results", "compare", "leaderboard"), "table"),
    **dict.fromkeys(("env", "collect-env", "check", "diagnose"), "doctor"),
    "version": "--version",
}
"""Commands of other programs, and ours for the same."""


def help_text() -> str:
    """The output of ``--help``."""
    lines = [
        "usage: lightning-gans COMMAND [options]",
        "",
        "Train and use GANs.",
        "",
        *(f"  {name:<13}{what}" for name, what in {**TRAINING, **COMMANDS}.items()),
        "",
        "`lightning-gans COMMAND --help` shows a command's options,",
        "`lightning-gans --version` the version.",
    ]
    return "\n".join(lines)


def refuse_command(command: str) -> NoReturn:
    """Say that there is no such command, and what was probably meant; exit status 2."""
    from lightning_gans.core.names import did_you_mean, similar_names

    names = [*TRAINING, *COMMANDS, "help"]
    close = [OTHER_NAMES[command]] if command in OTHER_NAMES else similar_names(command, names, limit=1)
    hint = did_you_mean(close) or f"; expected one of {', '.join(names)}"
    print(f"lightning-gans: error: unknown command {command}{hint}", file=sys.stderr)
    sys.exit(2)


def train(arguments: list[str]) -> None:
    """Run a training command, or print its short help."""
    from lightning_gans.cli import training_help

    if training_help.asks_for_help(arguments):
        print(training_help.help_text(arguments[0]))
        return
    from lightning_gans.cli.start import announce_loading, check_arguments
    from lightning_gans.core.errors import exit_on_known_errors

    if training_help.asks_for_all(arguments):
        arguments = [arguments[0], "--help"]
    with exit_on_known_errors():
        check_arguments(arguments)
    announce_loading("torch and Lightning")
    from lightning_gans.cli.train import run

    run(arguments)


def has_current_folder() -> bool:
    """Whether the folder exists in which the command was started."""
    try:
        return bool(os.getcwd())  # noqa: PTH109 (pathlib is not loaded yet)
    except OSError:
        return False


def main() -> None:
    """Run the command that ``sys.argv`` names."""
    # PyTorch then asks Linux for huge pages, with which steps on the CPU of a virtual machine take less time:
    # benchmarks/huge_pages.py.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"]:  # `help fit` is `fit --help`
        arguments = [*arguments[1:2], "--help"]
    command = arguments[0] if arguments else ""
    if command == "--version":
        print(f"lightning-gans {__version__}")
    elif command in ("-h", "--help"):
        print(help_text())
    elif not command:
        print(help_text(), file=sys.stderr)
        sys.exit(2)
    elif not command.startswith("-") and command not in (*TRAINING, *COMMANDS):
        refuse_command(command)
    elif not has_current_folder():
        print("lightning-gans: error: the current folder no longer exists; change to another one", file=sys.stderr)
        sys.exit(2)
    elif command in COMMANDS:
        # Imported here for start-up time, as below.
        from lightning_gans.cli.commands.common import command_line

        try:
            command_line(command, arguments[1:])
            sys.stdout.flush()
        except BrokenPipeError:  # as with `| head`; Python's own flush at exit must not fail
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        train(arguments)


if __name__ == "__main__":
    main()
