"""The part of the page that moves an image along directions in latent space, found without labels."""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr
import torch
from PIL import Image

from lightning_gans.analysis.directions import Directions
from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.pictures import ALL_CLASSES, Choice, draw, parse_seed, truncation_of
from lightning_gans.inference import LatentSampler
from lightning_gans.networks.styles import PARTS, StyleGenerator, part_of_layers

MOST_SLIDERS = 6
"""Largest number of directions that have a slider."""

ALL_LAYERS = "all"
"""The choice of all layers that are given a style."""


def has_directions(sampler: LatentSampler) -> bool:
    """Whether the generator says which weights are given the latent vector."""
    return bool(sampler.network.latent_weights())


def find_directions(sampler: LatentSampler, part: str = ALL_LAYERS) -> Directions:
    """The directions of a model.

    Args:
        sampler: the model.
        part: of a generator with a mapping network, the layers to move: "all", "coarse", "middle" or "fine".

    Raises:
        ValueError: if there is no such part.
    """
    if part == ALL_LAYERS or not isinstance(sampler.network, StyleGenerator):
        return Directions(sampler)
    return Directions(sampler, part_of_layers(part, sampler.network.style_layers))


def move_image(
    sampler: LatentSampler, choice: Choice, directions: Directions, amounts: list[float], truncation: float | None
) -> Image.Image:
    """The first image of a seed, moved along directions.

    Args:
        sampler: the model.
        choice: the seed, and the class; the first if all are chosen.
        directions: those of the model.
        amounts: standard deviations along the first directions.
        truncation: see :meth:`.LatentSampler.sample`; of z before the image is moved, of w after.

    Raises:
        ValueError: if an argument is out of range.
    """
    labels = None
    if sampler.num_classes:
        labels = sampler.label_inputs(1, 0 if choice.label == ALL_CLASSES else choice.label)
    latent = sampler.latents([0], parse_seed(choice.seed))
    styled = isinstance(sampler.network, StyleGenerator)
    if truncation is not None and not styled:
        sampler.space.check_truncation(truncation)
        latent = sampler.space.truncated(latent, truncation)
    moved = directions.move(sampler.points(latent, labels), torch.tensor([amounts]))
    return draw(sampler.generate(moved, labels, truncation if styled else None), 1)


def directions_part(page: gr.Blocks, sampler: LatentSampler, start: tuple[Any, Any], truncation: Any) -> None:
    """Add the part to the page, if the generator says which weights are given the latent vector.

    Args:
        page: the page.
        sampler: the model.
        start: the widgets of the seed and the class of the first image.
        truncation: the slider of the truncation.
    """
    if not has_directions(sampler):
        return
    found = functools.cache(lambda part: find_directions(sampler, part))
    count = min(MOST_SLIDERS, len(found(ALL_LAYERS)))
    gr.Markdown("## Directions in which images change most")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            shown = gr.Image(
                format="png",
                type="pil",
                label="The first image, moved",
                alt_text="The first image, moved",
                height=440,
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="moved",
                elem_classes=["framed", "pixels"],
            )
            caption = gr.HTML(elem_id="moved-caption", elem_classes="caption")
        with gr.Column(scale=1, min_width=300):
            layers = gr.Dropdown(
                [ALL_LAYERS, *PARTS],
                value=ALL_LAYERS,
                label="Layers that are moved",
                elem_id="direction-layers",
                visible=isinstance(sampler.network, StyleGenerator),
            )
            sliders = [
                gr.Slider(-4, 4, 0, step=0.1, label=f"Direction {place}", elem_id=f"direction-{place}")
                for place in range(1, count + 1)
            ]
            reset = gr.Button("Back to the image", size="sm", elem_id="direction-reset")

    @show_errors
    def move(seed: float, label: int | None, strength: float, part: str, *amounts: float) -> tuple[Image.Image, str]:
        directions = found(part)
        choice = Choice(seed, ALL_CLASSES if label is None else label)
        image = move_image(sampler, choice, directions, list(amounts), truncation_of(sampler.space, strength))
        shares = ", ".join(f"{share:.1%}" for share in directions.shares[:count].tolist())
        return image, f"Sliders are in standard deviations. Shares of the eigenvalues of these directions: {shares}."

    inputs = [*start, truncation, layers, *sliders]
    changes = [page.load, *(widget.change for widget in inputs)]
    gr.on(changes, move, inputs, [shown, caption], **event_options())
    # Runs in the browser only.
    reset.click(None, None, sliders, js=f"() => Array({count}).fill(0)", api_visibility="private")
