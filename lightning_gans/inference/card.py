"""The text beside a model on the Hugging Face Hub, filled from what is known of it."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lightning_gans.core.image_grids import grid, upscale_nearest
from lightning_gans.core.pixels import to_uint8
from lightning_gans.core.version import __version__
from lightning_gans.inference.image_translator import ImageTranslator
from lightning_gans.inference.latent_sampler import LatentSampler
from lightning_gans.inference.model import PretrainedModel
from lightning_gans.reporting.runs import is_row
from lightning_gans.reporting.text import ONE_CLASS, stamp_line
from lightning_gans.runs.record import RunRecord, concerns
from lightning_gans.runs.score_order import order_scores

SAMPLES = "samples.png"
"""Pictures that a model from noise makes for its own card."""

CELLS = 40
"""How many, about."""

WEIGHTS = {"ema": "their moving average over training", "raw": "as the optimizer left them"}

VARIANTS = Path(__file__).resolve().parents[1] / "variants"

Picture = tuple[str, str]
"""The name of a file beside the card, and what it shows."""


def model_card(
    model: PretrainedModel,
    record: RunRecord | None = None,
    pictures: Sequence[Picture] = (),
    licence: str | None = None,
) -> ModelCard:
    """What the model is, how to use it, what it was trained on, its scores with their stamps, its licence.

    What is not known is said to be so; nothing is made up.

    Args:
        model: the trained model.
        record: what the run's folder says, where there is one.
        pictures: pictures that will lie beside the card, besides those that the model makes for itself.
        licence: of the weights, in the hub's words, such as "mit" or "cc-by-4.0".
    """
    record = record or RunRecord()
    metadata = model.metadata
    variant = str(metadata.get("variant", "unknown"))
    name = variant.rpartition(".")[2]
    rows = measured(model, record)
    data = metadata.get("data") or (record.settings.get("data") or {}).get("class_path")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    text = environment.get_template("card.md.j2").render(
        name=name,
        summary=summary_of(variant),
        version=__version__,
        variant=variant,
        whose=WEIGHTS.get(model.weights_kind, "of an unknown kind"),
        **{key: metadata.get(key) for key in ("step", "epoch", "seed")},
        pictures=[*([(SAMPLES, samples_caption(model))] if makes_pictures(model) else []), *pictures],
        kind=type(model).__name__,
        use=snippet(model),
        takes=what_it_takes(model),
        data=data,
        scores=[score_table(row) for row in rows],
        licence=licence,
        settings=as_yaml(record.settings or {key: value for key, value in model.config.items() if key != "metadata"}),
        versions=", ".join(f"{package} {number}" for package, number in (metadata.get("versions") or {}).items()),
    )
    return ModelCard(f"---\n{header(model, name, data, rows, licence).to_yaml()}\n---\n\n{text}")


def header(
    model: PretrainedModel, name: str, data: str | None, rows: list[dict[str, Any]], licence: str | None
) -> ModelCardData:
    """What the hub reads: how the model is found there, and the table of its scores."""
    # What the mixin adds for its own classes is kept, so that the hub counts the model as one of them.
    tags = sorted({*(model._hub_mixin_info.model_card_data.tags or []), name.lower()})
    task = "unconditional-image-generation" if isinstance(model, LatentSampler) else "image-to-image"
    dataset = str(data or "unknown").rpartition(".")[2].removesuffix("DataModule")
    results = [
        EvalResult(
            task_type=task,
            dataset_type=dataset.lower(),
            dataset_name=dataset,
            dataset_split=row["stamp"]["split"],
            metric_type=score.partition("/")[2],
            metric_name=score.partition("/")[2],
            metric_value=value,
            metric_args={"stamp": line(row["stamp"]), "step": row.get("step")},
        )
        for row in rows
        for score, value in row["scores"].items()
        if math.isfinite(value) and not ONE_CLASS.search(score)
    ]
    return ModelCardData(
        library_name="lightning-gans",
        pipeline_tag=task,
        tags=tags,
        license=licence,
        model_name=name if results else None,
        eval_results=results or None,
    )


def measured(model: PretrainedModel, record: RunRecord) -> list[dict[str, Any]]:
    """The scores of these weights, the last of each split, domain and stamp."""
    rows = [row for row in model.metadata.get("scores", []) if is_row(row) and concerns(row, model.metadata)]
    last = {(next(iter(row["scores"])).rpartition("/")[0], line(row["stamp"])): row for row in [*rows, *record.rows]}
    return list(last.values())


def score_table(row: dict[str, Any]) -> dict[str, Any]:
    """A row of scores as the card shows it, without those of single classes, the most telling first."""
    stamp = row["stamp"]
    scores = {name.partition("/")[2]: value for name, value in row["scores"].items() if not ONE_CLASS.search(name)}
    names = order_scores(list(scores), min(stamp["real"], stamp["fake"]))
    return {
        "split": stamp["split"],
        "step": row.get("step", "unknown"),
        "stamp": line(stamp),
        "names": names,
        "numbers": [f"{scores[name]:.4g}" for name in names],
    }


def line(stamp: dict[str, Any]) -> str:
    """A stamp in one line."""
    return stamp_line(stamp, [stamp["seed"]])


def summary_of(variant: str) -> str:
    """What a variant is and whose, in the first line of its class; read as text, for importing it takes seconds."""
    package, _, name = variant.rpartition(".")
    for path in sorted(VARIANTS.glob("*.py")) if package.startswith("lightning_gans.variants") else []:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    return "A generative adversarial network."


def makes_pictures(model: PretrainedModel) -> bool:
    """Whether the model makes pictures without being given any."""
    return isinstance(model, LatentSampler) and model.network.channels in (1, 3)


def samples_caption(model: PretrainedModel) -> str:
    """What the pictures of :func:`draw_samples` are."""
    classes = isinstance(model, LatentSampler) and model.num_classes
    return "Pictures of seed 0, not chosen" + (", the classes in turn" if classes else "")


def draw_samples(model: PretrainedModel, folder: Path) -> None:
    """Write pictures for the card, if the model can make them: the first of seed 0."""
    if not isinstance(model, LatentSampler) or not makes_pictures(model):
        return
    columns = min(model.num_classes, 10) or 8
    images = to_uint8(model.sample(CELLS // columns * columns))
    grid(upscale_nearest(images, max(1, 64 // model.network.size)), columns).save(folder / SAMPLES)


def snippet(model: PretrainedModel) -> str:
    """How a picture is made."""
    if isinstance(model, ImageTranslator):
        return f'translated = model.translate(images, "{model.directions[0]}")'
    classes = isinstance(model, LatentSampler) and model.num_classes
    return f"images = model.sample(n=64, {'labels=[0, 1], ' if classes else ''}seed=0)"


def what_it_takes(model: PretrainedModel) -> str:
    """Shapes and values of what goes in and comes out."""
    if isinstance(model, ImageTranslator):
        ways = [
            f"`{way}` from {model.network(way).channels_in} to {model.network(way).channels_out} channels, trained on "
            f"{size} x {size} pixels"
            for way, size in model.sizes.items()
        ]
        return f"Images are float tensors (N, C, H, W) in [-1, 1]: {'; '.join(ways)}."
    assert isinstance(model, LatentSampler)
    network = model.network
    return (
        f"Images are float tensors (N, {network.channels}, {network.size}, {network.size}) in [-1, 1], from "
        f"{network.latent_dim} numbers of {type(model.noise).__name__}"
        + (f" and one of {model.num_classes} classes" if model.num_classes else "")
        + ". A seed gives the same pictures everywhere, whatever their number."
    )


def as_yaml(settings: Any) -> str:
    """Settings to be read by people."""
    return str(yaml.safe_dump(settings, sort_keys=False)).rstrip()
