"""The part of the page that finds the image of a model that is nearest to an uploaded picture."""

from __future__ import annotations

import functools
import html
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from PIL import Image

from lightning_gans.core.drawing import is_picture, to_pil
from lightning_gans.core.images import has_alpha, to_uint8
from lightning_gans.core.pixel_files import MODES, load_pixels
from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import class_names
from lightning_gans.demo.uploads import read_upload
from lightning_gans.demo.widgets import PROGRESS, before_and_after, upload_field
from lightning_gans.inference import LatentSampler

if TYPE_CHECKING:
    from lightning_gans.inference.projection import Projector


def has_projection(sampler: LatentSampler) -> bool:
    """Whether the model's images are pictures that can be uploaded."""
    return is_picture(sampler.network.size) and sampler.network.channels in MODES


def find_nearest(
    sampler: LatentSampler, projector: Projector, path: Path, limits: Limits, progress: Callable[[float], object]
) -> tuple[tuple[Image.Image, Image.Image], str]:
    """Find the image of a model that is nearest to an uploaded picture, as the command ``project`` does.

    Args:
        sampler: the model.
        projector: the search.
        path: the picture.
        limits: are checked before it is decoded.
        progress: called after each step.

    Returns:
        The picture as the model is given it, the nearest image, and a sentence about them.

    Raises:
        InputError: if the picture cannot be read or is too large.
    """
    read_upload(path, limits)
    picture = load_pixels(path, sampler.network.channels, sampler.network.size)
    found = projector.project(picture, progress=progress)
    text = f"The nearest image has a peak signal-to-noise ratio of {found.psnr:.1f} dB to the picture"
    if found.labels is not None:
        text += f", and is of class {class_names(sampler)[int(found.labels[0])]}"
    kept = "lightning-gans project also saves its point in latent space"
    return (to_pil(picture), to_pil(to_uint8(found.image)[0])), f"{text}; {kept}."


def make_projector(sampler: LatentSampler) -> Projector:
    """The search in a model. It is made when it is first used: it loads torchmetrics, and a network of photos."""
    from lightning_gans.inference.projection import Projector

    return Projector.of_model(sampler)[0]


def projection_part(sampler: LatentSampler, limits: Limits, stopping: threading.Event) -> None:
    """Add the part to the page, if the model's images are pictures.

    Args:
        sampler: the model.
        limits: limits of uploads.
        stopping: set when the server stops, which ends a search.
    """
    if not has_projection(sampler):
        return
    projector = functools.cache(functools.partial(make_projector, sampler))
    gr.Markdown("## The image that is nearest to a picture")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            shown = before_and_after("The picture, and the nearest image", "nearest")
            caption = gr.HTML(elem_id="nearest-caption", elem_classes="caption")
        with gr.Column(scale=1, min_width=300):
            upload = upload_field("A picture", limits, "picture")

    @show_errors
    def find(path: str | None, progress: gr.Progress = PROGRESS) -> tuple[tuple[Image.Image, Image.Image] | None, str]:
        if path is None:
            return None, ""
        search, done = projector(), 0

        def step(_: float) -> None:
            nonlocal done
            if stopping.is_set():
                raise gr.Error("the server is stopping", print_exception=False)
            done += 1
            progress((done, search.steps))

        pair, text = find_nearest(sampler, search, Path(path), limits, step)
        white = [Image.alpha_composite(Image.new("RGBA", each.size, "white"), each.convert("RGBA")) for each in pair]
        return ((white[0], white[1]) if has_alpha(sampler.network.channels) else pair), html.escape(text)

    upload.upload(find, upload, [shown, caption], **event_options("full"))
    upload.clear(lambda: (None, ""), None, [shown, caption], **event_options())
