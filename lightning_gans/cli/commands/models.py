"""``lightning-gans models``: list the trained models that ship with the package. Does not load torch."""

from __future__ import annotations

import argparse
from typing import Any

from lightning_gans.cli.commands.common import CommandParser, format_megabytes
from lightning_gans.core.shipped_models import model_bytes, model_names, read_description

USES = {
    "lightning-gans demo {first}": "shows it on a page in the browser",
    "lightning-gans sample {latent} --out images.png": "generates images from noise",
    "lightning-gans inspect {first}": "scores, settings, versions",
    "lightning-gans gallery": "pictures of all of them on one page",
    'lightning_gans.load("{first}")': "in Python",
}
"""What to do with them: commands, and what each does."""


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    return CommandParser("models", "List the trained models that ship with the package.")


def run(_: argparse.Namespace) -> None:
    """Print a line for each shipped model, and what to do with them."""
    names = model_names()
    if not names:
        print("No trained models ship with this version.")
        return
    configs = {name: read_description(name) for name in names}
    width = max(map(len, names))
    for name, config in configs.items():
        print(f"{name:<{width}}  {describe(config)}; {format_megabytes(model_bytes(name))}")
    latent = next((name for name, config in configs.items() if "generator" in config), names[0])
    print("\nEach name is taken wherever a run or a checkpoint is:")
    uses = {use.format(first=names[0], latent=latent): what for use, what in USES.items()}
    for use, what in uses.items():
        print(f"  {use:<{max(map(len, uses))}}  {what}")


def describe(config: dict[str, Any]) -> str:
    """What a model is, from its ``config.json``."""
    metadata = config["metadata"]
    title = f"{metadata['variant'].rpartition('.')[2]} on {metadata['data_name']}"
    directions = [direction.replace("_to_", " to ") for direction in config.get("generators", {})]
    named = metadata.get("domains", {})
    pairs = [" to ".join(named.get(side, side) for side in each.split(" to ")) for each in directions]
    classes = [f"{len(metadata['classes'])} classes"] if metadata.get("classes") else []
    return ", ".join([title, *pairs, *classes, f"trained in {metadata['shipped']['trained']}"])
