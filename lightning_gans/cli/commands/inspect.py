"""``lightning-gans inspect``: what a checkpoint is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lightning_gans.cli.commands.common import megabytes
from lightning_gans.core.errors import exit_on_known_errors
from lightning_gans.inference.loading import SAFETENSORS, find_checkpoint, load_exported, read_metadata
from lightning_gans.runs.checkpoint_file import read_checkpoint
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.scores import parse_complete_rows
from lightning_gans.runs.settings import flatten

Facts = dict[str, Any]

WIDTH = 14
"""Of the first column."""


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="lightning-gans inspect",
        description="Say what a checkpoint is: variant, settings, step, scores with how they were measured, versions, "
        "sizes. Nothing is built, so that it works where a class of one's own cannot be imported.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CKPT",
        help="a checkpoint, a run's folder, or an exported folder or .safetensors file",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def run(argv: list[str]) -> None:
    """Print what a checkpoint is.

    Raises:
        InputError: if it is none.
    """
    options = options_parser().parse_args(argv)
    found = facts(find_checkpoint(options.checkpoint))
    print(json.dumps(found, indent=2) if options.json else "\n".join(lines(found)))


def facts(place: Path) -> Facts:
    """What is known of a checkpoint or an exported folder, as plain data.

    Raises:
        InputError: if it is none.
    """
    if place.is_dir() or place.suffix == SAFETENSORS:
        model = load_exported(place, raw=False)
        parts = {name: part.state_dict() for name, part in model.named_children()}
        return {"file": str(place), **model.metadata, "sizes": sizes(parts), "settings": {}}
    checkpoint = read_checkpoint(place)
    parts = {}
    for key, value in checkpoint["state_dict"].items():
        head, _, rest = key.partition(".")
        name = f"average of {rest.partition('.')[0]}" if head == "ema" else head
        parts.setdefault(name, {})[key] = value
    known = read_metadata(checkpoint)
    # The run's file also has the scores of tests, and all scores of an older checkpoint.
    folder = RunFolder.containing(place)
    if folder is not None and folder.scores.is_file():
        rows = [row.as_dict() for row in folder.read_scores() if row.step == known["step"]]
        known["scores"] += [row for row in rows if row not in known["scores"]]
    settings = {key: value for key, value in checkpoint.get("hyper_parameters", {}).items() if key[0] != "_"}
    return {
        "file": str(place),
        "bytes": place.stat().st_size,
        **known,
        "train_seconds": checkpoint.get("train_seconds"),
        "sizes": sizes(parts),
        "settings": flatten(settings),
    }


def sizes(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, int]]:
    """Numbers and bytes of the tensors of each part."""
    return {
        name: {
            "numbers": sum(tensor.numel() for tensor in part.values()),
            "bytes": sum(tensor.numel() * tensor.element_size() for tensor in part.values()),
        }
        for name, part in parts.items()
    }


def lines(found: Facts) -> Iterator[str]:
    """What is known, to be read by people."""
    yield row("file", f"{found['file']}" + (f" ({megabytes(found['bytes'])})" if "bytes" in found else ""))
    for key in ("variant", "data", "weights", "step", "epoch", "seed"):
        if key in found:
            yield row(key, found[key])
    if found.get("train_seconds"):
        yield row("trained for", f"{found['train_seconds']:.0f} s, validations included")
    for name, size in found["sizes"].items():
        yield row(
            "network" if size["numbers"] else "empty",
            f"{name}, {size['numbers']:,} numbers, {megabytes(size['bytes'])}",
        )
    measured = parse_complete_rows(found.get("scores", []))
    for each in measured:
        values = ", ".join(f"{name} {value:.4g}" for name, value in each.scores.items())
        yield row("scores", f"{values} [{each.stamp}]")
    if not measured:
        yield row("scores", "none in the checkpoint, and no scores.jsonl of its run beside it")
    versions = found.get("versions")
    yield row("versions", ", ".join(f"{name} {v}" for name, v in versions.items()) if versions else "not recorded")
    for key, value in found["settings"].items():
        yield row("setting", f"{key}: {json.dumps(value)}")


def row(name: str, text: object) -> str:
    """One line."""
    return f"{name:<{WIDTH}}{text}"


def main(argv: list[str]) -> None:
    """The command line: what ends it is one line on stderr."""
    with exit_on_known_errors():
        run(argv)
