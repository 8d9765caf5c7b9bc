"""The model card: the text beside a model on the Hugging Face Hub."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lightning_gans.core import __version__
from lightning_gans.runs.record import ModelMetadata, RunRecord, matches_checkpoint
from lightning_gans.runs.scores import PER_CLASS_SCORE, ScoreRow, order_scores, parse_complete_rows
from lightning_gans.runs.settings import describe_start

SAMPLES = "samples.png"
"""Name of the file of pictures that a model draws for its own card."""

WEIGHTS = {"ema": "their moving average over training", "raw": "as the optimizer left them"}

VARIANTS = Path(__file__).resolve().parents[1] / "variants"

Picture = tuple[str, str]
"""The name of a file beside the card, and what it shows."""


@dataclass(frozen=True)
class CardFacts:
    """What a model card says about a model.

    Attributes:
        class_name: of the class in :mod:`lightning_gans.inference`.
        task: the hub's name of what the model does, such as "image-to-image".
        tags: words by which the model is found on the hub.
        metadata: of the model.
        usage: a line of Python that uses ``model``.
        input_description: shapes and values of inputs and outputs.
        pictures: files beside the card, with their captions.
        license: of the weights, by the hub's name for it; None if it is not stated.
        config: arguments of the class; the card shows them where the run's settings are not known.
    """

    class_name: str
    task: str
    tags: Sequence[str]
    metadata: ModelMetadata
    usage: str
    input_description: str
    pictures: Sequence[Picture]
    license: str | None
    config: Mapping[str, Any]

    @property
    def variant(self) -> str:
        """Class path of the GAN, "unknown" if it is not known."""
        return self.metadata.get("variant", "unknown")

    @property
    def name(self) -> str:
        """Class name of the GAN; "Imported" for a model that another program has trained."""
        return "Imported" if "imported_from" in self.metadata else self.variant.rpartition(".")[2]


def model_card(facts: CardFacts, record: RunRecord | None = None) -> ModelCard:
    """What the model is, how to use it, its training data, its scores with their stamps, its license.

    The card states which facts are not known.

    Args:
        facts: about the model.
        record: what the run's folder holds about the model, if it comes from one.
    """
    record = record or RunRecord()
    metadata = facts.metadata
    rows = latest_scores(metadata, record)
    imported = metadata.get("imported_from")
    data = metadata.get("data") or (record.settings.get("data") or {}).get("class_path")
    settings = record.settings or {key: value for key, value in facts.config.items() if key != "metadata"}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    text = environment.get_template("card.md.j2").render(
        facts=facts,
        metadata=metadata,
        summary="Weights of another program." if imported else variant_summary(facts.variant),
        imported=imported,
        version=__version__,
        weights=WEIGHTS.get(metadata.get("weights", ""), "of an unknown kind"),
        data=data,
        start=describe_start(metadata.get("started_from")),
        scores=[score_table(row) for row in rows],
        settings=str(yaml.safe_dump(settings, sort_keys=False)).rstrip(),
    )
    return ModelCard(f"---\n{card_header(facts, data, rows).to_yaml()}\n---\n\n{text}")


def card_header(facts: CardFacts, data: str | None, rows: list[ScoreRow]) -> ModelCardData:
    """The card's YAML header, which the hub reads: tags, and the table of scores."""
    dataset = str(data or "unknown").rpartition(".")[2].removesuffix("DataModule")
    results = [
        EvalResult(
            task_type=facts.task,
            dataset_type=dataset.lower(),
            dataset_name=dataset,
            dataset_split=row.stamp.split,
            metric_type=name,
            metric_name=name,
            metric_value=value,
            metric_args={"stamp": str(row.stamp), "step": row.step},
        )
        for row in rows
        for name, value in row.short_scores.items()
        if math.isfinite(value) and not PER_CLASS_SCORE.search(name)
    ]
    return ModelCardData(
        library_name="lightning-gans",
        pipeline_tag=facts.task,
        tags=sorted({*facts.tags, facts.name.lower()}),
        license=facts.license,
        model_name=facts.name if results else None,
        eval_results=results or None,
    )


def latest_scores(metadata: ModelMetadata, record: RunRecord) -> list[ScoreRow]:
    """The scores of these weights: the last row of each split, domain and stamp."""
    rows = [row for row in parse_complete_rows(metadata.get("scores", [])) if matches_checkpoint(row, metadata)]
    last = {(row.split, row.domain, str(row.stamp)): row for row in [*rows, *record.rows]}
    return list(last.values())


def score_table(row: ScoreRow) -> dict[str, Any]:
    """A row of scores for the template, without scores of single classes, the most informative first."""
    scores = {name: value for name, value in row.short_scores.items() if not PER_CLASS_SCORE.search(name)}
    names = order_scores(scores, row.stamp.images)
    return {
        "split": row.stamp.split,
        "step": "unknown" if row.step is None else row.step,
        "stamp": str(row.stamp),
        "names": names,
        "numbers": [f"{scores[name]:.4g}" for name in names],
    }


def variant_summary(variant: str) -> str:
    """The first line of a variant's docstring. The class is parsed, not imported, since that takes seconds."""
    package, _, name = variant.rpartition(".")
    ours = package == "lightning_gans" or package.startswith("lightning_gans.variants")
    for path in sorted(VARIANTS.glob("*.py")) if ours else []:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    return "A generative adversarial network."
