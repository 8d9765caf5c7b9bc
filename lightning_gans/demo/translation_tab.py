"""The tab of a model that translates: a picture of one's own, or a drawing, before and after."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from datamodules.house_fronts import CLASSES, WALL
from lightning_gans.demo.drawings import at_trained_size, background, canvas_size, palette
from lightning_gans.demo.events import quietly, speaking
from lightning_gans.demo.translating import translated
from lightning_gans.demo.uploads import Limits, refuse_large, uploaded
from lightning_gans.trained import ImageTranslator

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
                    canvases = [canvas(translator, way, way == ways[0]) for way in ways]
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
    def read(path: str | None) -> Image.Image | None:
        return uploaded(path, limits) if path else None

    @speaking
    def translate(picture: Image.Image | None, way: str, progress: gr.Progress = gr.Progress()) -> Pair:  # noqa: B008 (Gradio's way)
        return translated(translator, picture, way, lambda done, of: progress((done, of))) if picture else None

    @speaking
    def forget() -> tuple[None, None]:
        return None, None

    # First of all, so that no file stands beside the translation of another.
    gr.on([upload.upload, upload.clear], forget, None, [source, result], **quietly()).success(
        read, upload, source, **quietly()
    ).success(translate, [source, direction], result, **quietly("full"))
    for way, drawing in zip(ways, canvases, strict=True):

        @speaking
        def take(value: dict[str, Any] | None, way: str = way) -> Image.Image | None:
            picture: Image.Image | None = value["composite"] if value else None
            if picture is None:
                return None
            refuse_large(picture.width, picture.height, limits)
            return at_trained_size(picture, translator.sizes[way], palette(translator, way))

        drawing.input(take, drawing, source, **quietly()).success(translate, [source, direction], result, **quietly())
    direction.change(translate, [source, direction], result, **quietly("full"))
    direction.change(lambda way: [gr.update(visible=way == other) for other in ways], direction, canvases, **quietly())


def canvas(translator: ImageTranslator, way: str, visible: bool) -> gr.ImageEditor:
    """What a source of this direction is drawn on."""
    side, colours = canvas_size(translator.sizes[way]), palette(translator, way)
    brushes: list[str | tuple[str, float]] = list(colours.values()) or ["#000000", "#ffffff"]
    first = colours.get(CLASSES[WALL], "#000000")
    empty = Image.new("RGB", (side, side), background(translator, way))
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
            default_size=side // 16, colors=brushes, default_color=first, color_mode="fixed" if colours else "defaults"
        ),
        eraser=gr.Eraser(default_size=side // 16),
        buttons=[],
        elem_id=f"canvas-{way}",
        visible=visible,
    )
