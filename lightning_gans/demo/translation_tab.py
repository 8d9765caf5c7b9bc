"""The tab of a model that translates: a picture of one's own, or a drawing, before and after."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image, ImageChops

from datamodules.house_fronts import CLASSES, WALL
from lightning_gans.core.errors import InputError
from lightning_gans.demo.drawings import at_trained_size, background, canvas_size, palette
from lightning_gans.demo.events import quietly, speaking
from lightning_gans.demo.serving import ENDING
from lightning_gans.demo.translating import translated
from lightning_gans.demo.uploads import Limits, uploaded
from lightning_gans.inference import ImageTranslator

PROGRESS = gr.Progress()
"""As a handler's default, it asks Gradio for a bar."""

Pair = tuple[Image.Image, Image.Image] | None


def translation_tab(translator: ImageTranslator, limits: Limits) -> None:
    """Fill the tab."""
    ways = translator.directions
    source = gr.State(None)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            direction = gr.Radio(
                [(way.replace("_", " "), way) for way in ways],
                value=ways[0],
                label="Direction",
                elem_id="direction",
                visible=len(ways) > 1,
            )
            with gr.Tabs():
                with gr.Tab("Upload"):
                    upload = gr.File(
                        label=f"A picture, at most {limits.upload_mb:g} MB and {limits.pixels:,} pixels",
                        type="filepath",
                        elem_id="upload",
                        file_types=["image"],
                        height=180,
                    )
                with gr.Tab("Draw"):
                    drawing = canvas(translator)
        with gr.Column(scale=1, min_width=300):
            result = gr.ImageSlider(
                format="png",
                type="pil",
                label="Before and after",
                interactive=False,
                elem_id="result",
                elem_classes="pixels",
                buttons=["download", "fullscreen"],
            )

    @speaking
    def translate(picture: Image.Image | None, way: str, progress: gr.Progress = PROGRESS) -> Pair:
        def step(done: int, of: int) -> None:
            if ENDING.is_set():
                raise gr.Error("the page has ended", print_exception=False)
            progress((done, of))

        return translated(translator, picture, way, step) if picture else None

    def take_file(path: str | None, way: str, progress: gr.Progress = PROGRESS) -> tuple[Image.Image | None, Pair]:
        try:
            picture = uploaded(path, limits) if path else None
        except InputError as error:
            # Not an error for Gradio, which would leave the translation of an earlier file beside this one.
            gr.Warning(str(error))
            picture = None
        return picture, translate(picture, way, progress)

    # One event each: of a chain, Gradio may lose an end when files come quickly one after the other.
    upload.upload(take_file, [upload, direction], [source, result], **quietly("full"))
    upload.clear(lambda: (None, None), None, [source, result], **quietly())

    @speaking
    def take(value: dict[str, Any] | None, way: str) -> Any:
        # An editor that is shown for the first time tells of its empty canvas.
        if value is None or not ImageChops.difference(value["background"], value["composite"]).getbbox():
            return gr.skip()
        drawn = at_trained_size(value["composite"], translator.sizes[way], palette(translator, way))
        return drawn, translated(translator, drawn, way)

    drawing.input(take, [drawing, direction], [source, result], **quietly(trigger_mode="multiple"))
    direction.change(translate, [source, direction], result, **quietly("full"))


def canvas(translator: ImageTranslator) -> gr.ImageEditor:
    """What is drawn on, whatever the direction: Gradio's editor does not bear to be hidden and shown again."""
    ways = translator.directions
    side = canvas_size(translator.sizes[ways[0]])
    maps = next((colours for way in ways if (colours := palette(translator, way))), {})
    brushes: list[str | tuple[str, float]] = list(maps.values()) or ["#000000", "#ffffff"]
    fixed = bool(maps) and len(ways) == 1
    empty = Image.new("RGB", (side, side), background(translator, ways[0]))
    return gr.ImageEditor(
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
            default_color=maps.get(CLASSES[WALL], "#000000"),
            color_mode="fixed" if fixed else "defaults",
        ),
        eraser=gr.Eraser(default_size=side // 16),
        buttons=[],
        elem_id="canvas",
    )
