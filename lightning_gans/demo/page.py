"""The page: title, tabs and theme."""

from __future__ import annotations

import html
import threading
from pathlib import Path

import gradio as gr

from lightning_gans.core.errors import InputError
from lightning_gans.demo.latent_tab import latent_tab
from lightning_gans.demo.limits import KEEP_SECONDS, Limits
from lightning_gans.demo.pictures import direction_name
from lightning_gans.demo.run_tab import run_tab
from lightning_gans.demo.translation_tab import translation_tab
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel
from lightning_gans.runs.folder import RunFolder

CSS = Path(__file__).parent / "page.css"


def build(
    model: PretrainedModel,
    run: RunFolder | None,
    limits: Limits,
    stopping: threading.Event,
    exported: RunFolder | None = None,
) -> gr.Blocks:
    """Build the page of a model.

    Args:
        model: the trained model.
        run: the run of its checkpoint; None if it is not known.
        limits: limits of uploads.
        stopping: set when the server stops.
        exported: the folder of an exported model, which has examples to translate if it ships with the package.

    Raises:
        InputError: if the page cannot show the model's images.
    """
    check_channels(model)
    page: gr.Blocks
    with gr.Blocks(
        title=f"{page_title(model)} - lightning-gans", analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)
    ) as page:
        # Not Markdown: names in a checkpoint may have any characters.
        title, facts = (html.escape(text) for text in (page_title(model), describe_model(model)))
        gr.HTML(f"<h1>{title}</h1><p>{facts}</p>", elem_id="title", elem_classes="prose")
        with gr.Tabs():
            if isinstance(model, LatentSampler):
                with gr.Tab("Images"):
                    latent_tab(page, model, limits, stopping)
            elif isinstance(model, ImageTranslator):
                with gr.Tab("Translation"):
                    translation_tab(page, model, run or exported, limits, stopping)
            with gr.Tab("The run", elem_id="run-tab") as tab:
                run_tab(tab, run, model.metadata)
    return page


def check_channels(model: PretrainedModel) -> None:
    """Check that the page can show a model's images.

    Raises:
        InputError: if it cannot.
    """
    if not isinstance(model, ImageTranslator):
        return
    for network in (model.network(direction) for direction in model.directions):
        for side, channels in (("input", network.channels_in), ("output", network.channels_out)):
            if channels not in (1, 3):
                raise InputError(
                    f"the model's {side} has {channels} channels; the page expects 1 (gray) or 3 (RGB); label maps are "
                    "translated by `lightning-gans translate`, arrays in Python by translate_array"
                )


def theme() -> gr.themes.Base:
    """Colors, and the system's fonts; Gradio would load its own from other servers."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")
    return gr.themes.Default(primary_hue="blue", neutral_hue="slate", radius_size="sm", font=sans, font_mono=mono)


def model_name(model: PretrainedModel) -> str:
    """The name of the model: the class of its variant."""
    unnamed = "An imported model" if "imported_from" in model.metadata else "A trained model"
    return str(model.metadata.get("variant", unnamed)).rpartition(".")[2]


def page_title(model: PretrainedModel) -> str:
    """The names of the model and its training data; that of the data's class in older checkpoints."""
    data = model.metadata.get("data", "").rpartition(".")[2].removesuffix("DataModule")
    data = model.metadata.get("data_name", data)
    return f"{model_name(model)} on {data}" if data else model_name(model)


def describe_model(model: PretrainedModel) -> str:
    """The model's metadata in one line."""
    metadata = model.metadata
    facts = []
    if "imported_from" in metadata:
        facts.append(f"imported from {metadata['imported_from']}")
    if "step" in metadata:
        facts.append(f"step {metadata['step']:,}")
    if "epoch" in metadata:
        facts.append(f"epoch {metadata['epoch']}")
    facts.append({"ema": "averaged weights", "raw": "raw weights"}.get(model.weights_kind, "unknown weights"))
    if isinstance(model, LatentSampler):
        facts.append("{}\u00a0x\u00a0{} pixels".format(*model.network.size))
        if model.num_classes:
            facts.append(f"{model.num_classes} classes")
    elif isinstance(model, ImageTranslator):
        facts.append(" and ".join(direction_name(model, direction) for direction in model.directions))
        facts.append("trained on {}\u00a0x\u00a0{} pixels".format(*model.sizes[model.directions[0]]))
    if "seed" in metadata:
        facts.append(f"run with seed {metadata['seed']}")
    return " · ".join(facts)
