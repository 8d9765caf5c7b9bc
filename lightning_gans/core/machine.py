"""The cores and the memory that this process may use; imports no other library, since light commands ask for them."""

from __future__ import annotations

import os
from pathlib import Path


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int:
    """Bytes of memory that are free for a process on this machine, within the limit of its container."""
    fields = _table(Path("/proc/meminfo"))
    if "MemAvailable" in fields:
        free = 1024 * fields["MemAvailable"]
    else:  # not on Linux
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    if not limit.isdecimal():
        return free
    # What is kept of files is given up where memory is needed.
    cached = _table(group / "memory.stat").get("inactive_file", 0)
    return min(free, int(limit) - int(used) + cached)


def _table(path: Path) -> dict[str, int]:
    """The numbers of a file of the system with a name and a number on each line; none if it is not there."""
    if not path.is_file():
        return {}
    rows = [line.replace(":", " ").split() for line in path.read_text().splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}
