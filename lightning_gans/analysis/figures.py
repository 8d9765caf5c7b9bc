"""Pictures that are no grids of equal images."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

COLOURS = ("#4d4d4d", "#2c6fa6", "#c8553d")
BINS = 40


def beside(left: Image.Image, right: Image.Image, gap: int = 8) -> Image.Image:
    """Two pictures of one height with a white gap between them."""
    both = Image.new(left.mode, (left.width + gap + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + gap, 0))
    return both


def histograms(values: Mapping[str, Tensor], label: str) -> Image.Image:
    """Histograms of several sets over each other, each with an area of 1.

    Args:
        values: (N,) for each name; what is not finite is left out.
        label: what the values are.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    finite = {name: ours[ours.isfinite()].double().cpu() for name, ours in values.items()}
    known = [ours for ours in finite.values() if len(ours)]
    span = (min(float(o.min()) for o in known), max(float(o.max()) for o in known)) if known else (0.0, 1.0)
    for (name, ours), colour in zip(finite.items(), COLOURS, strict=False):
        if not len(ours):
            continue
        text = f"{name}, {len(ours)}, mean {float(ours.mean()):.3g}"
        axes.hist(ours.numpy(), bins=BINS, range=span, density=True, histtype="stepfilled", color=colour, alpha=0.15)
        axes.hist(
            ours.numpy(), bins=BINS, range=span, density=True, histtype="step", color=colour, linewidth=1.2, label=text
        )
    axes.set_xlabel(label, fontsize=9)
    axes.set_ylabel("density", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if known:
        axes.legend(fontsize=8, frameon=False)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return Image.open(file).convert("RGB")
