"""Widgets that several parts of the page have: a slider between two images, and a field for an upload."""

from __future__ import annotations

import gradio as gr

from lightning_gans.demo.limits import Limits

PROGRESS = gr.Progress()
"""As the default of a handler's argument, it makes Gradio show a progress bar."""


def before_and_after(label: str, elem_id: str) -> gr.ImageSlider:
    """A slider between two images, which a visitor can enlarge and save.

    Args:
        label: what the images are.
        elem_id: id of the element in the page.
    """
    return gr.ImageSlider(
        format="png",
        type="pil",
        label=label,
        interactive=False,
        elem_id=elem_id,
        elem_classes="pixels",
        buttons=["download", "fullscreen"],
    )


def upload_field(what: str, limits: Limits, elem_id: str) -> gr.File:
    """A field for the file of a picture, whose label names the limits.

    Args:
        what: what is uploaded, such as "A picture".
        limits: limits of uploads.
        elem_id: id of the element in the page.
    """
    return gr.File(
        label=f"{what} of at most {limits.upload_mb:g} MB and {limits.pixels:,} pixels",
        type="filepath",
        elem_id=elem_id,
        file_types=["image"],
        height=180,
    )
