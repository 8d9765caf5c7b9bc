"""``fit --resume RUN``, replaced by the run's config and checkpoint. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightning_gans.core.errors import InputError
from lightning_gans.core.files import expand_home
from lightning_gans.runs.below import newest_run_in
from lightning_gans.runs.folder import CHECKPOINTS, RunFolder

RESUME = "--resume"


def expand_resume(arguments: Sequence[str]) -> list[str]:
    """Replace ``--resume RUN`` by the run's newest config, before all others, and its checkpoint.

    Args:
        arguments: those of the command line, without the program's name.

    Raises:
        InputError: if the command is not ``fit``, or there is no such run.
    """
    found = [index for index, argument in enumerate(arguments) if argument.partition("=")[0] == RESUME]
    if not found:
        return list(arguments)
    command, index = arguments[0], found[0]
    _, inline, given = arguments[index].partition("=")
    rest = [*arguments[1:index], *arguments[index + (1 if inline else 2) :]]
    if not inline:
        given = next(iter(arguments[index + 1 : index + 2]), "")
    if not given or given.startswith("--"):
        raise InputError(f"{RESUME} has no value; expected a run's folder, such as runs/dcgan-mnist/version_0")
    if command != "fit":
        raise InputError(f"{RESUME} continues a training; {command} takes a run by --ckpt_path {given}")
    if len(found) > 1 or any(argument.partition("=")[0] == "--ckpt_path" for argument in rest):
        raise InputError(f"{RESUME} is {given}, but another checkpoint is given too; expected one of them")
    folder = resumable_run(given)
    configs = [str(folder.config)]
    while rest and not rest[0].startswith("-"):
        configs.append(rest.pop(0))
    return [command, *(part for config in configs for part in ("--config", config)), "--ckpt_path", given, *rest]


def resumable_run(given: str) -> RunFolder:
    """The run of ``--resume``, whose value is its folder or a checkpoint in it.

    Raises:
        InputError: if there is none.
    """
    path = Path(expand_home(given, RESUME))
    if path.is_dir():
        folder = RunFolder(path.parent if path.resolve().name == CHECKPOINTS else path)
    else:
        folder = RunFolder(path.parent.parent)
    if folder.configs() and path.exists():
        return folder
    if not path.exists():
        raise InputError(f"{RESUME} is {given}, which does not exist; expected a run's folder or a checkpoint in it")
    if path.is_file():
        raise InputError(
            f"{RESUME} is {given}, which is in no run's folder with a config; give the config: "
            f"fit --config CONFIG --ckpt_path {given}"
        )
    newest = newest_run_in(path)
    hint = "" if newest is None else f", such as {newest}"
    raise InputError(f"{RESUME} is {given}, which is no run's folder; expected one with config.yaml{hint}")
