from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard

import lightning_gans
from lightning_gans.inference.card import variant_summary
from lightning_gans.runs.record import read_run_record
from tests.support import checkpoint_files
from tests.support.scored_runs import score_row, scored_run


def card_of(folder: Path, license: str | None = None) -> tuple[str, dict[str, Any]]:
    model = lightning_gans.load(folder)
    record = read_run_record(folder / "checkpoints" / "best.ckpt", model.metadata)
    card = model.generate_model_card(record=record, license=license)
    return card.text, read_header(card)


def read_header(card: ModelCard) -> dict[str, Any]:
    header: dict[str, Any] = yaml.safe_load(card.content.split("---\n")[1])
    return header


def test_the_card_is_filled_from_the_run(tmp_path: Path) -> None:
    text, header = card_of(scored_run(tmp_path, score_row(1.25), score_row(2.5)), license="cc-by-4.0")
    assert "Conditional GAN (Mirza and Osindero, 2014)" in text
    assert "after 7 steps" in text
    assert "`lightning_gans.datamodules.DigitsDataModule`" in text
    assert "![The first pictures of seed 0, not selected, the classes in turn](samples.png)" in text
    assert "max_epochs: 3" in text
    assert "The weights: `cc-by-4.0`" in text
    assert "torch 2.11" in text
    assert header["license"] == "cc-by-4.0"
    assert header["library_name"] == "lightning-gans"
    assert header["pipeline_tag"] == "unconditional-image-generation"
    assert {"gan", "cgan", "model_hub_mixin", "pytorch_model_hub_mixin"} == set(header["tags"])


def test_each_score_has_its_stamp(tmp_path: Path) -> None:
    text, header = card_of(scored_run(tmp_path, score_row(1.25), score_row(2.5)))
    assert "split test | ema weights | batch norm running | dropout off | uint8-rounded | 5 neighbors | cpu" in text
    assert " | cpu | 32-true | seed 0" in text
    assert "split val | ema weights" in text  # the checkpoint's own
    assert "| 2.5 |" in text
    assert "1.25" not in text  # measured again
    assert "99.5" not in text  # of one class alone
    metrics = [metric for result in header["model-index"][0]["results"] for metric in result["metrics"]]
    assert {(metric["type"], metric["value"]) for metric in metrics} == {("fid", 2.5), ("fid", 3.5)}
    assert all("split" in metric["args"]["stamp"] for metric in metrics)


def test_scores_of_other_steps_and_weights_are_left_out(tmp_path: Path) -> None:
    text, _ = card_of(scored_run(tmp_path, score_row(41.0, step=8), score_row(42.0, weights="raw")))
    assert "41" not in text
    assert "42" not in text
    model = lightning_gans.load(tmp_path / "gan-mnist" / "version_0", raw=True)
    raw = model.generate_model_card().text
    assert "None are recorded for these weights" in raw
    assert "as the optimizer left them" in raw


def test_the_card_has_no_path_of_the_machine(tmp_path: Path) -> None:
    text, header = card_of(scored_run(tmp_path))
    assert not any(place in text + str(header) for place in ("/home/me", "secret-place", str(tmp_path)))


def test_unknown_facts_are_named(tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "best.ckpt")
    model = lightning_gans.load(path)
    model.metadata = {"variant": model.metadata["variant"], "weights": "ema", "step": 7, "epoch": 2}
    card = model.generate_model_card(record=read_run_record(path, model.metadata))
    assert "## Training data\n\nNot recorded." in card.text
    assert "None are recorded for these weights." in card.text
    assert "The license of the weights is not stated." in card.text
    assert "are not recorded" in card.text
    assert "seed None" not in card.text
    assert "license" not in read_header(card)


def test_a_translation_shows_the_runs_pictures(tmp_path: Path) -> None:
    model = lightning_gans.load(checkpoint_files.both_ways(tmp_path / "best.ckpt"))
    text = model.generate_model_card(pictures=[("grid.png", "Sources and translations")]).text
    assert "![Sources and translations](grid.png)" in text
    assert "samples.png" not in text
    assert "`a_to_b` from 1 to 3 channels, trained on 32 x 32 pixels" in text


def test_a_variant_is_described_by_its_docstring_under_both_of_its_paths() -> None:
    for path in ("lightning_gans.variants.CGAN", "lightning_gans.CGAN"):
        assert variant_summary(path).startswith("Conditional GAN (Mirza and Osindero, 2014)")
    assert variant_summary("my_gan.CGAN") == "A generative adversarial network."
