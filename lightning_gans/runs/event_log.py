"""The log of a run that logged to TensorBoard alone, from its event files."""

from __future__ import annotations

from pathlib import Path

from lightning_gans.core.extras import require_extra
from lightning_gans.runs.curves import Series, add_value

PATTERN = "events.out.tfevents.*"
"""Names of event files, as TensorBoard has them."""

NOT_CURVES = ("epoch", "hp_metric")
"""Scalars of Lightning's logger that are no values of a run."""


def read_event_log(folder: Path) -> dict[str, Series]:
    """The scalars that have finite values, by name; none if there are no event files.

    What is damaged in a file, such as the end of one whose run was killed, is skipped.

    Args:
        folder: of the event files; those of a resumed run are one log.

    Raises:
        InputError: if there are event files, and the package that reads them is missing.
    """
    if not any(folder.glob(PATTERN)):
        return {}
    require_extra("tensorboard", f"{folder} has a log of TensorBoard alone, which")
    # Here for start-up time: a run that has a CSV log does not need it.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})  # 0 keeps all
    events.Reload()
    columns = {name: Series([], []) for name in events.Tags()["scalars"] if name not in NOT_CURVES}
    for name, series in columns.items():
        for event in events.Scalars(name):
            add_value(series, event.step, event.value)
    return {name: series for name, series in columns.items() if series.steps}
