"""``lightning-gans`` and ``python -m lightning_gans``: light commands start at once, the rest Lightning."""

from __future__ import annotations

import difflib
import importlib
import os
import sys

from lightning_gans.core.version import __version__

COMMANDS = {
    "fit": "train a model; --config NAME starts from a shipped config, every key can be set beside it",
    "validate": "score a checkpoint on the validation split",
    "test": "score a checkpoint on the test split, and leave results.json",
    "predict": "write a checkpoint's images as PNG files",
    "sample": "write pictures that a trained model makes from noise",
    "interpolate": "draw the way from one picture to another, as a grid, GIF or MP4",
    "translate": "translate pictures of any size, from files or folders",
    "inspect": "say what a checkpoint is: variant, step, scores, versions, sizes",
    "demo": "show a trained model on a page in the browser, on this machine",
    "export": "write a generator as safetensors, ONNX, torch program or Hugging Face folder",
    "configs": "list the shipped configs",
    "table": "make a table of the runs in a folder",
    "report": "write an HTML page of a run, or of several beside each other",
    "sweep": "run a W&B sweep file with no service and no login",
}
"""What stands first on the command line, and what it does."""

LIGHT = {
    "sample": "lightning_gans.cli.commands.sample",
    "interpolate": "lightning_gans.cli.commands.interpolate",
    "translate": "lightning_gans.cli.commands.translate",
    "inspect": "lightning_gans.cli.commands.inspect",
    "demo": "lightning_gans.cli.commands.demo",
    "export": "lightning_gans.cli.commands.export",
    "configs": "lightning_gans.core.shipped_configs",
    "table": "lightning_gans.cli.commands.table",
    "report": "lightning_gans.cli.commands.report",
    "sweep": "lightning_gans.cli.commands.sweep",
}
"""Modules of the commands that start without Lightning; the ``main`` of each takes the other arguments."""


def help_text() -> str:
    """What ``--help`` says; that of the commands themselves is longer, and takes seconds to put together."""
    lines = [
        "usage: lightning-gans COMMAND [options]",
        "",
        "Train and use GANs.",
        "",
        *(f"  {name:<13}{what}" for name, what in COMMANDS.items()),
        "",
        "`lightning-gans COMMAND --help` shows a command's options, `lightning-gans --version` the version.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Console entry."""
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else ""
    if command == "--version":
        print(f"lightning-gans {__version__}")
    elif command in ("-h", "--help"):
        print(help_text())
    elif not command:
        print(help_text(), file=sys.stderr)
        sys.exit(2)
    elif not command.startswith("-") and command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(COMMANDS)}"
        print(f"lightning-gans: error: {command} is no command; {hint}", file=sys.stderr)
        sys.exit(2)
    elif command in LIGHT:
        try:
            importlib.import_module(LIGHT[command]).main(arguments[1:])
            sys.stdout.flush()
        except BrokenPipeError:  # as of `| head`; what Python would flush at its end goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        from lightning_gans.cli.train import run

        run()


if __name__ == "__main__":
    main()
