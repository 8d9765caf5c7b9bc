"""The pages of models, as Gradio's script is told of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightning_gans.demo.limits import Limits
from lightning_gans.demo.page import build
from lightning_gans.inference import PretrainedModel, load
from tests.support import checkpoint_files


@pytest.fixture(autouse=True)
def _event_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Gradio makes event loops with every page and leaves them open; here they are one, which is closed."""
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


Props = dict[str, dict[str, Any]]
"""The properties of a page's components, by the component's name."""


def components(model: PretrainedModel) -> Props:
    page = build(model, None, Limits(), threading.Event())
    parts = [part["props"] for part in page.get_config_file()["components"]]
    return {"page": {"title": page.title}, **{props["elem_id"]: props for props in parts if props.get("elem_id")}}


def latent(tmp_path: Path, conditional: bool = True, **metadata: Any) -> PretrainedModel:
    model = load(checkpoint_files.latent(tmp_path / "a.ckpt", conditional))
    model.metadata.update(metadata)  # type: ignore[typeddict-item]
    return model


def test_the_title_names_model_and_data(tmp_path: Path) -> None:
    assert components(latent(tmp_path))["page"]["title"] == "CGAN on Digits - lightning-gans"
    named = components(latent(tmp_path, data_name="<b>cats"))
    assert named["page"]["title"] == "CGAN on <b>cats - lightning-gans"
    assert "<h1>CGAN on &lt;b&gt;cats</h1>" in named["title"]["value"]


def test_one_list_has_the_classes_by_name_and_all_in_turn(tmp_path: Path) -> None:
    names = [f"kind {letter}" for letter in "abcdefghij"]
    parts = components(latent(tmp_path, classes=names))
    assert parts["start-class"]["choices"][:2] == [("All in turn", -1), ("kind a", 0)]
    assert parts["start-class"]["value"] == -1
    assert [name for name, _ in parts["end-class"]["choices"]] == names
    assert "every" not in parts
    unnamed = components(latent(tmp_path))
    assert unnamed["start-class"]["choices"][4] == ("class 3", 3)
    assert not components(latent(tmp_path, conditional=False))["start-class"]["visible"]


def test_a_button_draws_each_seed(tmp_path: Path) -> None:
    parts = components(latent(tmp_path))
    assert [parts[f"{name}-random"]["value"] for name in ("start", "end")] == ["Random seed"] * 2


def test_the_truncation_starts_at_its_weak_end(tmp_path: Path) -> None:
    slider = components(latent(tmp_path))["truncation"]
    assert (slider["minimum"], slider["value"]) == (0, 0)
    assert 0.9 < slider["maximum"] < 1
