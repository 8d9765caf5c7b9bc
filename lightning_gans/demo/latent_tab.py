"""The tab of a model from noise: pictures of a seed and a class, and the way from one to another."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from lightning_gans.demo.events import quietly, speaking
from lightning_gans.demo.pictures import MOST, Place, film_strip, on_the_way, pictures
from lightning_gans.inference import LatentSampler

SLIDER_SEEDS = 999
"""The last seed of a slider; its field takes any."""


class Chosen(NamedTuple):
    """The widgets of one :class:`.Place`."""

    seed: gr.Number
    label: gr.Slider


def latent_tab(page: gr.Blocks, sampler: LatentSampler) -> None:
    """Fill the tab."""
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            shown = enlarged("pictures", "Pictures", 440)
        with gr.Column(scale=1, min_width=300):
            start = place_widgets(sampler, "start", 0)
            every = gr.Checkbox(True, label="All classes in turn", elem_id="every", visible=sampler.num_classes > 0)
            count = gr.Slider(1, MOST, 16, step=1, label="Pictures", elem_id="count")
            truncation = gr.Slider(
                0, 3, 0, step=0.05, label="Truncation", info="Bound of the latent vector; 0: none", elem_id="truncation"
            )
    gr.Markdown("## On the way to another picture")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            between = enlarged("between", "At this position", 260)
        with gr.Column(scale=1, min_width=300):
            end = place_widgets(sampler, "end", 1)
            position = gr.Slider(0, 1, 0.5, step=0.01, label="Position", elem_id="position")
    strip = enlarged("strip", "The whole way", 160)

    @speaking
    def draw(seed: float, label: float, all_classes: bool, number: float, bound: float) -> Image.Image:
        return pictures(sampler, Place(seed, int(label)), int(number), bound, all_classes)

    @speaking
    def draw_between(*values: float) -> Image.Image:
        return on_the_way(sampler, Place(values[0], int(values[1])), Place(values[2], int(values[3])), *values[4:])

    @speaking
    def draw_strip(*values: float) -> Image.Image:
        return film_strip(sampler, Place(values[0], int(values[1])), Place(values[2], int(values[3])), *values[4:])

    asked: list[Any] = [*start, every, count, truncation]
    gr.on([page.load, *(widget.change for widget in asked)], draw, asked, shown, **quietly())
    ends = [*start, *end]
    asked = [*ends, position, truncation]
    gr.on([page.load, *(widget.change for widget in asked)], draw_between, asked, between, **quietly())
    asked = [*ends, truncation]
    gr.on([page.load, *(widget.change for widget in asked)], draw_strip, asked, strip, **quietly())
    # Who moves the class wants to see it.
    start.label.input(lambda: False, None, every, **quietly())


def enlarged(name: str, label: str, height: int) -> gr.Image:
    """A picture that is shown large; its file has the pixels of the network and no others."""
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


def place_widgets(sampler: LatentSampler, name: str, seed: int) -> Chosen:
    """The widgets of a place: a field and a slider for the seed, and where there are any, one for the class."""
    with gr.Row(equal_height=True):
        field = gr.Number(seed, label="Seed", precision=0, minimum=0, elem_id=f"{name}-seed", scale=1, min_width=90)
        slider = gr.Slider(
            0,
            SLIDER_SEEDS,
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
    # In the browser alone: the field is what counts, the slider a way to it.
    slider.input(None, slider, field, js="value => value", api_visibility="private")
    field.input(None, field, slider, js=f"value => Math.min(value ?? 0, {SLIDER_SEEDS})", api_visibility="private")
    label = gr.Slider(
        0,
        max(1, sampler.num_classes - 1),
        0,
        step=1,
        label="Class",
        elem_id=f"{name}-class",
        visible=sampler.num_classes > 0,
    )
    return Chosen(field, label)
