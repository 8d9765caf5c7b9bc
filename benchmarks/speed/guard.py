"""Compare two measurements, to detect steps that became slower."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning_gans.core.errors import InputError

TOLERANCE = 0.1
"""Largest relative decrease of a ratio that is not reported; on shared machines ratios vary by this much."""


def load(path: Path) -> dict[str, Any]:
    """Read a measurement.

    Raises:
        InputError: if the file contains none.
    """
    try:
        measured = json.loads(path.read_text())
        rows = measured["rows"]
        assert all(isinstance(row["ratios"], dict) for row in rows.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(f"{path} is not a measurement ({error!r}); expected a file that --json has written") from error
    return dict(measured)


def fallen(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return a line for each ratio that fell by more than :data:`TOLERANCE`, and for each that is missing now.

    Higher ratios are better. Only ratios are compared, because times of two runs are not comparable.

    Args:
        before: the earlier measurement.
        now: the later one.
    """
    said = []
    for name, row in before["rows"].items():
        if name not in now["rows"]:
            continue  # measured with --only
        for key, (_, was, _) in row["ratios"].items():
            if key not in now["rows"][name]["ratios"]:
                said.append(f"{name}: {key} was {was:.3f} and is no longer measured")
                continue
            is_now = now["rows"][name]["ratios"][key][1]
            if is_now < was * (1 - TOLERANCE):
                said.append(f"{name}: {key} fell from {was:.3f} to {is_now:.3f} ({is_now / was - 1:+.0%})")
    return said


def compare(before: Path, now: Path) -> int:
    """Print the ratios that fell; return the exit status, which is 1 if any did.

    Raises:
        InputError: if a file contains no measurement, or the two have no row in common.
    """
    earlier, later = load(before), load(now)
    rows = earlier["rows"].keys() & later["rows"].keys()
    if not rows:
        raise InputError(f"{before} and {now} have no row in common; expected measurements of the same steps")
    said = fallen(earlier, later)
    print("\n".join(said) or f"no ratio of {len(rows)} rows fell by more than {TOLERANCE:.0%}")
    return 1 if said else 0
