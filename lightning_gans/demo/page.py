"""The page as a whole."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from lightning_gans.demo.latent_tab import latent_tab
from lightning_gans.demo.run_tab import run_tab
from lightning_gans.demo.translation_tab import translation_tab
from lightning_gans.demo.uploads import Limits
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel
from lightning_gans.runs.folder import RunFolder

CSS = Path(__file__).parent / "page.css"

KEPT = 3600
"""Seconds for which pictures that the page has shown are kept, so that they can be downloaded."""


def build(model: PretrainedModel, run: RunFolder | None, limits: Limits) -> gr.Blocks:
    """The page of a model, and of the run that it is from, if that is known."""
    page: gr.Blocks
    with gr.Blocks(
        title=f"{name_of(model)} - lightning-gans", analytics_enabled=False, delete_cache=(600, KEPT)
    ) as page:
        gr.Markdown(f"# {name_of(model)}\n{facts_of(model)}", elem_id="title")
        with gr.Tabs():
            if isinstance(model, LatentSampler):
                with gr.Tab("Pictures"):
                    latent_tab(page, model)
            elif isinstance(model, ImageTranslator):
                with gr.Tab("Translation"):
                    translation_tab(model, limits)
            with gr.Tab("The run", elem_id="run-tab") as tab:
                run_tab(tab, run, model.metadata)
    return page


def theme() -> gr.themes.Base:
    """Colours and fonts; these are the system's, as Gradio's own come from elsewhere."""
    sans = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")
    return gr.themes.Default(primary_hue="blue", neutral_hue="slate", radius_size="sm", font=sans, font_mono=mono)


def name_of(model: PretrainedModel) -> str:
    """What the model is called: the class of its variant."""
    return str(model.metadata.get("variant", "A trained model")).rpartition(".")[2]


def facts_of(model: PretrainedModel) -> str:
    """What is known of the model, in one line."""
    metadata = model.metadata
    facts = []
    if "step" in metadata:
        facts.append(f"step {metadata['step']:,}")
    if "epoch" in metadata:
        facts.append(f"epoch {metadata['epoch']}")
    facts.append({"ema": "averaged weights", "raw": "weights as trained"}.get(model.weights_kind, "weights unknown"))
    if isinstance(model, LatentSampler):
        facts.append(f"{model.network.size} x {model.network.size} pixels")
        if model.num_classes:
            facts.append(f"{model.num_classes} classes")
    elif isinstance(model, ImageTranslator):
        facts.append(f"trained on {model.sizes[model.directions[0]]} x {model.sizes[model.directions[0]]} pixels")
    if "seed" in metadata:
        facts.append(f"run with seed {metadata['seed']}")
    return " · ".join(facts)
