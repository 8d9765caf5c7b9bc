"""The page of a model from noise."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from lightning_gans.core.drawing import grid, to_pil
from lightning_gans.core.images import to_uint8
from lightning_gans.demo.directions_part import find_directions, move_image
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import Choice, film_strip, interpolate_at
from lightning_gans.demo.projection_part import find_nearest
from lightning_gans.inference import LatentSampler, load
from lightning_gans.inference.projection import Projector
from tests.support import checkpoint_files
from tests.support.browser_page import changed, difference, first, opened, pictures, set_slider, settled
from tests.support.demo_process import Demo, demo
from tests.support.demo_runs import latent_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return latent_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(run: Path) -> LatentSampler:
    loaded = load(run)
    assert isinstance(loaded, LatentSampler)
    return loaded


@pytest.fixture(scope="module")
def served(browser: Browser, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(run, tmp_path_factory.mktemp("demo")) as page:
        yield page
        assert page.end() == 0
        assert page.errors.read_text() == ""
        assert not list(page.temporary.glob("lightning-gans-*"))


def test_a_seed_is_a_picture(browser: Browser, served: Demo, model: LatentSampler) -> None:
    with opened(browser, served) as page:
        assert "CGAN on Digits" in page.title()
        assert "step 7 · epoch 2 · averaged weights" in page.locator("#title").inner_text()
        settled(page, "pictures", grid(to_uint8(model.sample(40)), 10))
        set_slider(page, "count", 1)
        settled(page, "pictures", to_pil(to_uint8(model.sample(1, [0]))[0]))
        zero = first(page, "pictures")
        set_slider(page, "start-seed-slider", 3)
        moved = changed(page, "pictures", [zero])[0]
        assert difference(moved, to_pil(to_uint8(model.sample(1, [0], 3))[0])) <= 1
        assert page.locator("#start-seed input").input_value() == "3"
        set_slider(page, "start-seed-slider", 0)
        assert changed(page, "pictures", [moved])[0].tobytes() == zero.tobytes()
        # A field takes what a slider cannot reach.
        page.locator("#start-seed input").fill("123456")
        settled(page, "pictures", to_pil(to_uint8(model.sample(1, [0], 123456))[0]))


def choose_class(page: Page, name: str, title: str) -> None:
    """Choose an entry of a list of classes."""
    page.locator(f"#{name} input").click()
    page.get_by_role("option", name=title, exact=True).click()


def test_a_class_can_be_asked_for(browser: Browser, served: Demo, model: LatentSampler) -> None:
    with opened(browser, served) as page:
        first(page, "pictures")
        assert "Classes from left to right: class 0, class 1" in page.locator("#caption").inner_text()
        choose_class(page, "start-class", "class 7")
        settled(page, "pictures", grid(to_uint8(model.sample(40, 7)), 8))
        assert page.locator("#caption").inner_text() == ""
        set_slider(page, "truncation", 0.5)
        settled(page, "pictures", grid(to_uint8(model.sample(40, 7, truncation=1.5)), 8))
        page.get_by_text("as with --truncation 1.5").wait_for()
        choose_class(page, "start-class", "All in turn")
        settled(page, "pictures", grid(to_uint8(model.sample(40, truncation=1.5)), 10))


def test_a_button_draws_a_seed(browser: Browser, served: Demo, model: LatentSampler) -> None:
    with opened(browser, served) as page:
        first(page, "pictures")
        page.evaluate("Math.random = () => 0.5")
        page.locator("#start-random").click()
        settled(page, "pictures", grid(to_uint8(model.sample(40, seed=500)), 10))
        assert page.locator("#start-seed input").input_value() == "500"
        assert page.locator("#start-seed-slider input[type=range]").input_value() == "500"


def test_a_position_is_a_picture_interpolate_at(browser: Browser, served: Demo, model: LatentSampler) -> None:
    with opened(browser, served) as page:
        settled(page, "between", interpolate_at(model, Choice(0), Choice(1), 0.5))
        settled(page, "strip", film_strip(model, Choice(0), Choice(1)))
        set_slider(page, "position", 0.25)
        settled(page, "between", interpolate_at(model, Choice(0), Choice(1), 0.25))
        set_slider(page, "end-seed-slider", 9)
        choose_class(page, "end-class", "class 4")
        settled(page, "between", interpolate_at(model, Choice(0), Choice(9, 4), 0.25))
        settled(page, "strip", film_strip(model, Choice(0), Choice(9, 4)))


def test_a_slider_moves_by_key(browser: Browser, served: Demo, model: LatentSampler) -> None:
    with opened(browser, served) as page:
        set_slider(page, "count", 1)
        settled(page, "pictures", to_pil(to_uint8(model.sample(1, [0]))[0]))
        page.locator("#start-seed-slider input[type=range]").focus()
        page.keyboard.press("ArrowRight")
        settled(page, "pictures", to_pil(to_uint8(model.sample(1, [0], 1))[0]))


def test_an_empty_seed_is_refused_in_a_sentence(browser: Browser, served: Demo) -> None:
    with opened(browser, served) as page:
        first(page, "pictures")
        page.locator("#start-seed input").fill("")
        page.get_by_text("the seed is empty; expected an integer of at least 0").first.wait_for()


def test_the_run_has_curves_a_timeline_and_scores(browser: Browser, served: Demo) -> None:
    with opened(browser, served) as page:
        page.get_by_role("tab", name="The run").click()
        newest = first(page, "grid")
        assert newest.getpixel((0, 0)) == (240, 0, 0)
        assert page.locator("#moment").inner_text() == "Grids of epoch 3, step 15"
        set_slider(page, "place", 1)
        assert changed(page, "grid", [newest])[0].getpixel((0, 0)) == (80, 0, 0)
        assert page.locator("#moment").inner_text() == "Grids of epoch 1, step 5"
        assert first(page, "curves").width > 300
        scores = page.locator("#scores")
        scores.get_by_text("test/fid").wait_for()
        assert "4.25" in scores.inner_text()
        assert "digits | 10 real, 10 generated | split val" in scores.inner_text()


def test_it_fits_a_phone(browser: Browser, served: Demo) -> None:
    with opened(browser, served, width=360) as page:
        first(page, "strip")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("tab", name="The run").click()
        first(page, "curves")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        # Curves scroll, from their left edge.
        image, frame = page.locator("#curves img"), page.locator("#curves")
        assert image.bounding_box()["width"] > 700  # type: ignore[index]
        assert image.bounding_box()["x"] >= frame.bounding_box()["x"]  # type: ignore[index]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_follow_the_theme(scheme: Literal["light", "dark"], browser: Browser, served: Demo) -> None:
    with opened(browser, served, scheme=scheme) as page:
        page.get_by_role("tab", name="The run").click()
        first(page, "curves")
        shot = Image.open(io.BytesIO(page.locator("#curves img").screenshot())).convert("L")
        lights = shot.histogram()
        # The background is most of the figure; lines and text stand out from it.
        background = max(range(256), key=lights.__getitem__)
        assert (background > 200) == (scheme == "light")
        assert sum(lights[:100] if scheme == "light" else lights[156:]) > 500


def test_a_model_without_classes_and_without_a_run(browser: Browser, tmp_path: Path) -> None:
    alone = checkpoint_files.latent(tmp_path / "a.ckpt")
    with demo(alone, tmp_path / "demo", "--raw") as served, opened(browser, served) as page:
        model = load(alone, raw=True)
        settled(page, "pictures", grid(to_uint8(model.sample(16)), 4))
        assert "raw weights" in page.locator("#title").inner_text()
        assert not page.locator("#start-class").is_visible()
        page.get_by_role("tab", name="The run").click()
        page.get_by_text("This checkpoint is not in a run's folder").wait_for()
        assert "val/fid" in page.locator("#scores").inner_text()
        assert pictures(page, "curves") == []


def test_sliders_move_an_image_along_directions(browser: Browser, served: Demo, model: LatentSampler) -> None:
    with opened(browser, served) as page:
        still = to_pil(to_uint8(model.sample(1, [0]))[0])
        settled(page, "moved", still)
        set_slider(page, "direction-1", 2)
        set_slider(page, "direction-3", -1.5)
        moved = move_image(model, Choice(0), find_directions(model), [2.0, 0.0, -1.5], None)
        settled(page, "moved", moved)
        assert difference(moved, still) > 5
        page.locator("#direction-reset").click()
        settled(page, "moved", still)
        assert page.locator("#direction-3 input[type=range]").input_value() == "0"


def test_the_image_that_is_nearest_to_a_picture_is_found(
    browser: Browser, served: Demo, model: LatentSampler, tmp_path: Path
) -> None:
    picture = tmp_path / "seven.png"
    to_pil(to_uint8(model.sample(1, [7], seed=5))[0]).save(picture)
    with opened(browser, served) as page:
        first(page, "pictures")
        page.locator("#picture input[type=file]").set_input_files(picture)
        projector = Projector.of_model(model)[0]
        expected, text = find_nearest(model, projector, picture, Limits(), lambda _: None)
        settled(page, "nearest", expected[0], 0)
        settled(page, "nearest", expected[1], 2, place=1)
        assert page.locator("#nearest-caption").inner_text().startswith(text[:60])
        page.locator("#picture").get_by_label("Clear").click()
        page.wait_for_function("document.querySelectorAll('#nearest img[src*=\"file=\"]').length === 0")
