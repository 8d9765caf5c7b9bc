"""The pages of models, as Gradio's script is told of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from lightning_gans.demo.canvas import GRAYS, brush_choices, brush_colors, brushes, empty_canvas
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.page import build
from lightning_gans.demo.translation_tab import read_examples
from lightning_gans.inference import ImageTranslator, PretrainedModel, load
from lightning_gans.runs.folder import RunFolder
from tests.support import checkpoint_files
from tests.support.demo_runs import named_run, translation_run


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


def components(model: PretrainedModel, run: RunFolder | None = None) -> Props:
    page = build(model, run, Limits(), threading.Event())
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


def test_directions_have_sliders_and_styles_a_choice_of_layers(tmp_path: Path) -> None:
    parts = components(latent(tmp_path))
    assert [f"direction-{place}" in parts for place in (1, 3, 4)] == [True, True, False]
    assert not parts["direction-layers"]["visible"]
    assert components(load(checkpoint_files.styles(tmp_path / "s.ckpt")))["direction-layers"]["visible"]


def test_a_picture_can_be_uploaded_where_images_are_pictures(tmp_path: Path) -> None:
    parts = components(latent(tmp_path))
    assert parts["picture"]["label"] == "A picture of at most 10 MB and 4,000,000 pixels"
    assert "nearest" in parts
    model: Any = latent(tmp_path)
    model.network.size = (1, 1)  # points in the plane
    assert "picture" not in components(model)


def test_an_imported_model_says_where_it_is_from(tmp_path: Path) -> None:
    run = translation_run(tmp_path)
    model = translator(run)
    for key in ("variant", "step", "epoch", "data", "data_name"):
        model.metadata.pop(key, None)  # type: ignore[misc]
    model.metadata["imported_from"] = "latest_net_G.pth (ResNet-9)"
    parts = components(model)
    assert parts["page"]["title"] == "An imported model - lightning-gans"
    assert "imported from latest_net_G.pth (ResNet-9) · " in parts["title"]["value"]
    assert parts["direction"]["choices"] == [("a to b", "a_to_b"), ("b to a", "b_to_a")]


def translator(folder: Path) -> ImageTranslator:
    model = load(folder)
    assert isinstance(model, ImageTranslator)
    return model


def test_domains_and_brushes_have_names(tmp_path: Path) -> None:
    run = named_run(tmp_path)
    parts = components(translator(run), RunFolder(run))
    assert parts["page"]["title"] == "CycleGAN on houses - lightning-gans"
    assert "photo to labels and labels to photo" in parts["title"]["value"]
    assert parts["direction"]["choices"] == [("photo to labels", "a_to_b"), ("labels to photo", "b_to_a")]
    assert parts["grid-a"]["label"] == "Grid of domain photo"
    assert not parts["brush"]["visible"]
    assert len(parts["examples"]["value"]) == 2
    unnamed = components(translator(translation_run(tmp_path / "other")))
    assert unnamed["direction"]["choices"][0] == ("a to b", "a_to_b")
    assert not unnamed["examples"]["value"]


def test_brushes_have_the_colors_that_the_model_sees(tmp_path: Path) -> None:
    model = translator(named_run(tmp_path))
    assert brush_choices(model, "b_to_a") == {"choices": ["wall", "roof", "sky"], "value": "wall", "visible": True}
    wall = brushes(model, "b_to_a")["wall"]
    assert (wall.colors, wall.default_color, wall.color_mode) == (["#aa00ff", "#0000ff", "#ff0000"], "#0000ff", "fixed")
    assert "#brush label:nth-of-type(3) span::before { background: #aa00ff; }" in brush_colors(model, "b_to_a")
    # Domain a is gray.
    assert (brushes(model, "a_to_b")[""].colors, brushes(model, "a_to_b")[""].color_mode) == (GRAYS, "fixed")
    assert brush_colors(model, "a_to_b") == ""
    assert brush_choices(model, "a_to_b")["visible"] is False
    model.metadata["palettes"] = {}
    assert brushes(model, "b_to_a")[""].color_mode == "defaults"


def test_a_canvas_has_the_shape_and_the_background_of_the_models_images(tmp_path: Path) -> None:
    model = translator(named_run(tmp_path))
    model.sizes["b_to_a"] = (32, 64)
    background = empty_canvas(model, "b_to_a")["background"]
    assert isinstance(background, Image.Image)
    assert (background.size, background.getpixel((0, 0))) == ((512, 256), (170, 0, 255))


def test_no_handler_replaces_the_editor_and_its_decoder(tmp_path: Path) -> None:
    # Gradio makes another editor for a session where a handler returns an update of its properties.
    model = translator(named_run(tmp_path))
    page = build(model, RunFolder(tmp_path), Limits(), threading.Event())
    editor = next(block for block in page.blocks.values() if isinstance(block, gr.ImageEditor))
    handlers = [fn.fn for fn in page.fns.values() if editor in fn.outputs and fn.fn is not None]
    assert len(handlers) == 1
    for direction in model.directions:
        value = handlers[0](None, direction, 0)[2]
        assert sorted(value) == ["background", "composite", "layers"]


def test_a_damaged_example_is_left_out(tmp_path: Path) -> None:
    run = RunFolder(named_run(tmp_path))
    assert [image.getpixel((0, 0)) for image in read_examples(run, "b_to_a")] == [(0, 0, 255), (255, 0, 0)]
    run.example("b", 1).write_bytes(b"no image")
    assert len(read_examples(run, "b_to_a")) == 1
    assert read_examples(None, "b_to_a") == []


def test_a_run_without_a_log_has_no_frame_for_curves(tmp_path: Path) -> None:
    run = RunFolder(named_run(tmp_path))
    page = build(translator(tmp_path), run, Limits(), threading.Event())
    figure = next(block for block in page.blocks.values() if block.elem_id == "curves")
    show = next(fn.fn for fn in page.fns.values() if figure in fn.outputs)
    assert show is not None
    assert show()[0]["visible"]
    run.metrics.unlink()
    assert not show()[0]["visible"]
