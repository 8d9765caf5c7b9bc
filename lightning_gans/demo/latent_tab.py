"""The tab of a model that generates images from noise: images by seed and class, interpolations and directions."""

from __future__ import annotations

import html
import threading
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from lightning_gans.demo.directions_part import directions_part
from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import (
    ALL_CLASSES,
    MAX_IMAGES,
    Choice,
    class_names,
    default_count,
    describe_grid,
    film_strip,
    interpolate_at,
    sample_grid,
    truncation_of,
)
from lightning_gans.demo.projection_part import projection_part
from lightning_gans.inference import LatentSampler

MAX_SLIDER_SEED = 999
"""Largest seed of the slider; the number field accepts any."""


class ChoiceWidgets(NamedTuple):
    """The widgets of a :class:`.Choice`."""

    seed: gr.Number
    label: gr.Dropdown


def latent_tab(page: gr.Blocks, sampler: LatentSampler, limits: Limits, stopping: threading.Event) -> None:
    """Fill the tab.

    Args:
        page: the page.
        sampler: the model.
        limits: limits of uploads.
        stopping: set when the server stops.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            shown = enlarged_image("pictures", "Images", 440)
            caption = gr.HTML(elem_id="caption", elem_classes="caption")
        with gr.Column(scale=1, min_width=300):
            start = choice_widgets(sampler, "start", 0, all_classes=True)
            count = gr.Slider(
                1, MAX_IMAGES, default_count(sampler.num_classes), step=1, label="Images", elem_id="count"
            )
            truncation = gr.Slider(
                0,
                0.95,
                0,
                step=0.05,
                label="Truncation",
                info="0 for none; further to the right, images are more typical and less varied",
                elem_id="truncation",
            )
    gr.Markdown("## Interpolation from the first image to another")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            between = enlarged_image("between", "Image at this position", 260)
        with gr.Column(scale=1, min_width=300):
            end = choice_widgets(sampler, "end", 1)
            position = gr.Slider(0, 1, 0.5, step=0.01, label="Position", elem_id="position")
    strip = enlarged_image("strip", "Images at all positions", 160)
    directions_part(page, sampler, start, truncation)
    projection_part(sampler, limits, stopping)

    def bound(strength: float) -> float | None:
        return truncation_of(sampler.space, strength)

    @show_errors
    def draw(seed: float, label: int | None, number: float, strength: float) -> tuple[Image.Image, str]:
        choice = Choice(seed, ALL_CLASSES if label is None else label)
        text = describe_grid(sampler, choice, bound(strength)) if number > 1 else ""
        return sample_grid(sampler, choice, int(number), bound(strength)), html.escape(text)

    @show_errors
    def draw_between(*values: Any) -> Image.Image:
        return interpolate_at(sampler, *choices(*values[:4]), values[4], bound(values[5]))

    @show_errors
    def draw_strip(*values: Any) -> Image.Image:
        return film_strip(sampler, *choices(*values[:4]), bound(values[4]))

    inputs: list[Any] = [*start, count, truncation]
    gr.on([page.load, *(widget.change for widget in inputs)], draw, inputs, [shown, caption], **event_options())
    ends = [*start, *end]
    inputs = [*ends, position, truncation]
    gr.on([page.load, *(widget.change for widget in inputs)], draw_between, inputs, between, **event_options())
    inputs = [*ends, truncation]
    gr.on([page.load, *(widget.change for widget in inputs)], draw_strip, inputs, strip, **event_options())


def choices(seed: float, label: int | None, end_seed: float, end_label: int | None) -> tuple[Choice, Choice]:
    """The two ends of an interpolation; a class that is not chosen is the first."""
    return Choice(seed, label or 0), Choice(end_seed, end_label or 0)


def enlarged_image(name: str, label: str, height: int) -> gr.Image:
    """An image that is shown enlarged; its file has the network's pixels."""
    return gr.Image(
        format="png",
        type="pil",
        label=label,
        alt_text=label,
        height=height,
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=name,
        elem_classes=["framed", "pixels"],
    )


def choice_widgets(sampler: LatentSampler, name: str, seed: int, *, all_classes: bool = False) -> ChoiceWidgets:
    """A number field, a slider and a button for the seed, and for a conditional model a list of the classes.

    Args:
        sampler: the model.
        name: prefix of the widgets' names.
        seed: the first value.
        all_classes: whether the first entry of the list is that the images have all classes in turn.
    """
    with gr.Group():
        with gr.Row(equal_height=True):
            field = gr.Number(seed, label="Seed", precision=0, minimum=0, elem_id=f"{name}-seed", scale=1, min_width=90)
            slider = gr.Slider(
                0,
                MAX_SLIDER_SEED,
                seed,
                step=1,
                label="Seed",
                show_label=False,
                buttons=[],
                elem_id=f"{name}-seed-slider",
                elem_classes="bare",
                scale=3,
                min_width=160,
            )
        random = gr.Button("Random seed", size="sm", elem_id=f"{name}-random")
        entries = [(each, label) for label, each in enumerate(class_names(sampler))]
        label = gr.Dropdown(
            [("All in turn", ALL_CLASSES), *entries] if all_classes else entries or [("None", 0)],
            value=ALL_CLASSES if all_classes else 0,
            label="Class",
            elem_id=f"{name}-class",
            visible=sampler.num_classes > 0,
        )
    # Runs in the browser only. The number field holds the value; the slider and the button set it.
    slider.input(None, slider, field, js="value => value", api_visibility="private")
    field.input(None, field, slider, js=f"value => Math.min(value ?? 0, {MAX_SLIDER_SEED})", api_visibility="private")
    drawn = f"Math.floor({MAX_SLIDER_SEED + 1} * Math.random())"
    js = f"() => {{ const seed = {drawn}; return [seed, seed]; }}"
    random.click(None, None, [field, slider], js=js, api_visibility="private")
    return ChoiceWidgets(field, label)
