"""README, CONTRIBUTING and the pages in docs/ agree with the code and the configs; they are read here, and not run."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from textwrap import indent

import pytest
from PIL import Image

from tests.support.docs_scripts import load_script
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
RESULTS = DOCS / "results.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs is not beside the tests")

PAGES = [README, CONTRIBUTING, *sorted(DOCS.glob("*.md"))]


def modules_of_variants() -> dict[str, str]:
    """Each variant's class and its module, from the package's exports."""
    exports = (ROOT / "lightning_gans" / "variants" / "__init__.py").read_text(encoding="utf-8")
    return {name: module for module, name in re.findall(r"^from [\w.]+\.(\w+) import (\w+)$", exports, re.MULTILINE)}


def variants_with_results() -> list[str]:
    """Modules of the variants in the tables of results, of which a page is required."""
    rows = re.findall(r"^\| [\w-]+ \| (\w+) \| \d+ \| \d+ \|", RESULTS.read_text(encoding="utf-8"), re.MULTILINE)
    modules = modules_of_variants()
    return sorted({modules[variant] for variant in rows})


VARIANTS = variants_with_results() if RESULTS.is_file() else []

SECTIONS = [
    "Problem",
    "Paper",
    "Equations and code",
    "Networks",
    "Samples",
    "Scores",
    "Configs",
    "Troubleshooting",
]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"^`([\w/]+\.py)`[^`]*(?:`[\w.]+`[^`]*)*:$")
LINK = re.compile(r"\]\(([^)\s]+)\)")
GIVEN = re.compile(r"--config ([a-z0-9_]+/[a-z0-9_]+)(?![\w/.-])")
NAMED_CONFIG = re.compile(rf"`((?:{'|'.join(modules_of_variants().values())})/[a-z0-9_]+)`")
SCORE = re.compile(r"-?[\d.e-]+ \(-?[\d.e-]+\u2013-?[\d.e-]+\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def quotes_of(page: Path) -> list[tuple[str, str]]:
    """Each Python block and the source file that the line above names; a block right after another is of the same."""
    text = text_of(page)
    quotes: list[tuple[str, str]] = []
    source, end = "", 0
    for block in PYTHON.finditer(text):
        between = text[end : block.start()].strip().splitlines()
        if between or not quotes:
            named = NAMED.match(between[-1]) if between else None
            assert named, f"{page.name}: no line such as `lightning_gans/losses.py`: stands above\n{block[1]}"
            source = named[1]
        quotes.append((source, block[1]))
        end = block.end()
    return quotes


def is_part_of(block: str, source: str) -> bool:
    """Whether these are whole lines of the source, in a row; a page may leave out the indentation they share."""
    return any("\n" + indent(block, " " * depth) in "\n" + source for depth in (0, 4, 8, 12))


def anchors_of(page: Path) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    anchors: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors


def configs_of(page: Path) -> set[str]:
    """The shipped configs that a page names: after ``--config``, or a variant's between backticks."""
    return {*GIVEN.findall(text_of(page)), *NAMED_CONFIG.findall(text_of(page))}


def test_every_variant_with_results_has_a_page_and_every_page_a_line_in_the_index() -> None:
    assert len(VARIANTS) > 5
    index = text_of(DOCS / "README.md")
    for page in sorted(DOCS.glob("*.md")):
        assert page.name == "README.md" or f"({page.name})" in index, f"docs/README.md has no link to {page.name}"
    assert [name for name in VARIANTS if not (DOCS / f"{name}.md").is_file()] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variants_page_has_the_sections_in_their_order(variant: str) -> None:
    page = DOCS / f"{variant}.md"
    assert re.findall(r"^## (.+)$", prose_of(page), re.MULTILINE) == SECTIONS
    bodies = re.split(r"^## .+$", text_of(page), flags=re.MULTILINE)[1:]
    assert all(body.strip() for body in bodies)
    assert "$$" in bodies[2]
    assert "](images/" in bodies[4]


@pytest.mark.parametrize("name", [*VARIANTS, "few_images"])
def test_code_on_a_page_stands_in_the_file_it_names(name: str) -> None:
    quotes = quotes_of(DOCS / f"{name}.md")
    assert quotes
    assert name not in VARIANTS or f"lightning_gans/variants/{name}.py" in {source for source, _ in quotes}
    for source, block in quotes:
        assert is_part_of(block, text_of(ROOT / source)), f"{source} does not hold\n{block}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_scores_on_a_variants_page_are_those_of_the_results(variant: str) -> None:
    rows = [line for line in text_of(RESULTS).splitlines() if line.startswith("| ")]
    scores = SCORE.findall(text_of(DOCS / f"{variant}.md"))
    assert scores
    assert [score for score in scores if not any(f"| {score} |" in row for row in rows)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    for link in LINK.findall(prose_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors_of(target), f"{page.name}: {link} is no heading"


def test_links_are_found() -> None:
    assert sum(len(LINK.findall(prose_of(page))) for page in PAGES) > len(PAGES)


def test_configs_and_models_that_are_named_are_shipped() -> None:
    # CONTRIBUTING's are those that its readers write.
    named = {(page.name, name) for page in PAGES if page != CONTRIBUTING for name in configs_of(page)}
    assert named
    missing = [each for each in sorted(named) if not (ROOT / "configs" / f"{each[1]}.yaml").is_file()]
    assert [each for each in missing if not (ROOT / "models" / each[1]).is_dir()] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variants_page_names_all_of_its_configs(variant: str) -> None:
    shipped = {f"{variant}/{path.stem}" for path in (ROOT / "configs" / variant).glob("*.yaml")}
    assert shipped
    assert shipped <= configs_of(DOCS / f"{variant}.md")


def test_the_chain_leads_from_page_to_page() -> None:
    chain = ["gan", "dcgan", "lsgan", "cgan", "pix2pix", "cyclegan", "cut"]
    for before, after in pairwise(chain):
        assert f"]({after}.md)" in text_of(DOCS / f"{before}.md"), f"{before}.md does not lead to {after}.md"
        assert f"]({before}.md)" in text_of(DOCS / f"{after}.md"), f"{after}.md does not lead back to {before}.md"


def test_the_readme_is_short_and_its_tables_are_narrow() -> None:
    lines = text_of(README).splitlines()
    assert len(lines) <= 150
    assert max(line.count(" | ") + 1 for line in lines if line.startswith("|")) <= 5


def test_the_readmes_picture_is_composed_of_the_pages() -> None:
    module = load_script("front_picture")
    composed = module.compose()
    with Image.open(DOCS / "images" / "front.png") as picture:
        assert picture.size == composed.size
        assert picture.convert("RGBA").tobytes() == composed.tobytes(), "`python docs/front_picture.py` writes it"
