"""``lightning-gans configs``: list the shipped configs."""

from __future__ import annotations

import argparse

from lightning_gans.cli.commands.common import CommandParser
from lightning_gans.core.shipped_configs import config_names, config_title, study_names, sweep_names


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    return CommandParser("configs", "List the shipped configs.")


def run(_: argparse.Namespace) -> None:
    """Print a line for each shipped config, then one for each shipped study and sweep."""
    names, studies, sweeps = config_names(), study_names(), sweep_names()
    width = max(map(len, names + studies + sweeps))
    for name in names:
        print(f"{name:<{width}}  {config_title(name)}")
    print("\nFor `lightning-gans study`:")
    for name in studies:
        print(f"{name:<{width}}  {config_title(name)}")
    print("\nFor `lightning-gans sweep` and W&B:")
    for name in sweeps:
        print(f"{name:<{width}}  {config_title(name)}")
