"""The tab of a model that generates images from noise: images by seed and class, and interpolations."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.pictures import MAX_IMAGES, Choice, film_strip, interpolate_at, sample_grid
from lightning_gans.inference import LatentSampler

MAX_SLIDER_SEED = 999
"""Largest seed of the slider; the number field accepts any."""


class ChoiceWidgets(NamedTuple):
    """The widgets of a :class:`.Choice`."""

    seed: gr.Number
    label: gr.Slider


def latent_tab(page: gr.Blocks, sampler: LatentSampler) -> None:
    """Fill the tab."""
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            shown = enlarged_image("pictures", "Images", 440)
        with gr.Column(scale=1, min_width=300):
            start = choice_widgets(sampler, "start", 0)
            every = gr.Checkbox(True, label="All classes in turn", elem_id="every", visible=sampler.num_classes > 0)
            count = gr.Slider(1, MAX_IMAGES, 16, step=1, label="Images", elem_id="count")
            truncation = gr.Slider(
                0,
                3,
                0,
                step=0.05,
                label="Truncation",
                info="Largest absolute value in the latent vector; 0 for no bound",
                elem_id="truncation",
            )
    gr.Markdown("## Interpolation to another image")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            between = enlarged_image("between", "Image at this position", 260)
        with gr.Column(scale=1, min_width=300):
            end = choice_widgets(sampler, "end", 1)
            position = gr.Slider(0, 1, 0.5, step=0.01, label="Position", elem_id="position")
    strip = enlarged_image("strip", "Images at all positions", 160)

    @show_errors
    def draw(seed: float, label: float, all_classes: bool, number: float, bound: float) -> Image.Image:
        return sample_grid(sampler, Choice(seed, int(label)), int(number), bound, all_classes)

    @show_errors
    def draw_between(*values: float) -> Image.Image:
        return interpolate_at(
            sampler, Choice(values[0], int(values[1])), Choice(values[2], int(values[3])), *values[4:]
        )

    @show_errors
    def draw_strip(*values: float) -> Image.Image:
        return film_strip(sampler, Choice(values[0], int(values[1])), Choice(values[2], int(values[3])), *values[4:])

    inputs: list[Any] = [*start, every, count, truncation]
    gr.on([page.load, *(widget.change for widget in inputs)], draw, inputs, shown, **event_options())
    ends = [*start, *end]
    inputs = [*ends, position, truncation]
    gr.on([page.load, *(widget.change for widget in inputs)], draw_between, inputs, between, **event_options())
    inputs = [*ends, truncation]
    gr.on([page.load, *(widget.change for widget in inputs)], draw_strip, inputs, strip, **event_options())
    # Moving the slider of the class shows that class.
    start.label.input(lambda: False, None, every, **event_options())


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


def choice_widgets(sampler: LatentSampler, name: str, seed: int) -> ChoiceWidgets:
    """A number field and a slider for the seed, and for a conditional model a slider for the class."""
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
    # Runs in the browser only. The number field holds the value; the slider sets it.
    slider.input(None, slider, field, js="value => value", api_visibility="private")
    field.input(None, field, slider, js=f"value => Math.min(value ?? 0, {MAX_SLIDER_SEED})", api_visibility="private")
    label = gr.Slider(
        0,
        max(1, sampler.num_classes - 1),
        0,
        step=1,
        label="Class",
        elem_id=f"{name}-class",
        visible=sampler.num_classes > 0,
    )
    return ChoiceWidgets(field, label)
