"""``lightning-gans study``: compare methods at an equal budget, as a study file says.

torch is loaded by the child processes only.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_gans.cli.commands.common import INTERRUPTED, print_skipped, require_at_least, user_path
from lightning_gans.cli.commands.sweep import SweepParser, print_now
from lightning_gans.core.errors import InputError
from lightning_gans.core.extras import require_extra
from lightning_gans.core.files import expand_home

if TYPE_CHECKING:
    from lightning_gans.studies.runner import Runner
    from lightning_gans.studies.study import Study

STUDIES = Path("runs") / "studies"


def make_parser() -> argparse.ArgumentParser:
    """The command's parser."""
    parser = SweepParser(
        "study",
        "Compare methods as a study file says: every method on every data set with every seed, at an equal budget, "
        "each a fit and a test in processes of their own. Ends with a table, figures and an HTML page. The same "
        "command again runs only what is missing.",
        epilog="Arguments after -- are passed to every fit, such as -- --data.root DATA.",
    )
    parser.add_argument("file", metavar="FILE", help="a study file, or the name of a shipped one, such as quick")
    parser.add_argument(
        "--jobs",
        type=int,
        help="number of runs at a time (default: one for each core and 2 GiB of memory, or one if there is an NVIDIA "
        "GPU)",
    )
    parser.add_argument("--name", help="name of the study's folder in runs/studies (default: the name of the file)")
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="[DATA=]FOLDER",
        help="data.root of the data set DATA of the study, or of all; may be repeated",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="list the runs with their numbers, and what they will take as far as runs of these configs are recorded",
    )
    parser.add_argument(
        "--cell",
        type=int,
        metavar="N",
        help="run only the run of this number in the list of --dry-run, as a job of a cluster does",
    )
    parser.add_argument(
        "--results", action="store_true", help="run nothing, and write the results of the runs that are complete"
    )
    parser.add_argument(
        "--write-sweep",
        type=user_path,
        metavar="SWEEP",
        help="run nothing, and write a W&B sweep file whose agents run the study",
    )
    parser.add_argument("--retry", action="store_true", help="run cells again that have failed with an error")
    return parser


def run(options: argparse.Namespace) -> None:
    """Run the study, or a part of it, and write its results.

    Raises:
        InputError: if an option or the study file cannot be used, or a package is missing.
    """
    require_at_least(options, jobs=1)
    require_extra("sweeps", "`lightning-gans study`")

    # Imported here so that parsing and --help do not load Optuna.
    from lightning_gans.cli.study_check import check_study
    from lightning_gans.studies.runner import Runner, StudySignals, check_jobs, default_jobs
    from lightning_gans.studies.schedule import all_cells, check_unchanged, narrowed, numbered_cell, plan
    from lightning_gans.studies.study_file import find_study, read_study
    from lightning_gans.studies.wandb_runner import sweep_of, write_sweep

    study = with_roots(read_study(find_study(options.file)), options.root)
    folder = STUDIES / (options.name or study.name)
    jobs = options.jobs or default_jobs()
    check_jobs(jobs)
    part = study if options.cell is None else narrowed(study, numbered_cell(study, options.cell))
    batches = check_study(part, options.fit_arguments)
    signals = StudySignals()
    runner = Runner(study, folder, options.fit_arguments, batches, jobs, signals, print_now)
    check_unchanged(runner, part)
    if options.dry_run:
        print("\n".join(plan(runner)))
    elif options.write_sweep is not None:
        given = [options.file, *named(options), *(["--", *options.fit_arguments] if options.fit_arguments else [])]
        write_sweep(options.write_sweep, sweep_of(study, given, len(all_cells(study))))
        print(f"sweep: {options.write_sweep}; `wandb sweep {options.write_sweep}` starts it")
    elif options.cell is not None:
        end_cell(runner, options.cell)
    else:
        run_all(runner, options)


def named(options: argparse.Namespace) -> list[str]:
    """The options that every process of a study has in common."""
    name = [] if options.name is None else [f"--name={options.name}"]
    return [*name, *(f"--root={root}" for root in options.root), "--jobs=1"]


def end_cell(runner: Runner, number: int) -> None:
    """Run one cell; the exit status is 0 only if it is complete."""
    from lightning_gans.studies.schedule import run_cell
    from lightning_gans.studies.wandb_runner import is_agents, send_cell

    try:
        with runner.signals:
            cell = run_cell(runner, number)
    except KeyboardInterrupt:
        print_now("interrupted; run the same command again to continue")
        sys.exit(INTERRUPTED)
    if not runner.is_complete(cell):
        sys.exit(1)
    if is_agents():
        send_cell(runner.study, cell, runner.folder)


def run_all(runner: Runner, options: argparse.Namespace) -> None:
    """Run what is missing, unless only results are asked for, and write the results."""
    from lightning_gans.studies.page import write_study_page
    from lightning_gans.studies.report import make_report, write_report
    from lightning_gans.studies.results import read_results, require_results
    from lightning_gans.studies.schedule import run_study

    interrupted = False
    try:
        with runner.signals:
            if not options.results:
                run_study(runner, options.retry)
    except KeyboardInterrupt:
        interrupted = True
    results = read_results(runner.study, runner.folder)
    if results.measured or not interrupted:
        require_results(results)
        report = make_report(results)
        for sentence in results.skipped:
            print_skipped(sentence)
        markdown, table = write_report(report, runner.folder)
        page = write_study_page(report, runner.folder)
        print_now("\n\n".join(part.table.to_text() for part in report.parts))
        print_now(f"results: {markdown}, {table}\npage: {page}")
    if interrupted:
        print_now("interrupted; run the same command again to continue")
        sys.exit(INTERRUPTED)


def with_roots(study: Study, given: list[str]) -> Study:
    """The study with the folders of its data.

    Args:
        study: the study.
        given: folders, or names of data sets with their folders, such as "celeba=photos"; a name comes first.

    Raises:
        InputError: if there is no data set of a name.
    """
    names = [data.name for data in study.data]
    roots: dict[str, str] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals:
            roots = {**dict.fromkeys(names, expand_home(text, "--root")), **roots}
        elif name in names:
            roots[name] = expand_home(folder, "--root")
        else:
            raise InputError(f"--root is {text}, but the study has no data {name}; expected {', '.join(names)}")
    data = [
        replace(each, overrides={**each.overrides, "data.root": roots[each.name]}) if each.name in roots else each
        for each in study.data
    ]
    return replace(study, data=data)
