"""The page of a model that translates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from lightning_gans.core.image_metadata import FORMATS
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.pictures import translate_image
from lightning_gans.demo.uploads import read_upload
from lightning_gans.inference import ImageTranslator, load
from tests.support.browser_page import changed, difference, opened, pictures, set_slider, settled
from tests.support.demo_process import Demo, demo
from tests.support.demo_runs import PALETTE, named_run, translation_run

pytestmark = pytest.mark.slow

Files = dict[str, Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return translation_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(run: Path) -> ImageTranslator:
    loaded = load(run)
    assert isinstance(loaded, ImageTranslator)
    return loaded


@pytest.fixture(scope="module")
def served(browser: Browser, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    limits = ("--max_upload_mb", "0.1", "--max_pixels", "10000")
    with demo(run, tmp_path_factory.mktemp("demo"), *limits) as page:
        yield page
        assert page.end() == 0
        assert page.errors.read_text() == ""
        assert not list(page.temporary.glob("lightning-gans-*"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Pictures, and what is none."""
    folder = tmp_path_factory.mktemp("files")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(noise[:32, :32]).save(folder / "square.png")
    Image.fromarray(noise[:70, :45]).save(folder / "odd.jpg", exif=turned)
    Image.fromarray(noise[:20, :30, 0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(np.dstack([noise[:20, :20], noise[:20, :20, :1]])).save(folder / "clear.png")
    Image.new("RGB", (101, 100)).save(folder / "many.png")
    Image.fromarray(noise).save(folder / "large.png")
    (folder / "text.png").write_text("this is no picture")
    (folder / "empty.png").write_bytes(b"")
    return {path.stem: path for path in folder.iterdir()}


def upload(page: Page, file: Path) -> None:
    """Give the page a file, in place of the one that it has."""
    clear = page.locator("#upload").get_by_label("Clear")
    if clear.is_visible():
        clear.click()
    page.locator("#upload input[type=file]").set_input_files(file)


def check_pair(page: Page, expected: tuple[Image.Image, Image.Image]) -> None:
    """Before and after become the expected ones, to one gray level."""
    settled(page, "result", expected[0], 0)
    settled(page, "result", expected[1], 1, place=1)


def test_pictures_of_all_kinds_and_sizes_are_translated(
    browser: Browser, served: Demo, model: ImageTranslator, files: Files
) -> None:
    with opened(browser, served) as page:
        for name in ("square", "odd", "deep", "clear"):
            upload(page, files[name])
            check_pair(page, translate_image(model, read_upload(files[name], Limits()), "a_to_b"))
        page.get_by_label("b to a").check()
        check_pair(page, translate_image(model, read_upload(files["clear"], Limits()), "b_to_a"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", f"the file is not a readable image (not an image); expected a complete {FORMATS} file"),
        ("empty", "the file is empty; expected an image such as a PNG or a JPEG"),
        ("many", "the image has 101 x 100 = 10,100 pixels; expected at most 10,000"),
        ("large", "exceed the maximum allowed size of 102.4 Kb"),
    ],
)
def test_what_cannot_be_used_is_said_and_the_page_goes_on(
    name: str, message: str, browser: Browser, served: Demo, model: ImageTranslator, files: Files
) -> None:
    # Gradio's script does not send a file that is too large, and asks how far it has come.
    with opened(browser, served, refusing=name == "large") as page:
        upload(page, files["square"])
        expected = translate_image(model, read_upload(files["square"], Limits()), "a_to_b")
        check_pair(page, expected)
        upload(page, files[name])
        page.get_by_text(message).first.wait_for()
        expect(page.locator("#result img")).to_have_count(0)
        upload(page, files["square"])
        check_pair(page, expected)


@pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
def test_a_drawing_is_translated(direction: str, browser: Browser, served: Demo, model: ImageTranslator) -> None:
    with opened(browser, served) as page:
        page.get_by_label(direction.replace("_", " ")).check()
        page.get_by_role("tab", name="Draw").click()
        canvas = page.locator("#canvas canvas").first
        canvas.wait_for()
        page.wait_for_timeout(1500)
        box = canvas.bounding_box()
        assert box is not None
        across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(across - 60, down - 60)
        page.mouse.down()
        page.mouse.move(across + 60, down + 60, steps=8)
        page.mouse.up()
        shown = changed(page, "result", [])
        page.mouse.move(across - 60, down + 60)
        page.mouse.down()
        page.mouse.move(across + 60, down - 60, steps=8)
        page.mouse.up()
        while not crossed(shown):
            shown = changed(page, "result", shown)
        before, after = shown
        assert before.size == after.size == (32, 32)
        assert difference(after, translate_image(model, before, direction)[1]) <= 1


@pytest.fixture(scope="module")
def named(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, ImageTranslator]]:
    """The page of a model whose domains, classes and examples are known."""
    run = named_run(tmp_path_factory.mktemp("named"))
    with demo(run, tmp_path_factory.mktemp("demo")) as page:
        loaded = load(run)
        assert isinstance(loaded, ImageTranslator)
        yield page, loaded
        assert page.end() == 0
        assert page.errors.read_text() == ""


def test_examples_are_translated_with_a_click(browser: Browser, named: tuple[Demo, ImageTranslator]) -> None:
    served, model = named
    with opened(browser, served) as page:
        assert page.title() == "CycleGAN on houses - lightning-gans"
        check_pair(page, translate_image(model, Image.new("L", (32, 32), 60), "a_to_b"))
        page.locator("#examples button").nth(1).click()
        check_pair(page, translate_image(model, Image.new("L", (32, 32), 120), "a_to_b"))
        page.get_by_label("labels to photo").check()
        check_pair(page, translate_image(model, Image.new("RGB", (32, 32), PALETTE["wall"]), "b_to_a"))
        page.locator("#examples button").nth(1).click()
        check_pair(page, translate_image(model, Image.new("RGB", (32, 32), PALETTE["roof"]), "b_to_a"))


def test_label_maps_are_drawn_with_named_brushes(browser: Browser, named: tuple[Demo, ImageTranslator]) -> None:
    served, model = named
    with opened(browser, served) as page:
        page.get_by_role("tab", name="Draw").click()
        page.locator("#canvas canvas").first.wait_for()
        assert not page.locator("#brush").is_visible()
        page.get_by_label("labels to photo").check()
        page.locator("#brush").get_by_text("wall").wait_for()
        assert page.locator("#brush label").all_inner_texts() == ["wall", "roof", "sky"]
        check_pair(page, translate_image(model, Image.new("RGB", (32, 32), PALETTE["wall"]), "b_to_a"))
        page.wait_for_timeout(1500)
        for name in ("wall", "roof"):
            page.locator("#brush").get_by_label(name).check()
            page.wait_for_timeout(500)
            shown = pictures(page, "result")
            stroke(page, -60 if name == "wall" else 0)
            while not pixels_at(shown, (16, 12 if name == "wall" else 16), PALETTE[name]):
                shown = changed(page, "result", shown)
        # The canvas has the background of label maps, and the model is given the colors of the classes alone.
        assert {color for _, color in shown[0].convert("RGB").getcolors() or []} == {*PALETTE.values()}
        assert difference(shown[1], translate_image(model, shown[0], "b_to_a")[1]) <= 1


def pixels_at(shown: list[Image.Image], place: tuple[int, int], color: tuple[int, ...]) -> bool:
    """Whether the first picture has a color at a place."""
    return bool(shown) and shown[0].convert("RGB").getpixel(place) == color


def stroke(page: Page, below: float) -> None:
    """Draw a level line, some pixels of the screen below the middle of the canvas."""
    box = page.locator("#canvas canvas").first.bounding_box()
    assert box is not None
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + below
    page.mouse.move(across - 60, down)
    page.mouse.down()
    page.mouse.move(across + 60, down, steps=8)
    page.mouse.up()


def crossed(shown: list[Image.Image]) -> bool:
    """Whether the first picture is white with both strokes."""
    gray = shown[0].convert("L")
    strokes = [gray.getpixel((16 + x, 16 + y)) for x in (-3, 2) for y in (-3, 2)]
    return gray.getpixel((0, 0)) == 255 and strokes == [0, 0, 0, 0]


def test_it_ends_at_once_with_a_page_open_and_a_picture_half_translated(
    browser: Browser, run: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (2000, 2000), "red").save(tmp_path / "large.png")
    with demo(run, tmp_path / "demo") as served, opened(browser, served, refusing=True) as page:
        upload(page, tmp_path / "large.png")
        page.get_by_text("steps").first.wait_for()
        start = time.monotonic()
        assert served.end() == 0
        assert time.monotonic() - start < 15
        assert served.errors.read_text() == ""
        assert not list(served.temporary.glob("lightning-gans-*"))


def test_the_run_has_a_timeline_of_both_domains(browser: Browser, served: Demo) -> None:
    with opened(browser, served) as page:
        page.get_by_role("tab", name="The run").click()
        newest = changed(page, "grid-b", [])
        assert newest[0].getpixel((0, 0)) == (240, 100, 0)
        set_slider(page, "place", 2)
        assert changed(page, "grid-b", newest)[0].getpixel((0, 0)) == (160, 100, 0)
        assert pictures(page, "grid-a")[0].getpixel((0, 0)) == (160, 0, 0)
        assert pictures(page, "curves")
