"""The tab of the checkpoint's run: curves, grids and scores."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.run_files import curves, grid_picture, newest_scores, scores_text, timeline
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.record import ModelMetadata


def run_tab(tab: gr.Tab, run: RunFolder | None, metadata: ModelMetadata) -> None:
    """Fill the tab. While the run is still training, opening the tab again shows its new files."""
    if run is None:
        gr.Markdown("This checkpoint is not in a run's folder, so there are no curves and grids to show.")
        gr.Markdown(scores_text(newest_scores(None, metadata)), elem_id="scores", elem_classes="wide")
        return
    moments = timeline(run)
    domains = sorted({domain for moment in moments for domain in moment.grids})
    caption = gr.Markdown("The run has no grids." if not moments else "", elem_id="moment")
    place = gr.Slider(
        1, max(2, len(moments)), len(moments), step=1, label="Validation", elem_id="place", visible=len(moments) > 1
    )
    with gr.Row():
        grids = [
            gr.Image(
                format="png",
                type="pil",
                label=f"Grid of domain {domain}" if domain else "Grid",
                alt_text="Grid",
                interactive=False,
                elem_id=f"grid-{domain}" if domain else "grid",
                buttons=["download", "fullscreen"],
                elem_classes=["framed", "pixels"],
                min_width=280,
            )
            for domain in domains
        ]
    figure = gr.Image(
        format="png",
        type="pil",
        label="Curves",
        alt_text="Curves",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="curves",
        elem_classes="framed",
    )
    scores = gr.Markdown(elem_id="scores", elem_classes="wide")

    @show_errors
    def show_grids(at: float) -> list[Any]:
        found = timeline(run)
        moment = found[min(max(1, int(at)), len(found)) - 1]
        paths = [moment.grids.get(domain) for domain in domains]
        return [f"Grids of {moment}", *(grid_picture(path) if path else None for path in paths)]

    @show_errors
    def show_curves() -> tuple[Image.Image | None, str]:
        return curves(run), scores_text(newest_scores(run, metadata))

    @show_errors
    def extend_slider() -> Any:
        return gr.update(maximum=max(2, len(timeline(run))))

    if moments:
        gr.on([tab.select, place.change], show_grids, place, [caption, *grids], **event_options())
        tab.select(extend_slider, None, place, **event_options())
    tab.select(show_curves, None, [figure, scores], **event_options("minimal"))
