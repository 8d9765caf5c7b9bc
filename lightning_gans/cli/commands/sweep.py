"""``lightning-gans sweep``: run a W&B sweep file on Optuna, without a service or a login.

Optuna is imported in :func:`run`, so that ``--help`` starts quickly; torch is loaded by the child processes only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_gans.cli.commands.common import INTERRUPTED, CommandParser, require_at_least
from lightning_gans.core.extras import require_extra
from lightning_gans.core.files import expand_home

SWEEPS = Path("runs") / "sweeps"

DEFAULT_RUNS = 20


class SweepParser(CommandParser):
    """A parser that stores what follows ``--`` as ``fit_arguments``."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse the arguments before ``--``."""
        arguments = list(sys.argv[1:] if args is None else args)
        end = arguments.index("--") if "--" in arguments else len(arguments)
        options = super().parse_args(arguments[:end], namespace)
        options.fit_arguments = arguments[end + 1 :]
        return options


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = SweepParser(
        "sweep",
        "Run a W&B sweep file without a service or a login. Each trial is a fit in a process of its own; "
        "the results are a ranked table. The same command again continues the study.",
        epilog="Arguments after -- are passed to every fit, such as -- --trainer.max_epochs 5.",
    )
    parser.add_argument("file", metavar="FILE", help="a sweep file, or the name of a shipped one, such as random")
    parser.add_argument(
        "--runs",
        type=int,
        help=f"total number of trials of the study (default: the whole grid, or the file's run_cap, or {DEFAULT_RUNS})",
    )
    parser.add_argument(
        "--storage",
        help="a journal file, or the URL of a database such as sqlite:///sweep.db, which several machines may share "
        "(default: journal.log in the sweep's folder)",
    )
    parser.add_argument(
        "--name", help="name of the study and of its folder in runs/sweeps (default: the name of the file)"
    )
    parser.add_argument(
        "--sampler",
        choices=["random", "grid", "tpe"],
        help="sampler to use instead of the file's method (bayes means tpe)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampler (default: %(default)s)")
    return parser


def run(options: argparse.Namespace) -> None:
    """Run the sweep, and print its results.

    Raises:
        InputError: if an option or the sweep file cannot be used, or a package is missing.
    """
    if options.runs is not None:
        require_at_least(options, runs=1)
    require_extra("sweeps", "`lightning-gans sweep`")

    # Imported here so that parsing and --help do not load Optuna.
    import optuna

    from lightning_gans.cli.sweep_check import check_with_parser
    from lightning_gans.sweeps.interruption import Interruption
    from lightning_gans.sweeps.report import draw_importance, write_tables
    from lightning_gans.sweeps.study import SAMPLERS, finished, grid_points, open_storage, open_study, running
    from lightning_gans.sweeps.trials import run_trials
    from lightning_gans.sweeps.wandb_file import find_sweep, read_sweep

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = find_sweep(expand_home(options.file, "FILE"))
    sweep = read_sweep(path)
    name = options.name or path.stem
    folder = SWEEPS / name
    sampler = options.sampler or SAMPLERS[sweep.method]
    if sampler == "grid":
        size = len(grid_points(sweep))
        runs = min(size, options.runs or sweep.run_cap or size)
    else:
        runs = options.runs or sweep.run_cap or DEFAULT_RUNS
    check_with_parser(sweep, options.fit_arguments)
    storage = expand_home(options.storage or "", "--storage") or str(folder / "journal.log")
    study = open_study(open_storage(storage), name, sweep, sampler, options.fit_arguments, options.seed)
    print(f"study: {name} in {storage}, {len(finished(study))} of {runs} trials finished", flush=True)
    interrupted = False
    try:
        with Interruption() as interruption:
            grid, extra = sampler == "grid", options.fit_arguments
            run_trials(study, sweep, folder, runs, grid, extra, print_now, interruption=interruption)
    except KeyboardInterrupt:
        interrupted = True
    if finished(study):
        print(f"\n{write_tables(study, sweep, folder)}")
        print(f"table: {folder / 'table.md'}, {folder / 'table.csv'}")
        print(draw_importance(study, sweep, folder / "importance.png"))
    if elsewhere := len(running(study)):
        print(f"{elsewhere} trials of the study are running elsewhere; run the same command again to see their results")
    if interrupted:
        print(f"interrupted after {len(finished(study))} of {runs} trials; run the same command again to continue")
        sys.exit(INTERRUPTED)


def print_now(line: str) -> None:
    """Print without buffering, also into a file."""
    print(line, flush=True)
