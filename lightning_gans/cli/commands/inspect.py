"""``lightning-gans inspect``: describe a checkpoint, or an exported model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from lightning_gans.cli.commands.common import (
    CommandParser,
    errors_name_checkpoint,
    format_megabytes,
    print_skipped,
    user_path,
)
from lightning_gans.cli.start import announce_loading
from lightning_gans.core.names import list_names
from lightning_gans.runs.scores import parse_complete_rows
from lightning_gans.runs.settings import describe_start

WIDTH = 14
"""Width of the first column."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = CommandParser(
        "inspect",
        "Describe a checkpoint: variant, settings, step, scores with how they were measured, versions, sizes. "
        "Nothing that the file names is built or imported.",
    )
    parser.add_argument(
        "checkpoint",
        type=user_path,
        metavar="CKPT",
        help="a checkpoint, a run's folder, a folder of runs (the newest), an exported folder or .safetensors file, or "
        "the name of a model that `lightning-gans models` lists",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(options: argparse.Namespace) -> None:
    """Print the description.

    Raises:
        InputError: if there is no such checkpoint.
    """
    # Imported here so that parsing, --help and wrong options do not load torch.
    announce_loading()
    from lightning_gans.inference.facts import checkpoint_facts
    from lightning_gans.runs.find_checkpoint import find_checkpoint

    with errors_name_checkpoint():
        facts = checkpoint_facts(find_checkpoint(options.checkpoint), print_skipped)
    print(json.dumps(facts, indent=2) if options.json else "\n".join(format_facts(facts)))


def format_facts(facts: dict[str, Any]) -> Iterator[str]:
    """The description as lines of text."""
    yield line("file", f"{facts['file']}" + (f" ({format_megabytes(facts['bytes'])})" if "bytes" in facts else ""))
    if "imported_from" in facts:
        yield line("imported from", facts["imported_from"])
    for key in ("variant", "data", "weights", "step", "epoch", "seed"):
        if key in facts:
            yield line(key, facts[key])
    if "classes" in facts:
        yield line("classes", f"{len(facts['classes'])}: {list_names(facts['classes'])}")
    if "domains" in facts:
        yield line("domains", ", ".join(f"{domain} is {name}" for domain, name in facts["domains"].items()))
    if start := describe_start(facts.get("started_from")):
        yield line("started from", start)
    if facts.get("train_seconds"):
        images = "" if facts.get("images_seen") is None else f", {facts['images_seen']:,} images"
        yield line("trained for", f"{facts['train_seconds']:.0f} s, validations included{images}")
    for name, size in facts["sizes"].items():
        yield line(
            "network" if size["numbers"] else "empty",
            f"{name}, {size['numbers']:,} numbers, {format_megabytes(size['bytes'])}, hash {size['hash']}",
        )
    rows = parse_complete_rows(facts.get("scores", []))
    for row in rows:
        values = ", ".join(f"{name} {value:.4g}" for name, value in row.scores.items())
        yield line("scores", f"{values} [{row.stamp}]")
    if not rows:
        yield line("scores", "none in the checkpoint, and no scores.jsonl in its run's folder")
    versions = facts.get("versions")
    yield line("versions", ", ".join(f"{name} {v}" for name, v in versions.items()) if versions else "not recorded")
    for key, value in facts["settings"].items():
        yield line("setting", f"{key}: {json.dumps(value)}")


def line(name: str, text: object) -> str:
    """One line of the description; what a terminal would obey is escaped, since names come from the file."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text))
    return f"{name:<{WIDTH}}{shown}"
