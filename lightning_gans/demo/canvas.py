"""The canvas on which images are drawn, and the decoding of drawings."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import asdict
from typing import Any, NamedTuple

import gradio as gr
from gradio.components.image_editor import EditorValue
from PIL import Image

from lightning_gans.core.errors import InputError
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


GRAYS = ["#000000", "#808080", "#ffffff"]
"""Colors of the brush for a model of gray images."""


def canvas(translator: ImageTranslator, limits: Limits) -> gr.ImageEditor:
    """The canvas, one for both directions: Gradio's editor breaks when it is hidden and shown again.

    Its value in a handler is a :class:`Drawing`, or None. A handler must not return an update of its properties: Gradio
    would make another editor for the session, without our decoder. So :func:`brushes` are set in the browser.
    """
    direction = translator.directions[0]
    width, height = canvas_size(translator.sizes[direction])
    editor = gr.ImageEditor(
        empty_canvas(translator, direction),
        type="pil",
        image_mode="RGB",
        format="png",
        label="A drawing",
        height=500,
        sources=(),
        transforms=(),
        layers=False,
        canvas_size=(width, height),
        fixed_canvas=True,
        brush=next(iter(brushes(translator, direction).values())),
        eraser=gr.Eraser(default_size=min(width, height) // 16),
        buttons=[],
        elem_id="canvas",
    )
    parts = DrawingParts(limits)
    return replace_decoder(editor, parts.take, parts.accept)


def empty_canvas(translator: ImageTranslator, direction: str) -> EditorValue:
    """The editor's value before anything is drawn, in the shape and on the background of a direction's images."""
    size = canvas_size(translator.sizes[direction])
    empty = Image.new("RGB", size, background_color(translator, direction))
    return {"background": empty, "layers": [], "composite": empty}


def brushes(translator: ImageTranslator, direction: str) -> dict[str, gr.Brush]:
    """The brushes for the images that a direction translates, the first choice first.

    Returns:
        A brush for each class of label maps, by name, the background last; one brush under an empty name for other
        images. It has gray colors only if the network has one channel.
    """
    size = min(canvas_size(translator.sizes[direction])) // 16
    if colors := palette(translator, direction):
        background, *names = colors
        listed: list[str | tuple[str, float]] = list(colors.values())
        return {name: gr.Brush(size, listed, colors[name], "fixed") for name in (*names, background)}
    if translator.network(direction).channels_in == 1:
        return {"": gr.Brush(size, list(GRAYS), GRAYS[0], "fixed")}
    return {"": gr.Brush(size, ["#000000", "#ffffff", "#c8553d", "#4a8f60", "#2c6fa6", "#b08d2e"], "#000000")}


def brush_widget(translator: ImageTranslator, direction: str) -> gr.Radio:
    """The names of a direction's brushes; hidden if they have none."""
    return gr.Radio(**brush_choices(translator, direction), label="Brush", elem_id="brush")


def brush_choices(translator: ImageTranslator, direction: str) -> dict[str, Any]:
    """The properties of :func:`brush_widget` that depend on the direction."""
    names = list(brushes(translator, direction))
    return {"choices": names, "value": names[0], "visible": len(names) > 1}


def brush_colors(translator: ImageTranslator, direction: str) -> str:
    """A style sheet that shows a brush's color beside its name."""
    colors = palette(translator, direction)
    return "".join(
        f"<style>#brush label:nth-of-type({place}) span::before {{ background: {colors[name]}; }}</style>"
        for place, name in enumerate(brushes(translator, direction), start=1)
        if name
    )


def choose_brush_script(translator: ImageTranslator) -> str:
    """A function for the page, of a direction and the name of a brush; without a name, the direction's first.

    Its value sets the brush of the editor.
    """
    known = {
        direction: {name: asdict(brush) for name, brush in brushes(translator, direction).items()}
        for direction in translator.directions
    }
    first = "Object.values(brushes)[0]"
    return (
        f"(direction, name) => {{ const brushes = ({json.dumps(known)})[direction]; "
        f"return {{__type__: 'update', brush: brushes[name] ?? {first}}}; }}"
    )
