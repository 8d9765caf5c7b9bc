"""The gallery: one HTML file with pictures of several models, each with the command, the time and the stamps."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lightning_gans.core.drawing import grid, is_picture
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float, to_uint8
from lightning_gans.core.pixel_files import load_pixels
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel, load
from lightning_gans.inference.card import latest_scores, score_table, variant_summary
from lightning_gans.reporting.html.page import duration, page_environment, page_facts
from lightning_gans.reporting.html.pictures import Picture, embed, read_picture
from lightning_gans.reporting.html.run_report import read_facts
from lightning_gans.runs.find_checkpoint import find_checkpoint
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.json_lines import ignore_damage
from lightning_gans.runs.record import read_run_record
from lightning_gans.runs.scores import ScoreRow
from lightning_gans.runs.settings import describe_start

IMAGES = 40
"""Images in a grid of samples."""

MOST_CLASSES = 10
"""Largest number of classes, each of which is a column of such a grid."""

SEEDS, STEPS = 5, 10
"""Seeds between which interpolations are drawn, and images in each."""

EXAMPLES = 6
"""Images that are translated in each direction."""

MOST_SCORES = 6
"""Largest number of scores that are shown of a stamp, the most informative ones."""

UNCERTAINTY = re.compile("_ci95$")
"""End of the names of half widths of intervals, which are left out."""


@dataclass(frozen=True)
class Figure:
    """A picture of the gallery.

    Attributes:
        caption: what it shows.
        command: that draws the same; empty if none does.
        picture: the picture.
    """

    caption: str
    command: str
    picture: Picture


@dataclass(frozen=True)
class Entry:
    """What the gallery shows of a model.

    Attributes:
        name: of a shipped model, or the path that the user gave.
        title: the variant and the data.
        summary: what the variant is.
        command: that trained the model; empty if it is not known.
        facts: by name.
        scores: see :func:`shown_scores`.
        figures: the pictures.
    """

    name: str
    title: str
    summary: str
    command: str
    facts: dict[str, str]
    scores: list[dict[str, Any]]
    figures: list[Figure]


def read_entry(given: Path) -> Entry:
    """Load a model, and make its pictures.

    Args:
        given: a checkpoint, a run's folder, an exported folder or file, or the name of a shipped model.

    Raises:
        InputError: if there is no such model, or it cannot be built here.
    """
    place = find_checkpoint(given)
    model, run = load(place), RunFolder.containing(place)
    metadata, record = model.metadata, read_run_record(place, model.metadata)
    shipped = metadata.get("shipped", {})
    name, variant = shipped.get("name") or str(given), metadata.get("variant", "")
    data = metadata.get("data_name") or metadata.get("data", "").rpartition(".")[2].removesuffix("DataModule")
    configs = [each.first_config for each in (RunFolder(given), run) if each is not None]  # the path as it was given
    config = next((path for path in configs if path.is_file()), None)
    trained = "" if config is None else f"lightning-gans fit --config {shlex.quote(str(config))}"
    return Entry(
        name=name,
        title=" on ".join(filter(None, [variant.rpartition(".")[2] or "A trained model", data])),
        summary=variant_summary(variant),
        command=shipped.get("command", trained),
        facts=known_facts(model, run),
        scores=shown_scores(latest_scores(metadata, record)),
        figures=figures_of(model, shlex.quote(name), run or RunFolder(place)),
    )


def shown_scores(rows: Sequence[ScoreRow]) -> list[dict[str, Any]]:
    """The scores of tests, or all if there was no test: the most informative ones of each row, and its stamp."""
    found = []
    for row in [row for row in rows if row.split == "test"] or rows:
        table = score_table(row)
        pairs = [pair for pair in zip(table["names"], table["numbers"], strict=True) if not UNCERTAINTY.search(pair[0])]
        found.append({**table, "domain": row.domain, "pairs": pairs[:MOST_SCORES]})
    return found


def known_facts(model: PretrainedModel, run: RunFolder | None) -> dict[str, str]:
    """Facts about a model by name, without those that are not known."""
    metadata = model.metadata
    shipped, fit = metadata.get("shipped", {}), None if run is None else read_facts(run.fit_facts, "", ignore_damage)
    rounded = f", rounded to {metadata['rounded_to']}" if "rounded_to" in metadata else ""
    numbers = sum(parameter.numel() for parameter in model.parameters())
    facts = {
        "Trained in": shipped.get("trained") or duration((fit or {}).get("train_seconds")),
        "Started from": describe_start(metadata.get("started_from")),
        "Step": f"{metadata['step']:,}" if "step" in metadata else "",
        "Weights": f"{model.weights_kind}, {numbers:,} numbers{rounded}",
        "Training data": shipped.get("terms", ""),
        "License": shipped.get("license", ""),
    }
    return {key: value for key, value in facts.items() if value}


def figures_of(model: PretrainedModel, name: str, folder: RunFolder) -> list[Figure]:
    """The pictures of a model.

    Args:
        model: the model.
        name: as commands take it.
        folder: of its run, or in which it ships, for examples to translate.
    """
    if isinstance(model, LatentSampler):
        return [samples(model, name), interpolations(model, name)] if is_picture(model.network.size) else []
    assert isinstance(model, ImageTranslator)
    found = [translations(model, name, direction, folder) for direction in model.directions]
    return [figure for figure in found if figure is not None] or grids(folder)


def samples(model: LatentSampler, name: str) -> Figure:
    """The first images of seed 0; the columns are classes where there are few of them."""
    classes = model.num_classes if 1 < model.num_classes <= MOST_CLASSES else 0
    columns = classes or 8
    count = IMAGES // columns * columns
    drawn = grid(to_uint8(model.sample(count)), columns, scale=None)
    options = f"--n {count} --columns {columns} --out samples.png"
    caption = f"The first {count} images of seed 0, not selected" + (", a class in each column" if classes else "")
    return Figure(caption, f"lightning-gans sample {name} {options}", to_picture(drawn))


def interpolations(model: LatentSampler, name: str) -> Figure:
    """Interpolations from the first image of each seed to that of the next, a row for each."""
    seeds = list(range(SEEDS))
    labels = [seed % model.num_classes for seed in seeds] if model.num_classes else None
    images = to_uint8(model.interpolate(seeds, labels, STEPS))
    rows = [images[start : start + STEPS] for start in range(0, len(images) - 1, STEPS - 1)]
    classes = "" if labels is None else f" --classes {','.join(map(str, labels))}"
    options = f"--seeds 0-{SEEDS - 1}{classes} --steps {STEPS} --out interpolation.png"
    drawn = grid(torch.cat(rows), STEPS, scale=None)
    caption = "Interpolations between the first images of seeds" + (" and between classes" if classes else "")
    return Figure(caption, f"lightning-gans interpolate {name} {options}", to_picture(drawn))


def translations(model: ImageTranslator, name: str, direction: str, folder: RunFolder) -> Figure | None:
    """Examples beside their translations; None if there are none that can be read."""
    source, target = direction.split("_to_")
    paths, network = folder.examples(source)[:EXAMPLES], model.network(direction)
    try:
        sources = [load_pixels(path, network.channels_in, model.sizes[direction]) for path in paths]
    except Exception:  # of various types, as the files may be a stranger's
        return None
    if not sources:
        return None
    images = torch.stack(sources)
    pairs = [images, to_uint8(model.translate(to_float(images), direction))]
    channels = max(part.shape[1] for part in pairs)
    both = torch.stack([part.expand(-1, channels, -1, -1) for part in pairs], dim=1).flatten(0, 1)
    columns = min(len(sources), 3)
    names = [model.metadata.get("domains", {}).get(domain, domain) for domain in (source, target)]
    drawn = grid(both, 2 * columns, scale=None, titles=names * columns, groups=[2] * columns)
    caption = f"From {names[0]} to {names[1]}: images of the test split beside their translations"
    return Figure(caption, f"lightning-gans demo {name}", to_picture(drawn))


def grids(folder: RunFolder) -> list[Figure]:
    """The newest grid of each domain of a run that has no examples to translate."""
    newest = {file.domain: file for file in folder.grids()}
    found = []
    for domain, file in newest.items():
        try:
            picture = read_picture(file.path)
        except InputError:
            continue
        found.append(Figure(f"Translations into {domain}" if domain else "Translations", "", picture))
    return found


def to_picture(drawn: Image.Image) -> Picture:
    """A drawing as a picture for a page."""
    content = io.BytesIO()
    drawn.save(content, format="png")
    return embed(content.getvalue())


def render_gallery(entries: Sequence[Entry]) -> str:
    """The page."""
    template = page_environment().get_template("gallery.html.j2")
    return template.render(title="Gallery", entries=entries, **page_facts())
