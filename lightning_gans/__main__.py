"""``lightning-gans`` and ``python -m lightning_gans``: light commands here, the rest in :mod:`lightning_gans.cli`."""

from __future__ import annotations

import sys

from lightning_gans import __version__


def main() -> None:
    """Console entry."""
    if sys.argv[1:] == ["--version"]:
        print(f"lightning-gans {__version__}")
        return
    if sys.argv[1:2] == ["configs"]:
        from lightning_gans.shipped import print_configs

        print_configs()
        return
    if sys.argv[1:2] == ["table"]:
        from lightning_gans.results import command as table

        table.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["sweep"]:
        from lightning_gans.sweeps import command as sweep

        sweep.main(sys.argv[2:])
        return
    from lightning_gans.cli import run

    run()


if __name__ == "__main__":
    main()
