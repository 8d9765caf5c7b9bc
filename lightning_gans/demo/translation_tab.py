"""The tab of a model that translates images: an uploaded image or a drawing, before and after."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import gradio as gr
from PIL import Image, ImageChops

from lightning_gans.core.errors import InputError
from lightning_gans.demo.canvas import (
    Drawing,
    brush_choices,
    brush_colors,
    brush_widget,
    canvas,
    choose_brush_script,
    empty_canvas,
)
from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import direction_name, palette, parse_seed, resize_drawing, translate_image
from lightning_gans.demo.run_tab import grid_picture
from lightning_gans.demo.uploads import read_upload
from lightning_gans.demo.widgets import PROGRESS, before_and_after, upload_field
from lightning_gans.inference import ImageTranslator
from lightning_gans.runs.folder import RunFolder

Pair = tuple[Image.Image, Image.Image] | None


def translation_tab(
    page: gr.Blocks, translator: ImageTranslator, run: RunFolder | None, limits: Limits, stopping: threading.Event
) -> None:
    """Fill the tab.

    Args:
        page: the page.
        translator: the model.
        run: the run of its checkpoint, whose examples are shown; None if it is not known.
        limits: limits of uploads.
        stopping: set when the server stops, which ends a translation.
    """
    directions = translator.directions
    examples = {direction: read_examples(run, direction) for direction in directions}
    # The path of a file, so that a session takes little memory, or an image of the trained size.
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
            many = any(map(translator.latent_dim, directions))
            seed = gr.Number(0, label="Seed of the answer", precision=0, minimum=0, elem_id="seed", visible=many)
            shows_examples = any(examples.values())
            with gr.Tabs(selected="examples" if shows_examples else "upload"):
                with gr.Tab("Examples", id="examples", visible=shows_examples):
                    gallery = example_gallery(examples[directions[0]])
                with gr.Tab("Upload", id="upload"):
                    upload = upload_field("An image", limits, "upload")
                with gr.Tab("Draw", id="draw"):
                    brush = brush_widget(translator, directions[0])
                    colors = gr.HTML(brush_colors(translator, directions[0]), elem_id="brush-colors")
                    editor = canvas(translator, limits)
        with gr.Column(scale=1, min_width=300):
            result = before_and_after("Before and after", "result")

    @show_errors
    def translate(image: Image.Image | None, selected: str, number: float, progress: gr.Progress) -> Pair:
        def step(done: int, total: int) -> None:
            if stopping.is_set():
                raise gr.Error("the server is stopping", print_exception=False)
            progress((done, total))

        return translate_image(translator, image, selected, step, parse_seed(number)) if image else None

    def take_file(
        path: str | None, selected: str, number: float, progress: gr.Progress = PROGRESS
    ) -> tuple[str | None, Pair]:
        try:
            image = read_upload(path, limits) if path else None
        except InputError as error:
            # Not gr.Error, which would keep the translation of an earlier file.
            gr.Warning(str(error))
            image = None
        return str(path) if image else None, translate(image, selected, number, progress)

    def show_example(
        selected: str, number: float, place: int, progress: gr.Progress
    ) -> tuple[Image.Image | None, Pair]:
        image = next(iter(examples[selected][place : place + 1]), None)
        return image, translate(image, selected, number, progress)

    def take_example(selected: str, number: float, chosen: gr.SelectData, progress: gr.Progress = PROGRESS) -> Any:
        # The browser sends the place of the image, of any type.
        place = chosen.index if isinstance(chosen.index, int) and chosen.index >= 0 else 0
        return show_example(selected, number, place, progress)

    def take_first(selected: str, number: float, progress: gr.Progress = PROGRESS) -> Any:
        return show_example(selected, number, 0, progress)

    @show_errors
    def answer(given: str | Image.Image | None, selected: str, number: float, progress: gr.Progress = PROGRESS) -> Pair:
        image = read_upload(given, limits) if isinstance(given, str) else given
        return translate(image, selected, number, progress)

    @show_errors
    def turn(given: str | Image.Image | None, selected: str, number: float, progress: gr.Progress = PROGRESS) -> Any:
        # A file is translated in the other direction; a drawing or an example is an image of the other domain.
        shown: tuple[str | Image.Image | None, Pair]
        if isinstance(given, str):
            shown = given, translate(read_upload(given, limits), selected, number, progress)
        else:
            shown = show_example(selected, number, 0, progress)
        return (
            *shown,
            empty_canvas(translator, selected),
            gr.update(**brush_choices(translator, selected)),
            brush_colors(translator, selected),
            examples[selected],
        )

    # One event each: Gradio may lose the end of a chain of events when files follow each other quickly.
    upload.upload(take_file, [upload, direction, seed], [source, result], **event_options("full"))
    upload.clear(lambda: (None, None), None, [source, result], **event_options())
    if shows_examples:
        gallery.select(take_example, [direction, seed], [source, result], **event_options("full"))
        page.load(take_first, [direction, seed], [source, result], **event_options())

    @show_errors
    def take(drawing: Drawing | None, selected: str, number: float) -> Any:
        # The editor sends an event for its empty canvas when it is first shown.
        if drawing is None or not ImageChops.difference(*drawing).getbbox():
            return gr.skip()
        drawn = resize_drawing(drawing.composite, translator.sizes[selected], palette(translator, selected))
        return drawn, translate_image(translator, drawn, selected, seed=parse_seed(number))

    seed.input(answer, [source, direction, seed], result, **event_options())
    editor.input(take, [editor, direction, seed], [source, result], **event_options(trigger_mode="multiple"))
    turned = [source, result, editor, brush, colors, gallery]
    direction.change(turn, [source, direction, seed], turned, **event_options("full"))
    choose = choose_brush_script(translator)
    direction.change(None, direction, editor, js=choose, api_visibility="private")
    brush.input(None, [direction, brush], editor, js=choose, api_visibility="private")


def read_examples(run: RunFolder | None, direction: str) -> list[Image.Image]:
    """The real images in a run's folder that a direction translates; a damaged one is left out."""
    found = []
    for path in run.examples(direction.partition("_to_")[0]) if run else []:
        with suppress(InputError):
            found.append(grid_picture(path).convert("RGB"))
    return found


def example_gallery(images: list[Image.Image]) -> gr.Gallery:
    """Small images to click."""
    return gr.Gallery(
        images,
        format="png",
        type="pil",
        label="Images of the validation split",
        columns=3,
        object_fit="contain",
        height="auto",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="examples",
    )
