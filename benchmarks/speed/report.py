"""Measurements as a table and as plain data."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch

from speed.turns import Measured

PACKAGES = ("torch", "torchvision", "lightning", "torchmetrics")


def machine(device: str, threads: int) -> dict[str, Any]:
    """Describe this machine and the versions of packages."""
    models = [line for line in cpu_info() if line.startswith("model name")]
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "threads": threads,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def cpu_info() -> list[str]:
    """Return Linux's description of the processor, line by line."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def ratio(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return the quartiles of the ratios of times in the same round; above 1 the other is faster."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return [round(value, 4) for value in quantiles(ratios, n=4)] if len(ratios) > 1 else ratios * 3


def compared(measured: dict[str, Measured], base: str, turn: int, options: bool = False) -> dict[str, Any]:
    """Compare ``base`` with each other way, and return a row as plain data. Higher ratios are better.

    Args:
        measured: measurements by way.
        base: the way that is compared with the others.
        turn: steps of a turn.
        options: whether a ratio is above 1 if the other way is faster, and not if ``base`` is.
    """
    ours = measured[base]
    seconds = {name: median(way.turns) / turn for name, way in measured.items()}
    ratios = {}
    for name, way in measured.items():
        if name in (base, "feeding"):
            continue
        if options:
            ratios[f"{base} / {name}"] = ratio(ours.turns, way.turns)
        else:
            ratios[f"{name} / {base}"] = ratio(way.turns, ours.turns)
    row: dict[str, Any] = {
        "seconds": {name: round(value, 6) for name, value in seconds.items()},
        "ratios": ratios,
        "images_per_second": round(ours.images / seconds[base], 1),
        "memory_mib": {name: round(way.memory) for name, way in measured.items()},
        "start_seconds": round(ours.start, 1),
    }
    if "feeding" in measured:
        row["feeding_share"] = round(seconds["feeding"] / seconds[base], 4)
    for way in measured.values():
        if way.flops:
            row["gflop"] = round(way.flops / turn / 1e9, 3)
    return row


STEPS_HEAD = (
    "| Step | (a) ms | images/s | (a) / (b) time | (c) / (a) | limit / (a) | GFLOP | GFLOP/s (a) | GFLOP/s limit "
    "| feeding | MiB a, b, c | start s |\n" + "| --- " * 12 + "|"
)


def steps_line(name: str, row: dict[str, Any]) -> str:
    """Format a row of the table with the head :data:`STEPS_HEAD`."""
    seconds, ratios, memory = row["seconds"], row["ratios"], row["memory_mib"]

    def of(way: str) -> list[float]:
        quartiles: list[float] = ratios[f"{way} / ours"]
        return quartiles

    cells = [
        name,
        f"{seconds['ours'] * 1e3:.4g}",
        f"{row['images_per_second']:.4g}",
        f"**{1 / of('bare')[1]:.3f}** ({1 / of('bare')[2]:.2f}-{1 / of('bare')[0]:.2f})",
        f"**{of('common')[1]:.2f}** ({of('common')[0]:.2f}-{of('common')[2]:.2f})",
        f"**{of('limit')[1]:.0%}** ({of('limit')[0]:.0%}-{of('limit')[2]:.0%})",
        f"{row['gflop']:.3g}",
        f"{row['gflop'] / seconds['ours']:.3g}",
        f"{row['gflop'] / seconds['limit']:.3g}",
        f"{row['feeding_share']:.1%}",
        ", ".join(str(memory[way]) for way in ("ours", "bare", "common")),
        f"{row['start_seconds']:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def options_line(name: str, row: dict[str, Any], ways: Sequence[str]) -> str:
    """Format a row with the speed of each way relative to eager mode."""
    cells = [name, f"{row['seconds']['eager'] * 1e3:.4g}"]
    for way in ways:
        cells.append(f"{row['ratios'][f'eager / {way}'][1]:.2f}")
    return f"| {' | '.join(cells)} |"
