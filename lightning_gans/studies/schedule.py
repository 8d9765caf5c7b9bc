"""The order in which the cells of a study run, and the list of them with an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lightning_gans.core.errors import InputError
from lightning_gans.studies.budget import read_step_costs, steps_of
from lightning_gans.studies.cells import Cell, FreshCell, first_cells, fresh_cells
from lightning_gans.studies.records import RECORDS, Estimates, failures, read_records, recipe_hash
from lightning_gans.studies.runner import Runner
from lightning_gans.studies.search import resolve
from lightning_gans.studies.study import Study


def all_cells(study: Study) -> list[Cell | FreshCell]:
    """All cells, in the order of their numbers from 0: those of the search before those with fresh seeds."""
    return [*first_cells(study), *fresh_cells(study)]


def numbered_cell(study: Study, number: int) -> Cell | FreshCell:
    """The cell of a number, see :func:`all_cells`.

    Raises:
        InputError: if there is no such cell.
    """
    cells = all_cells(study)
    if not 0 <= number < len(cells):
        raise InputError(f"--cell is {number}; expected from 0 to {len(cells) - 1}, the study's cells")
    return cells[number]


def narrowed(study: Study, cell: Cell | FreshCell) -> Study:
    """The study with the data set and the method of one cell only, which is all that its job has to check."""
    of = cell.setting if isinstance(cell, Cell) else cell
    return replace(study, data=[of.data], methods=[of.method])


def check_unchanged(runner: Runner, study: Study) -> None:
    """Check that the runs in the study's folder are of this study.

    Args:
        runner: of the study.
        study: the study, or the part of it that is checked.

    Raises:
        InputError: if a run there has other settings, or another number of steps.
    """
    costs = read_step_costs(runner.folder)
    known = {record.cell: record for record in read_records(runner.folder)}
    for cell in first_cells(study):
        record = known.get(cell.name)
        if record is None:
            continue
        steps = steps_of(cell.setting, study, runner.batches, costs)
        same = record.recipe == recipe_hash(cell.setting.arguments(study, runner.extra))
        if same and record.steps in (0, steps):
            continue
        what = f"{record.steps:,} steps rather than {steps:,}" if same and steps is not None else "other settings"
        raise InputError(
            f"{cell.name} in {runner.folder} was run with {what}; give another --name for a study that has changed"
        )


def run_study(runner: Runner, retry: bool) -> None:
    """Run all cells that are missing; those with fresh seeds when the search has ended.

    Args:
        runner: of the study.
        retry: also run cells that have failed with an error.

    Raises:
        KeyboardInterrupt: after a signal.
    """
    first = first_cells(runner.study)
    tell(runner, first, "runs" if not runner.study.searches else "runs of the search")
    runner.run(runner.missing(first, retry))
    if runner.study.searches and not runner.missing(first, retry=False):
        fresh = resolve(runner.study, fresh_cells(runner.study), runner.folder)
        tell(runner, fresh, "runs with fresh seeds of the best settings")
        runner.run(runner.missing(fresh, retry))


def tell(runner: Runner, cells: list[Cell], what: str) -> None:
    """Say how many cells are complete."""
    done = sum(runner.is_complete(cell) for cell in cells)
    threads = f"{runner.threads} thread{'' if runner.threads == 1 else 's'}"
    runner.say(f"{done} of {len(cells)} {what} are complete; {runner.jobs} at a time, {threads} each")


def run_cell(runner: Runner, number: int) -> Cell:
    """Run one cell, as a job of a cluster does, unless it is complete; returns the cell.

    Args:
        runner: of the study.
        number: of the cell, see :func:`all_cells`.

    Raises:
        InputError: if there is no such cell, or the search that it depends on has not ended.
        KeyboardInterrupt: after a signal.
    """
    cell = numbered_cell(runner.study, number)
    if isinstance(cell, FreshCell):
        search = first_cells(runner.study)
        if missing := runner.missing(search, retry=False):
            raise InputError(
                f"--cell is {number}, {cell.name}, which depends on the search, of which {len(missing)} runs are "
                f"missing, such as {missing[0].name}; run the cells from 0 to {len(search) - 1} first"
            )
        found = resolve(runner.study, [cell], runner.folder)
        if not found:
            raise InputError(f"--cell is {number}, {cell.name}, but no setting of the search has a score")
        cell = found[0]
    if not runner.is_complete(cell):
        runner.run([cell])
    return cell


def known_records(folder: Path) -> Iterator[Path]:
    """The folders of this study and of those beside it that have records."""
    yield from (path.parent for path in sorted(folder.parent.glob(f"*/{RECORDS}")))


def plan(runner: Runner) -> Iterator[str]:
    """Lines with all cells: number, name, state, steps, and what each will probably take."""
    study, folder = runner.study, runner.folder
    records = [record for each in known_records(folder) for record in read_records(each)]
    estimates = Estimates(study, runner.extra, records)
    costs, failed = read_step_costs(folder), failures(read_records(folder))
    total, unknown, left = 0.0, 0, 0
    cells = all_cells(study)
    for number, cell in enumerate(cells):
        if isinstance(cell, FreshCell):
            yield f"{number:>4}  {cell.name}: the best setting, known after the search"
            left, unknown = left + 1, unknown + 1
            continue
        steps = steps_of(cell.setting, study, runner.batches, costs)
        length = "steps measured before it runs" if steps is None else f"{steps:,} steps"
        head = f"{number:>4}  {cell.name}: {length}"
        drawn = f"; {cell.setting.describe()}" if cell.setting.drawn else ""
        if runner.is_complete(cell):
            yield f"{head}, complete{drawn}"
        elif cell.name in failed:
            yield f"{head}, failed: {failed[cell.name]}{drawn}"
        else:
            text, seconds = estimates.describe(cell, steps)
            total, unknown, left = total + (seconds or 0.0), unknown + (seconds is None), left + 1
            yield f"{head}, {text}{drawn}"
    budgets = dict.fromkeys(str(study.budget_on(data)) for data in study.data)
    yield f"budget of each run: {' or '.join(budgets)}; {study.validations} validations; score: {study.score}"
    hours = total / 3600 / runner.jobs
    if left and unknown < left:
        yield f"{left} of {len(cells)} runs are missing: about {hours:.1f} h with {runner.jobs} at a time" + (
            f", without {unknown} of unknown time" if unknown else ""
        )
    else:
        yield f"{left} of {len(cells)} runs are missing" + ("; their time is unknown" if unknown else "")
