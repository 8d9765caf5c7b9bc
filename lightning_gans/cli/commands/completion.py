"""``lightning-gans completion``: print a script with which a shell completes the command line. Does not load torch."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning_gans.__main__ import COMMANDS, TRAINING
from lightning_gans.cli.commands.common import CommandParser, command_module
from lightning_gans.cli.known_names import CLASSES, class_names, known_keys
from lightning_gans.core.shipped_configs import config_names, find_config, study_names, sweep_names

DESCRIPTION = """Print a script with which bash or zsh completes commands, configs, options, keys and classes at TAB:

  lightning-gans completion bash >> ~/.bashrc
  lightning-gans completion zsh >> ~/.zshrc

It is read by new shells. Configs and keys are those of this version."""

ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
"""What zsh needs in front of a script for bash."""

SCRIPT = """# Completion of lightning-gans; written by `lightning-gans completion {shell}`.
_lightning_gans() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="${{COMP_WORDS[1]}}" words=""
  # bash takes --key=value for three words.
  if [ "$word" = "=" ]; then word=""; elif [ "$before" = "=" ]; then before="${{COMP_WORDS[COMP_CWORD-2]}}"; fi
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$word"))
    return
  fi
  case "$command $before" in
{values}
  esac
  if [ -z "$words" ]; then
    case "$command $word" in
{options}
{operands}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _lightning_gans lightning-gans
"""
"""A script for bash. Where it offers nothing, the shell completes names of files."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser("completion", DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shell", choices=["bash", "zsh"], help="the shell")
    return parser


def run(options: argparse.Namespace) -> None:
    """Print the script."""
    print(script(options.shell), end="")


def script(shell: str) -> str:
    """The script for a shell, "bash" or "zsh"."""
    values: dict[str, list[str]] = {}  # what may follow an option
    options: dict[str, list[str]] = {}
    operands: dict[str, list[str]] = {
        "help": [*TRAINING, *COMMANDS],
        "study": [Path(name).name for name in study_names()],
        "sweep": [Path(name).name for name in sweep_names()],
    }
    paths = [find_config(name) for name in config_names()]
    for command in TRAINING:
        options[command] = [f"--{key}" for key in known_keys(command, paths)]
        operands[command] = config_names()
        values |= {f"{command} --{key}": class_names(key) for key in CLASSES}
        values |= {f"{command} {option}": config_names() for option in ("--config", "-c")}
        values[f"{command} --help"] = ["all"]
    for command in COMMANDS:
        actions = command_module(command).make_parser().arguments
        options[command] = [name for action in actions for name in action.option_strings if name != "-h"]
        for action in actions:
            choices = [str(choice) for choice in action.choices or ()]
            if not action.option_strings:
                operands.setdefault(command, choices)
            elif action.nargs != 0:
                values |= dict.fromkeys((f"{command} {name}" for name in action.option_strings), choices)
    # Options of training commands have a value, and so have those above; without known values, it may be a file.
    free = [f'"{place}"' for place, words in values.items() if not words]
    free += [f'"{command} --"[!p]*' for command in TRAINING]
    text = SCRIPT.format(
        shell=shell,
        commands=" ".join([*TRAINING, *COMMANDS, "help", "--help", "--version"]),
        values=cases({f'"{place}"': words for place, words in values.items() if words})
        + f"\n    {'|'.join(free)}) return ;;",
        options=cases({f'"{command} -"*': words for command, words in options.items()}),
        operands=cases({f'"{command} "*': words for command, words in operands.items() if words}),
    )
    return ZSH + text if shell == "zsh" else text


def cases(words: Mapping[str, Sequence[str]]) -> str:
    """Lines of a ``case`` that set the words to choose from."""
    return "\n".join(f'    {pattern}) words="{" ".join(each)}" ;;' for pattern, each in words.items())
