"""The canvas on which images are drawn, and the decoding of drawings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from lightning_gans.core.errors import InputError
from lightning_gans.core.images import square_side
from lightning_gans.demo.compat import replace_decoder
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import background_color, canvas_size, palette
from lightning_gans.demo.uploads import read_upload
from lightning_gans.inference import ImageTranslator

KEPT_DRAWINGS = 8
"""Largest number of drawings that are kept, each of at most the size of two uploads, until their events come."""


class Drawing(NamedTuple):
    """A drawing in RGB.

    Attributes:
        background: the canvas before it was drawn on.
        composite: the canvas as it is shown.
    """

    background: Image.Image
    composite: Image.Image


class DrawingParts:
    """The parts of drawings, which the browser sends one by one before the event of a stroke.

    Args:
        limits: limits of uploads.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits.of_drawings
        self._lock = threading.Lock()
        self._parts: OrderedDict[str, dict[str, bytes]] = OrderedDict()

    def accept(self, data: Any) -> None:
        """Keep a part: ``data.data`` has the drawing's id and the part's type, ``data.files`` names and contents."""
        name, kind = str(data.data["id"])[:100], data.data["type"]
        content = data.files[0][1]
        if kind not in Drawing._fields or not isinstance(content, bytes) or len(content) > self.limits.upload_bytes:
            return
        with self._lock:
            self._parts.setdefault(name, {})[kind] = content
            self._parts.move_to_end(name)
            while len(self._parts) > KEPT_DRAWINGS:
                self._parts.popitem(last=False)

    def take(self, payload: Any) -> Drawing | None:
        """Decode the drawing of an event: the parts that were kept under ``payload.id``, or uploaded files.

        Returns:
            None if there is none.

        Raises:
            gradio.Error: if a part cannot be decoded.
        """
        if payload is None:
            return None
        if payload.id is None:
            paths = (payload.background, payload.composite)
            parts: list[str | bytes] = [file.path for file in paths if file is not None]
        else:
            with self._lock:
                kept = self._parts.pop(str(payload.id)[:100], {})
            parts = [kept[kind] for kind in Drawing._fields if kind in kept]
        if len(parts) != len(Drawing._fields):
            return None
        try:
            return Drawing(*(read_upload(part, self.limits).convert("RGB") for part in parts))
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from error


def canvas(translator: ImageTranslator, limits: Limits) -> gr.ImageEditor:
    """The canvas, one for both directions: Gradio's editor breaks when it is hidden and shown again.

    Its value in a handler is a :class:`Drawing`, or None.
    """
    directions = translator.directions
    side = canvas_size(square_side(translator.sizes[directions[0]]))
    maps = next((colors for direction in directions if (colors := palette(translator, direction))), {})
    brushes: list[str | tuple[str, float]] = list(maps.values()) or ["#000000", "#ffffff"]
    fixed = bool(maps) and len(directions) == 1
    empty = Image.new("RGB", (side, side), background_color(translator, directions[0]))
    editor = gr.ImageEditor(
        {"background": empty, "layers": [], "composite": empty},
        type="pil",
        image_mode="RGB",
        format="png",
        label="A drawing",
        height=500,
        sources=(),
        transforms=(),
        layers=False,
        canvas_size=(side, side),
        fixed_canvas=True,
        brush=gr.Brush(
            default_size=side // 16,
            colors=brushes,
            default_color=list(maps.values())[1] if len(maps) > 1 else "#000000",  # the first class is the background
            color_mode="fixed" if fixed else "defaults",
        ),
        eraser=gr.Eraser(default_size=side // 16),
        buttons=[],
        elem_id="canvas",
    )
    parts = DrawingParts(limits)
    return replace_decoder(editor, parts.take, parts.accept)
