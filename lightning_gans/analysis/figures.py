"""Figures of an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

COLORS = ("#4d4d4d", "#2c6fa6", "#c8553d")
BINS = 40


def side_by_side(left: Image.Image, right: Image.Image, gap: int = 8) -> Image.Image:
    """Two pictures of equal height, with a white gap of ``gap`` pixels between them."""
    both = Image.new(left.mode, (left.width + gap + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + gap, 0))
    return both


def histograms(values: Mapping[str, Tensor], label: str) -> Image.Image:
    """Draw overlaid histograms of several sets of values, each normalized to an area of 1.

    Args:
        values: values (N,) by name of the set; values that are not finite are ignored.
        label: label of the x-axis.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    finite = {name: part[part.isfinite()].double().cpu() for name, part in values.items()}
    filled = [part for part in finite.values() if len(part)]
    span = (min(float(p.min()) for p in filled), max(float(p.max()) for p in filled)) if filled else (0.0, 1.0)
    for (name, part), color in zip(finite.items(), COLORS, strict=False):
        if not len(part):
            continue
        text = f"{name}, {len(part)}, mean {float(part.mean()):.3g}"
        numbers = part.numpy()
        styles: dict[str, Any] = {"range": span, "density": True, "color": color}
        axes.hist(numbers, bins=BINS, histtype="stepfilled", alpha=0.15, **styles)
        axes.hist(numbers, bins=BINS, histtype="step", linewidth=1.2, label=text, **styles)
    axes.set_xlabel(label, fontsize=9)
    axes.set_ylabel("density", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if filled:
        axes.legend(fontsize=8, frameon=False)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return Image.open(file).convert("RGB")
