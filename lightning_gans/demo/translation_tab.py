"""The tab of a model that translates images: an uploaded image or a drawing, before and after."""

from __future__ import annotations

import threading
from typing import Any

import gradio as gr
from PIL import Image, ImageChops

from lightning_gans.core.errors import InputError
from lightning_gans.demo.canvas import Drawing, canvas
from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import direction_name, palette, resize_drawing, translate_image
from lightning_gans.demo.uploads import read_upload
from lightning_gans.inference import ImageTranslator

PROGRESS = gr.Progress()
"""As the default of a handler's argument, it makes Gradio show a progress bar."""

Pair = tuple[Image.Image, Image.Image] | None


def translation_tab(translator: ImageTranslator, limits: Limits, stopping: threading.Event) -> None:
    """Fill the tab.

    Args:
        translator: the model.
        limits: limits of uploads.
        stopping: set when the server stops, which ends a translation.
    """
    directions = translator.directions
    # The path of a file, so that a session takes little memory, or a drawing of the trained size.
    source = gr.State(None)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            direction = gr.Radio(
                [(direction_name(translator, name), name) for name in directions],
                value=directions[0],
                label="Direction",
                elem_id="direction",
                visible=len(directions) > 1,
            )
            with gr.Tabs():
                with gr.Tab("Upload"):
                    upload = gr.File(
                        label=f"An image of at most {limits.upload_mb:g} MB and {limits.pixels:,} pixels",
                        type="filepath",
                        elem_id="upload",
                        file_types=["image"],
                        height=180,
                    )
                with gr.Tab("Draw"):
                    editor = canvas(translator, limits)
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

    @show_errors
    def translate(image: Image.Image | None, selected: str, progress: gr.Progress) -> Pair:
        def step(done: int, total: int) -> None:
            if stopping.is_set():
                raise gr.Error("the server is stopping", print_exception=False)
            progress((done, total))

        return translate_image(translator, image, selected, step) if image else None

    def take_file(path: str | None, selected: str, progress: gr.Progress = PROGRESS) -> tuple[str | None, Pair]:
        try:
            image = read_upload(path, limits) if path else None
        except InputError as error:
            # Not gr.Error, which would keep the translation of an earlier file.
            gr.Warning(str(error))
            image = None
        return str(path) if image else None, translate(image, selected, progress)

    @show_errors
    def translate_again(given: str | Image.Image | None, selected: str, progress: gr.Progress = PROGRESS) -> Pair:
        image = read_upload(given, limits) if isinstance(given, str) else given
        return translate(image, selected, progress)

    # One event each: Gradio may lose the end of a chain of events when files follow each other quickly.
    upload.upload(take_file, [upload, direction], [source, result], **event_options("full"))
    upload.clear(lambda: (None, None), None, [source, result], **event_options())

    @show_errors
    def take(drawing: Drawing | None, selected: str) -> Any:
        # The editor sends an event for its empty canvas when it is first shown.
        if drawing is None or not ImageChops.difference(*drawing).getbbox():
            return gr.skip()
        drawn = resize_drawing(drawing.composite, translator.sizes[selected], palette(translator, selected))
        return drawn, translate_image(translator, drawn, selected)

    editor.input(take, [editor, direction], [source, result], **event_options(trigger_mode="multiple"))
    direction.change(translate_again, [source, direction], result, **event_options("full"))
