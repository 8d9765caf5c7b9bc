"""``lightning-gans sweep``: W&B's sweep files with no service and no login, on Optuna.

Light on purpose: Optuna is loaded where it is used, torch by the runs and the check of the keys alone.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from lightning_gans.core.errors import InputError, exit_on_known_errors

SWEEPS = Path("runs") / "sweeps"

DEFAULT_RUNS = 20


def options_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="lightning-gans sweep",
        description="Run a W&B sweep file with no service and no login: each trial is a fit of its own, "
        "and what was found ends in a ranked table. The same command again goes on with the study.",
        epilog="What stands after -- is passed to every fit, such as -- --trainer.max_epochs 5.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="a sweep's file, or the name of a shipped one, such as random")
    parser.add_argument(
        "--runs",
        type=int,
        help="how many trials the study should have in the end (default: the whole grid, or the file's run_cap, "
        f"or {DEFAULT_RUNS})",
    )
    parser.add_argument(
        "--storage",
        help="a journal's file, or a database's URL such as sqlite:///sweep.db, which several machines may share "
        "(default: journal.log in the sweep's folder)",
    )
    parser.add_argument("--name", help="of the study and of its folder in runs/sweeps (default: the file's)")
    parser.add_argument(
        "--sampler", choices=["random", "grid", "tpe"], help="in place of the file's method (bayes means tpe)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sampler (default: %(default)s)")
    return parser


def run(argv: list[str]) -> None:
    """Run the sweep and say what it found.

    Raises:
        InputError: if something given cannot be used.
    """
    own, extra = argv, []
    if "--" in argv:
        own, extra = argv[: argv.index("--")], argv[argv.index("--") + 1 :]
    options = options_parser().parse_args(own)
    if options.runs is not None and options.runs < 1:
        raise InputError(f"--runs is {options.runs}; expected at least 1")

    import optuna

    from lightning_gans.cli.sweep_check import check_with_parser
    from lightning_gans.sweeps.importance import draw_importance
    from lightning_gans.sweeps.loop import run_trials
    from lightning_gans.sweeps.report import write_tables
    from lightning_gans.sweeps.sampling import SAMPLERS, grid_points
    from lightning_gans.sweeps.study import finished, open_storage, open_study, running
    from lightning_gans.sweeps.wandb_file import find_sweep, read_sweep

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = find_sweep(options.file)
    sweep = read_sweep(path)
    name = options.name or path.stem
    folder = SWEEPS / name
    sampler = options.sampler or SAMPLERS[sweep.method]
    if sampler == "grid":
        size = len(grid_points(sweep))
        runs = min(size, options.runs or sweep.run_cap or size)
    else:
        runs = options.runs or sweep.run_cap or DEFAULT_RUNS
    check_with_parser(sweep, extra)
    storage = options.storage or str(folder / "journal.log")
    study = open_study(open_storage(storage), name, sweep, sampler, extra, options.seed)
    print(f"study: {name} in {storage}, {len(finished(study))} of {runs} trials finished", flush=True)
    # A batch system and a terminal that is closed ask this way.
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    interrupted = False
    try:
        run_trials(study, sweep, folder, runs, sampler == "grid", extra, say)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if finished(study):
        print(f"\n{write_tables(study, sweep, folder)}")
        print(f"table: {folder / 'table.md'}, {folder / 'table.csv'}")
        print(draw_importance(study, sweep, folder / "importance.png"))
    if elsewhere := len(running(study)):
        print(
            f"{elsewhere} of the study's trials are running elsewhere; the same command shows them once they are done"
        )
    if interrupted:
        print(f"interrupted after {len(finished(study))} of {runs} trials; the same command goes on")
        sys.exit(130)


def say(line: str) -> None:
    """Print at once, also into a file."""
    print(line, flush=True)


def main(argv: list[str]) -> None:
    """The command line: errors of the user's input are one line on stderr and exit status 2."""
    try:
        with exit_on_known_errors():
            run(argv)
    except KeyboardInterrupt:
        sys.exit(130)
