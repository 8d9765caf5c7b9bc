"""The tab of the checkpoint's run: curves, grids and scores; the run's files themselves are not served."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from lightning_gans.core.errors import InputError
from lightning_gans.demo.events import event_options, show_errors
from lightning_gans.demo.pictures import domain_name
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.record import ModelMetadata
from lightning_gans.runs.scores import ScoreRow, parse_complete_rows


class Moment(NamedTuple):
    """The grids of one validation.

    Attributes:
        epoch: epochs begun.
        step: steps done.
        grids: files by domain; "" where there is one domain only.
    """

    epoch: int
    step: int
    grids: dict[str, Path]

    def __str__(self) -> str:
        return f"epoch {self.epoch}, step {self.step:,}"


def timeline(run: RunFolder) -> list[Moment]:
    """The validations of a run that drew grids, oldest first."""
    found: dict[tuple[int, int], dict[str, Path]] = {}
    for grid in run.grids("val"):
        found.setdefault((grid.epoch, grid.step), {})[grid.domain] = grid.path
    return [Moment(*moment, found[moment]) for moment in sorted(found)]


def grid_picture(path: Path) -> Image.Image:
    """Read a grid.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        # Not Image.open, whose limit of pixels is set to that of uploads.
        with PngImageFile(path) as file:
            file.load()
            return file.copy()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"the grid {path.name} cannot be read ({error})") from error


def curves(run: RunFolder) -> Image.Image | None:
    """The curves of the run's log until now; None if nothing in it can be drawn."""
    from lightning_gans.runs.curves import draw_curves  # Matplotlib takes a while

    with tempfile.TemporaryDirectory() as folder:
        figure = RunFolder(Path(folder)).curves
        draw_curves(run.metrics, figure)
        return grid_picture(figure) if figure.is_file() else None


def newest_scores(run: RunFolder | None, metadata: ModelMetadata) -> list[ScoreRow]:
    """The newest row of scores of each stamp, from the checkpoint and from the run's file."""
    rows = parse_complete_rows(metadata.get("scores", [])) + (run.read_scores() if run else [])
    # The domains of a translation have equal stamps.
    return list({(str(row.stamp), *sorted(row.scores)): row for row in rows}.values())


def scores_text(rows: list[ScoreRow]) -> str:
    """Rows of scores in Markdown, each with its stamp."""
    parts = []
    for row in rows:
        step, epoch = ("?" if count is None else count for count in (row.step, row.epoch))
        lines = [f"| {name} | {value:.4g} |" for name, value in row.scores.items()]
        parts += [
            f"**step {step}, epoch {epoch}**",
            "\n".join(["| Score | Value |", "| --- | ---: |", *lines]),
            f"`{row.stamp}`",
        ]
    return "\n\n".join(parts) or "No scores are known."


def run_tab(tab: gr.Tab, run: RunFolder | None, metadata: ModelMetadata) -> None:
    """Fill the tab. While the run is still training, opening the tab again shows its new files."""
    if run is None:
        gr.Markdown("This checkpoint is not in a run's folder, so there are no curves and grids to show.")
        if "shipped" in metadata:
            label = f"Trained in {metadata['shipped']['trained']} by"
            gr.Textbox(metadata["shipped"]["command"], label=label, interactive=False, elem_id="command")
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
                label=f"Grid of domain {domain_name(metadata, domain)}" if domain else "Grid",
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
    def show_curves() -> tuple[Any, str]:
        drawn = curves(run)
        # A run without a log has no empty frame.
        return gr.update(value=drawn, visible=drawn is not None), scores_text(newest_scores(run, metadata))

    @show_errors
    def extend_slider() -> Any:
        return gr.update(maximum=max(2, len(timeline(run))))

    if moments:
        gr.on([tab.select, place.change], show_grids, place, [caption, *grids], **event_options())
        tab.select(extend_slider, None, place, **event_options())
    tab.select(show_curves, None, [figure, scores], **event_options("minimal"))
